/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 */
#include <errno.h>
#include <string.h>

#include "../../bhyve/doorbell.h"
#include "../../bhyve/net_vhost.h"
#include "../../bhyve/virtq.h"
#include "fake_vhost.h"

struct fake_vhost fake_vhost = { .open_errno = ENOENT };

void
fake_vhost_reset(void)
{
	memset(&fake_vhost, 0, sizeof(fake_vhost));
	fake_vhost.open_errno = ENOENT;
}

void
fake_vhost_present(void)
{
	fake_vhost.open_errno = 0;
	fake_vhost.can = ~0ull;
}

int
vhost_open(void)
{
	unsigned int i = fake_vhost.n;

	if (fake_vhost.open_errno != 0 || i == FAKE_VHOSTS) {
		errno = fake_vhost.open_errno;
		return -1;
	}
	for (unsigned int r = 0; r < 2; r++)
		fake_vhost.at[i].ring[r] = (struct fake_ring){
			.kick = -1, .call = -1, .error = -1, .backend = -1
		};
	fake_vhost.at[i].fd = doorbell_create(); /* any that can be closed */
	fake_vhost.n++;
	return fake_vhost.at[i].fd;
}

/* As if a frame had gone through it. */
static void
take_one(struct fake_ring *r)
{
	const struct virtq_avail *avail = (void *)(uintptr_t)r->addr.avail_user_addr;
	struct virtq_used *used = (void *)(uintptr_t)r->addr.used_user_addr;

	if (avail->idx == (uint16_t)r->base)
		return;
	used->ring[used->idx % r->num].id = avail->ring[r->base % r->num];
	used->idx++;
	r->base++;
}

static bool
ring_fd(struct fake_ring *r, unsigned long request, int fd)
{
	switch (request) {
	case VHOST_SET_VRING_KICK:
		r->kick = fd;
		return true;
	case VHOST_SET_VRING_CALL:
		r->call = fd;
		return true;
	case VHOST_SET_VRING_ERR:
		r->error = fd;
		return true;
	case VHOST_NET_SET_BACKEND:
		if (fd >= 0 && (r->num == 0 || r->addr.desc_user_addr == 0 || r->backend >= 0))
			fake_vhost.bad = true;
		r->backend = fd;
		if (fd >= 0 && fake_vhost.takes_one)
			take_one(r);
		return true;
	default:
		return false;
	}
}

static int
ring_ioctl(struct fake_ring ring[2], unsigned long request, void *arg)
{
	struct vhost_vring_state *state = arg;
	const struct vhost_vring_file *file = arg;
	struct fake_ring *r = &ring[*(unsigned int *)arg & 1];

	if (*(unsigned int *)arg > 1)
		fake_vhost.bad = true;
	if (request == VHOST_SET_VRING_NUM || request == VHOST_SET_VRING_BASE ||
	    request == VHOST_SET_VRING_ADDR)
		fake_vhost.bad |= r->backend >= 0;
	if (request == VHOST_SET_VRING_NUM)
		r->num = state->num;
	else if (request == VHOST_SET_VRING_BASE)
		r->base = state->num;
	else if (request == VHOST_GET_VRING_BASE)
		state->num = r->base;
	else if (request == VHOST_SET_VRING_ADDR)
		memcpy(&r->addr, arg, sizeof(r->addr));
	else if (!ring_fd(r, request, file->fd))
		fake_vhost.bad = true;
	return 0;
}

static bool
fails(unsigned long request)
{
	if (request != fake_vhost.fail)
		return false;
	if (fake_vhost.fail_after > 0) {
		fake_vhost.fail_after--;
		return false;
	}
	fake_vhost.fail = 0; /* once */
	errno = EFAULT;
	return true;
}

int
vhost_ioctl(int fd, unsigned long request, void *arg)
{
	unsigned int i = 0;

	while (i < fake_vhost.n && fake_vhost.at[i].fd != fd)
		i++;
	if (i == fake_vhost.n) {
		fake_vhost.bad = true;
		return -1;
	}
	if (fails(request))
		return -1;
	fake_vhost.bad |= !fake_vhost.at[i].owned && request != VHOST_SET_OWNER;
	if (request == VHOST_SET_OWNER) {
		fake_vhost.at[i].owned = true;
	} else if (request == VHOST_GET_FEATURES) {
		*(uint64_t *)arg = fake_vhost.can;
	} else if (request == VHOST_SET_FEATURES) {
		fake_vhost.at[i].features = *(uint64_t *)arg;
	} else if (request == VHOST_SET_MEM_TABLE) {
		fake_vhost.bad |= ((struct vhost_memory *)arg)->nregions != 1;
		memcpy(&fake_vhost.at[i].ram, (uint8_t *)arg + sizeof(struct vhost_memory),
		    sizeof(fake_vhost.at[i].ram));
	} else {
		return ring_ioctl(fake_vhost.at[i].ring, request, arg);
	}
	return 0;
}
