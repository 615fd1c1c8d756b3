/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What FreeBSD's kernel finds when it starts, walked as it does: in its own addresses, from r0.  It
 * prints what is there, and fails where something is not within what the list says is taken.
 */
#include "guest.h"

#define KERNEL	  0xc0000000u
#define MAPPED	  (64u << 20)
#define PAGE	  4096u
#define FDT_MAGIC 0xedfe0dd0u /* as a little-endian CPU reads it */

enum {
	NAME = 0x0001,
	TYPE = 0x0002,
	ADDR = 0x0003,
	SIZE = 0x0004,
	ARGS = 0x0006,
	SSYM = 0x8003,
	ESYM = 0x8004,
	ENVP = 0x8006,
	HOWTO = 0x8007,
	KERNEND = 0x8008,
	DTBP = 0x9002,
};

extern uint32_t boot_r0; /* kernel.S */

/* The record of a type in the n-th thing of the list; 0: there is none. */
static uint32_t
find(uint32_t thing, uint32_t type)
{
	uint32_t at = boot_r0, names = 0;

	for (; rd32(at) != 0 || rd32(at + 4) != 0; at += 8 + ((rd32(at + 4) + 3) & ~3u)) {
		check(at >= KERNEL && at < boot_r0 + PAGE);
		names += rd32(at) == NAME;
		if (names == thing + 1 && rd32(at) == type)
			return at + 8;
	}
	return 0;
}

static uint32_t
number(uint32_t thing, uint32_t type)
{
	uint32_t at = find(thing, type);

	if (at == 0)
		fail("there is no record of type %x", type);
	check_eq(rd32(at - 4), 4);
	return rd32(at);
}

static const char *
text(uint32_t thing, uint32_t type)
{
	uint32_t at = find(thing, type);

	if (at == 0)
		fail("there is no record of type %x", type);
	check_eq(rd8(at + rd32(at - 4) - 1), 0);
	return (const char *)at;
}

static uint32_t
sum(uint32_t at, uint32_t len)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < len; i++)
		total += rd8(at + i);
	return total;
}

static void
show_kernel(void)
{
	uint32_t end = number(0, KERNEND), at;

	check(end > boot_r0 && end < KERNEL + MAPPED && end % PAGE == 0);
	check_eq(number(0, ADDR), KERNEL);
	check(number(0, SIZE) < end - KERNEL);
	print("%s, %s: flags %x", text(0, NAME), text(0, TYPE), number(0, HOWTO));
	if (find(0, ARGS) != 0)
		print("arguments: %s", text(0, ARGS));
	at = number(0, DTBP);
	check(at > KERNEL && at < end);
	check_eq(rd32(at), FDT_MAGIC);
	at = number(0, SSYM);
	check(at > KERNEL && at < end);
	check_eq(at + 4 + rd32(at) + 4 + ((rd32(at + 4 + rd32(at)) + 3) & ~3u), number(0, ESYM));
	print("symbols: %u bytes", rd32(at));
	for (at = number(0, ENVP); rd8(at) != 0; at++) {
		check(at < end);
		print("variable: %s", (const char *)at);
		while (rd8(at) != 0)
			at++;
	}
}

static void
show_image(void)
{
	uint32_t at, len;

	if (find(1, NAME) == 0) {
		print("no image");
		return;
	}
	at = number(1, ADDR);
	len = number(1, SIZE);
	check(at % PAGE == 0 && at > KERNEL && at + len < number(0, KERNEND));
	print("%s, %s: %u bytes, sum %x", text(1, NAME), text(1, TYPE), len, sum(at, len));
}

void
test_main(void)
{
	check(boot_r0 > KERNEL && boot_r0 < KERNEL + MAPPED);
	check_eq(boot_r0 % PAGE, 0);
	show_kernel();
	show_image();
	check_eq(find(2, NAME), 0);
}
