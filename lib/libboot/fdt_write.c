/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The pieces of a device tree, written in their order.
 */
#include <stdio.h>
#include <string.h>

#include <libfdt.h>

#include "fdt_write.h"

void
w_check(struct writer *w, int error)
{
	if (w->error == 0 && error < 0)
		w->error = error;
}

void
w_begin(struct writer *w, const char *name)
{
	w_check(w, fdt_begin_node(w->buf, name));
}

void
w_begin_at(struct writer *w, const char *name, uint64_t unit)
{
	char full[40];

	snprintf(full, sizeof(full), "%s@%llx", name, (unsigned long long)unit);
	w_begin(w, full);
}

void
w_end(struct writer *w)
{
	w_check(w, fdt_end_node(w->buf));
}

void
w_string(struct writer *w, const char *name, const char *val)
{
	w_check(w, fdt_property(w->buf, name, val, (int)strlen(val) + 1));
}

void
w_strings(struct writer *w, const char *name, const char *val, size_t len)
{
	w_check(w, fdt_property(w->buf, name, val, (int)len));
}

void
w_cells(struct writer *w, const char *name, const uint32_t *cells, size_t n)
{
	void *at;
	int error = fdt_property_placeholder(w->buf, name, (int)(n * sizeof(fdt32_t)), &at);

	w_check(w, error);
	for (size_t i = 0; i < n && error == 0; i++)
		fdt32_st((uint8_t *)at + i * sizeof(fdt32_t), cells[i]);
}

void
w_empty(struct writer *w, const char *name)
{
	w_check(w, fdt_property(w->buf, name, NULL, 0));
}

void
w_place(struct writer *w, uint64_t base, uint64_t size, uint32_t spi)
{
	W_CELLS(w, "reg", HI(base), LO(base), HI(size), LO(size));
	W_CELLS(w, "interrupts", GIC_SPI, spi, IRQ_LEVEL_HIGH);
}
