/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Booting from firmware: the flash banks that hold it and its variables, and fw_cfg, through which
 * it gets a kernel.  docs/firmware.md.
 */
#ifndef BHYVE_FIRMWARE_H
#define BHYVE_FIRMWARE_H

#include <stdbool.h>

#include "config.h"
#include "guest_mem.h"
#include "mmio.h"

struct firmware;

/* Is any of it asked for? */
bool firmware_wanted(const struct bhyve_config *c);
/*
 * Opens all files: to be called before a VM is made.  NULL when something is wrong with them, which
 * has been said.  The configuration must stay.
 */
struct firmware *firmware_open(const struct bhyve_config *c);
/* Puts the devices into a VM whose memory is set up; mem is copied.  -1: it has been said why. */
int firmware_attach(struct firmware *fw, struct vmctx *ctx, const struct guest_mem *mem,
    uint32_t vcpus, struct mmio_map *map);
/* After the last vCPU; before the VM's handle is closed. */
void firmware_close(struct firmware *fw);

#endif /* BHYVE_FIRMWARE_H */
