/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 */
#include <errno.h>
#include <string.h>

#include "fake_bind.h"

struct fake_bind fake_bind;

void
fake_bind_reset(void)
{
	memset(&fake_bind, 0, sizeof(fake_bind));
}

static struct fake_bound *
find(uint64_t gpa, uint32_t size, uint32_t data)
{
	for (unsigned int i = 0; i < fake_bind.n; i++) {
		struct fake_bound *b = &fake_bind.at[i];

		if (b->gpa == gpa && b->size == size && b->data == data)
			return b;
	}
	return NULL;
}

int
fake_bind_doorbell(void *arg, uint64_t gpa, uint32_t size, uint32_t data, int fd)
{
	(void)arg;
	if (fake_bind.refuse || fake_bind.n == 64) {
		errno = ENOSPC;
		return -1;
	}
	if (find(gpa, size, data) != NULL)
		fake_bind.bad = true;
	fake_bind.at[fake_bind.n++] = (struct fake_bound){ gpa, size, data, fd };
	return 0;
}

void
fake_unbind_doorbell(void *arg, uint64_t gpa, uint32_t size, uint32_t data, int fd)
{
	struct fake_bound *b = find(gpa, size, data);

	(void)arg;
	if (b == NULL || b->fd != fd) {
		fake_bind.bad = true;
		return;
	}
	*b = fake_bind.at[--fake_bind.n];
}

bool
fake_bind_at(uint64_t gpa, uint32_t size, uint32_t data)
{
	return find(gpa, size, data) != NULL;
}

int
fake_bind_fd(uint64_t gpa)
{
	for (unsigned int i = 0; i < fake_bind.n; i++)
		if (fake_bind.at[i].gpa == gpa)
			return fake_bind.at[i].fd;
	return -1;
}
