/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The counters of a vCPU, named and read.  One writer each, the vCPU's own thread or HYP on
 * its CPU; they are read without stopping it, each by itself.
 */
#include <string.h>

#include "core.h"
#include "errno.h"

struct stat_name {
	const char *name, *desc;
};

#define STAT_ROW(id, name, desc) [VMM_STAT_##id] = { name, desc },
static const struct stat_name stat_names[] = { VMM_STAT_LIST(STAT_ROW) };

_Static_assert(VMM_STAT_COUNT <= VM_STATS_MAX, "struct vm_stats holds them all");

#define STAT_FITS(id, n, d)                                                         \
	_Static_assert(sizeof(n) <= sizeof(((struct vm_stat_desc *)0)->name), #id); \
	_Static_assert(sizeof(d) <= sizeof(((struct vm_stat_desc *)0)->desc), #id);
VMM_STAT_LIST(STAT_FITS)

int
vmm_stat_desc(struct vm_stat_desc *d)
{
	const struct stat_name *s;

	if (d->pad != 0 || d->index >= VMM_STAT_COUNT)
		return -EINVAL;
	s = &stat_names[d->index];
	memset(d->name, 0, sizeof(d->name));
	memset(d->desc, 0, sizeof(d->desc));
	memcpy(d->name, s->name, strlen(s->name));
	memcpy(d->desc, s->desc, strlen(s->desc));
	return 0;
}

int
vmm_stats_get(struct vm *vm, struct vm_stats *s)
{
	uint32_t id = s->vcpuid;
	struct vcpu *vcpu;

	vcpu = vm_made_vcpu(vm, id);
	if (vcpu == NULL)
		return -EINVAL;
	memset(s, 0, sizeof(*s));
	s->vcpuid = id;
	s->count = VMM_STAT_COUNT;
	s->ns = os_now_ns();
	for (uint32_t i = 0; i < VMM_STAT_COUNT; i++)
		s->values[i] = LOAD_ONCE(vcpu->stats[i]);
	return 0;
}
