/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * acked write FIRST: runs in a guest, in a directory of the disk under test.  Writes records FIRST,
 * FIRST + 1, ... in four ways and says "ack N" when the system says that record N is stable.  Ends
 * by a power cut.
 * acked check LAST: says "kept N" when all records up to LAST are there as they were written, or
 * names the first one that is not, with status 1.
 *
 * The ways: appended to a file; a file of its own; renamed over another file; written over an older
 * record past the page cache of the guest, where no file system metadata changes and the disk's
 * flush is all that counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD 4096u
#define WAYS   4u
#define SLOTS  16u /* of records written over */

/* For O_DIRECT. */
_Alignas(4096) static char record[RECORD], found[RECORD];

static void
die(const char *what)
{
	printf("acked: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
fill(uint32_t number)
{
	uint32_t x = number * 2654435761u | 1;
	int n = snprintf(record, RECORD, "record %u\n", number);

	for (uint32_t i = (uint32_t)n; i < RECORD; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		record[i] = (char)('a' + x % 26);
	}
}

static int
open_or_die(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd < 0)
		die(name);
	return fd;
}

static void
put(const char *name, int flags, uint32_t at)
{
	int fd = open_or_die(name, O_WRONLY | O_CREAT | flags);

	if (pwrite(fd, record, RECORD, (off_t)at * RECORD) != RECORD || fsync(fd) != 0)
		die(name);
	close(fd);
}

static void
sync_names(void)
{
	int fd = open_or_die(".", O_RDONLY | O_DIRECTORY);

	if (fsync(fd) != 0)
		die("the directory");
	close(fd);
}

static void
name_of(char name[32], uint32_t number)
{
	snprintf(name, 32, "file-%u", number);
}

static void
keep(uint32_t number)
{
	uint32_t nth = number / WAYS;
	char name[32];

	fill(number);
	switch (number % WAYS) {
	case 0:
		put("log", 0, nth);
		break;
	case 1:
		name_of(name, number);
		put(name, 0, 0);
		sync_names();
		break;
	case 2:
		put("new", O_TRUNC, 0);
		if (rename("new", "current") != 0)
			die("current");
		sync_names();
		break;
	default:
		put("slots", O_DIRECT, nth % SLOTS);
		break;
	}
}

/* So that writing over them later changes nothing but their contents. */
static void
make_slots(void)
{
	if (access("slots", F_OK) == 0)
		return;
	memset(record, '-', RECORD);
	for (uint32_t i = 0; i < SLOTS; i++)
		put("slots", 0, i);
	sync_names();
}

static void
write_on(uint32_t number)
{
	make_slots();
	for (;; number++) {
		keep(number);
		printf("ack %u\n", number);
	}
}

/* Is record `number`, or where a later one takes its place a later one, where it was put? */
static int
is_there(const char *name, uint32_t at, uint32_t number, uint32_t step)
{
	int fd = open(name, O_RDONLY);
	uint32_t is = 0;
	ssize_t n;

	if (fd < 0)
		return 0;
	n = pread(fd, found, RECORD, (off_t)at * RECORD);
	close(fd);
	if (n != RECORD || sscanf(found, "record %u\n", &is) != 1)
		return 0;
	if (step == 0 ? is != number : is < number || (is - number) % step != 0)
		return 0;
	fill(is);
	return memcmp(record, found, RECORD) == 0;
}

static int
kept(uint32_t number)
{
	uint32_t nth = number / WAYS;
	char name[32];

	switch (number % WAYS) {
	case 0:
		return is_there("log", nth, number, 0);
	case 1:
		name_of(name, number);
		return is_there(name, 0, number, 0);
	case 2:
		return is_there("current", 0, number, WAYS);
	default:
		return is_there("slots", nth % SLOTS, number, WAYS * SLOTS);
	}
}

static int
check(uint32_t last)
{
	for (uint32_t n = 1; n <= last; n++) {
		if (kept(n))
			continue;
		printf("record %u is lost, and %u was acknowledged\n", n, last);
		return 1;
	}
	printf("kept %u\n", last);
	return 0;
}

int
main(int argc, char **argv)
{
	uint32_t number = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && strcmp(argv[1], "check") == 0)
		return check(number);
	if (argc != 3 || strcmp(argv[1], "write") != 0) {
		fprintf(stderr, "usage: acked write FIRST | acked check LAST\n");
		return 2;
	}
	write_on(number);
}
