/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The devices that the configuration names, made and put before the guest: the PCI bus, which is
 * always there, and virtio-mmio.
 */
#ifndef BHYVE_DEVICES_H
#define BHYVE_DEVICES_H

#include "bhyverun.h"
#include "control.h"
#include "guest_mem.h"
#include "slots.h"

struct devices;

/*
 * Before there is a VM, so that what cannot be had of the host is found first: run->ctx may be NULL
 * still, run->mmio and run->loop are there.  ram: bytes that the VM has or will have.  slots and
 * vm_name must outlive it.  NULL: a line was said.
 */
struct devices *devices_create(
    struct run *run, const struct slots *slots, const char *vm_name, uint64_t ram);
/* run->ctx is there, with memory; before a vCPU runs.  -1: a line was said. */
int devices_attach(struct devices *d);
void devices_destroy(struct devices *d); /* no vCPU runs any more; NULL is fine */
/* The guest's RAM, for what else reaches it; as long as *d is there. */
const struct guest_mem *devices_mem(const struct devices *d);
/* What other programs may ask the devices; how many tables. */
#define DEVICES_MAX_TABLES (CONTROL_MAX_TABLES - 1)
unsigned int devices_tables(
    const struct devices *d, struct control_table tables[DEVICES_MAX_TABLES]);
/* Bit n: there is something in virtio-mmio region n. */
uint32_t devices_virtio_mmio(const struct slots *slots);

#endif /* BHYVE_DEVICES_H */
