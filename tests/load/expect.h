/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a program of the system tests expects; it says what is not so, and goes on.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failures;

#define EXPECT(x)                                                                           \
	do {                                                                                \
		if (!(x)) {                                                                 \
			printf("line %d: not so: %s (errno %d, %s)\n", __LINE__, #x, errno, \
			    strerror(errno));                                               \
			failures++;                                                         \
		}                                                                           \
	} while (0)

#endif /* EXPECT_H */
