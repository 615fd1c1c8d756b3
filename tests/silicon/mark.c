/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * mark N: tells the silicon checker that epoch N begins, from which on it reports each finding
 * anew.  The sign is a hint that does nothing and that nobody else uses, with N in r0.
 */
#include <stdio.h>
#include <stdlib.h>

static void
mark(unsigned long epoch)
{
	register unsigned long number __asm__("r0") = epoch;

	__asm__ volatile(".inst 0xe320f0f9" : : "r"(number)); /* DBG #9 */
}

int
main(int argc, char **argv)
{
	unsigned long number;
	char *end;

	if (argc != 2) {
		fprintf(stderr, "usage: mark NUMBER\n");
		return 2;
	}
	number = strtoul(argv[1], &end, 0);
	if (end == argv[1] || *end != '\0') {
		fprintf(stderr, "mark: %s is no number\n", argv[1]);
		return 2;
	}
	mark(number);
	return 0;
}
