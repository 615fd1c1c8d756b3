/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * FreeBSD's kernel environment and boot flags, from a command line and from NAME=VALUE words.
 */
#include <string.h>
#include <strings.h>

#include "freebsd.h"

/* boot(8)'s letters, loader(8)'s variables and sys/reboot.h's bits for the same things. */
static const struct {
	char letter;
	const char *name;
	uint32_t bit;
} flags[] = {
	{ 'a', "boot_askname", 0x1 },
	{ 'C', "boot_cdrom", 0x2000 },
	{ 'd', "boot_ddb", 0x40 },
	{ 'D', "boot_multicons", 0x20000000 },
	{ 'g', "boot_gdb", 0x8000 },
	{ 'h', "boot_serial", 0x1000 },
	{ 'm', "boot_mute", 0x10000 },
	{ 'p', "boot_pause", 0x100000 },
	{ 'r', "boot_dfltroot", 0x20 },
	{ 's', "boot_single", 0x2 },
	{ 'v', "boot_verbose", 0x800 },
};
#define NFLAGS (sizeof(flags) / sizeof(flags[0]))

static int
set_letters(struct freebsd_args *a, const char *word, size_t len, struct boot_error *e)
{
	for (size_t i = 1; i < len; i++) {
		size_t n = 0;

		while (n < NFLAGS && flags[n].letter != word[i])
			n++;
		if (n == NFLAGS)
			return boot_fail(e,
			    "%.*s: FreeBSD's kernel has no flag -%c; there are -aCdDghmprsv",
			    (int)len, word, word[i]);
		a->howto |= flags[n].bit;
	}
	return 0;
}

static bool
name_valid(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\'')
			return false;
	}
	return len > 0;
}

/* An earlier value of this name goes. */
static void
drop(struct freebsd_args *a, const char *name, size_t len)
{
	size_t size;

	for (char *p = a->env, *end = a->env + a->len; p < end; p += size) {
		size = strlen(p) + 1;
		if (strncmp(p, name, len) != 0 || p[len] != '=')
			continue;
		memmove(p, p + size, (size_t)(end - (p + size)));
		a->len -= (uint32_t)size;
		return;
	}
}

/* The kernel knows some flags only as bits: no is no, all else is yes. */
static void
set_flag(struct freebsd_args *a, const char *name, size_t len, const char *val, size_t vlen)
{
	bool no = vlen == 2 && strncasecmp(val, "no", 2) == 0;

	for (size_t i = 0; i < NFLAGS; i++) {
		if (strlen(flags[i].name) != len || strncmp(flags[i].name, name, len) != 0)
			continue;
		a->howto = no ? a->howto & ~flags[i].bit : a->howto | flags[i].bit;
	}
}

/* word: NAME=VALUE, or NAME for NAME=1. */
static int
set_variable(struct freebsd_args *a, const char *word, size_t len, struct boot_error *e)
{
	const char *eq = memchr(word, '=', len);
	size_t nlen = eq != NULL ? (size_t)(eq - word) : len;
	const char *val = eq != NULL ? eq + 1 : "1";
	size_t vlen = eq != NULL ? len - nlen - 1 : 1;
	char *p;

	if (!name_valid(word, nlen))
		return boot_fail(e, "%.*s: is not NAME=VALUE for FreeBSD's kernel environment",
		    (int)(len < 200 ? len : 200), word);
	drop(a, word, nlen);
	/* '=', the variable's NUL and the last */
	if (nlen + vlen + 3 > sizeof(a->env) - a->len)
		return boot_fail(e, "%.*s: the kernel's environment is larger than %u bytes",
		    (int)(nlen < 200 ? nlen : 200), word, FREEBSD_ENV_MAX);
	p = a->env + a->len;
	memcpy(p, word, nlen);
	p[nlen] = '=';
	memcpy(p + nlen + 1, val, vlen);
	p[nlen + 1 + vlen] = '\0';
	a->len += (uint32_t)(nlen + vlen + 2);
	set_flag(a, word, nlen, val, vlen);
	return 0;
}

/* What kernel.bin takes as bootargs begins so: here it says nothing. */
static const char *
skip_guard(const char *cmdline)
{
	static const char guard[] = "FreeBSD:";

	cmdline += strspn(cmdline, " ");
	return cmdline +
	    (strncasecmp(cmdline, guard, sizeof(guard) - 1) == 0 ? sizeof(guard) - 1 : 0);
}

int
freebsd_args_make(const struct boot_config *c, struct freebsd_args *a, struct boot_error *e)
{
	const char *word = skip_guard(c->cmdline != NULL ? c->cmdline : "");
	int error = 0;
	size_t len;

	memset(a, 0, sizeof(*a));
	while (error == 0 && *(word += strspn(word, " \n")) != '\0') {
		len = strcspn(word, " \n");
		error = word[0] == '-' ? set_letters(a, word, len, e) :
					 set_variable(a, word, len, e);
		word += len;
	}
	for (unsigned int i = 0; error == 0 && i < c->nenv; i++)
		error = set_variable(a, c->env[i], strlen(c->env[i]), e);
	/* One NUL ends a variable, one more the whole; an empty environment has both, too. */
	a->len += a->len == 0 ? 2 : 1;
	return error;
}
