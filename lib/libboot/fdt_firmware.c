/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The device tree's nodes of what firmware boots with: flash (bindings/mtd/mtd-physmap)
 * and fw_cfg (bindings/firmware/qemu,fw-cfg-mmio).
 */
#include <vmm/machine.h>

#include "fdt_write.h"

/* Two banks, each of two 16-bit chips on 32 data lines. */
void
fdt_write_flash(struct writer *w)
{
	w_begin_at(w, "flash", MACHINE_FLASH0_BASE);
	w_string(w, "compatible", "cfi-flash");
	W_CELLS(w, "reg", HI(MACHINE_FLASH0_BASE), LO(MACHINE_FLASH0_BASE), HI(MACHINE_FLASH0_SIZE),
	    LO(MACHINE_FLASH0_SIZE), HI(MACHINE_FLASH1_BASE), LO(MACHINE_FLASH1_BASE),
	    HI(MACHINE_FLASH1_SIZE), LO(MACHINE_FLASH1_SIZE));
	W_CELLS(w, "bank-width", 4);
	w_end(w);
}

void
fdt_write_fw_cfg(struct writer *w)
{
	w_begin_at(w, "fw-cfg", MACHINE_FW_CFG_BASE);
	w_string(w, "compatible", "qemu,fw-cfg-mmio");
	W_CELLS(w, "reg", HI(MACHINE_FW_CFG_BASE), LO(MACHINE_FW_CFG_BASE), HI(MACHINE_FW_CFG_SIZE),
	    LO(MACHINE_FW_CFG_SIZE));
	w_empty(w, "dma-coherent");
	w_end(w);
}
