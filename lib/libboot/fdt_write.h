/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Writing a device tree from its start to its end: what fdt.c and fdt_*.c share.
 */
#ifndef FDT_WRITE_H
#define FDT_WRITE_H

#include <stddef.h>
#include <stdint.h>

/* Bindings: interrupts of the GIC are <type number flags>. */
#define GIC_SPI	       0u
#define GIC_PPI	       1u
#define IRQ_LEVEL_HIGH 4u

/* Every node with a label has one: overlays reach it by its phandle. */
enum {
	PHANDLE_GIC = 1,
	PHANDLE_CLOCK,
	PHANDLE_UART,
	PHANDLE_RTC,
	PHANDLE_CPUS,
	PHANDLE_PSCI,
	PHANDLE_V2M,
	PHANDLE_PCIE,
	PHANDLE_GPIO,
};

/* A tree while it is written: the first error stays, so that lines need no check of their own. */
struct writer {
	void *buf;
	int error;
};

void w_check(struct writer *w, int error);
void w_begin(struct writer *w, const char *name);
void w_begin_at(struct writer *w, const char *name, uint64_t unit);
void w_end(struct writer *w);
void w_string(struct writer *w, const char *name, const char *val);
/* val: strings, each with its NUL, len bytes in all */
void w_strings(struct writer *w, const char *name, const char *val, size_t len);
void w_cells(struct writer *w, const char *name, const uint32_t *cells, size_t n);
void w_empty(struct writer *w, const char *name);
/* Where a device is, and its interrupt. */
void w_place(struct writer *w, uint64_t base, uint64_t size, uint32_t spi);

#define W_STRINGS(w, name, literal) w_strings(w, name, literal, sizeof(literal))
#define W_CELLS(w, name, ...)                               \
	w_cells(w, name, (const uint32_t[]){ __VA_ARGS__ }, \
	    sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
#define HI(x) ((uint32_t)((uint64_t)(x) >> 32))
#define LO(x) ((uint32_t)(x))

/* ---- fdt_pci.c ---- */
/* In the GIC's node: what makes it a parent, and the GICv2m frame. */
void fdt_write_v2m(struct writer *w);
/* In the root: the PCI host bridge; virtio devices that are not on it. */
void fdt_write_pcie(struct writer *w);
void fdt_write_virtio_mmio(struct writer *w, uint32_t slots);
/* In __symbols__: the labels of frame and bridge. */
void fdt_write_pci_names(struct writer *w);

/* ---- fdt_firmware.c, in the root ---- */
void fdt_write_flash(struct writer *w);
void fdt_write_fw_cfg(struct writer *w);

#endif /* FDT_WRITE_H */
