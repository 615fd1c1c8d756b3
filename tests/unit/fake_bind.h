/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The kernel module's doorbells: which are bound is written down.
 */
#ifndef FAKE_BIND_H
#define FAKE_BIND_H

#include <stdbool.h>
#include <stdint.h>

struct fake_bind {
	unsigned int n;
	struct fake_bound {
		uint64_t gpa;
		uint32_t size, data;
		int fd;
	} at[64];
	bool refuse;
	bool bad; /* bound twice, or unbound what is not there */
};
extern struct fake_bind fake_bind;

void fake_bind_reset(void);
int fake_bind_doorbell(void *arg, uint64_t gpa, uint32_t size, uint32_t data, int fd);
void fake_unbind_doorbell(void *arg, uint64_t gpa, uint32_t size, uint32_t data, int fd);
bool fake_bind_at(uint64_t gpa, uint32_t size, uint32_t data);
int fake_bind_fd(uint64_t gpa);

#endif /* FAKE_BIND_H */
