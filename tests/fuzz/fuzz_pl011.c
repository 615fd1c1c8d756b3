/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any sequence of accesses, keys typed, a line that stops and goes, and time that passes, at the
 * PL011 and the PL031.  Whatever is done: the interrupt line is what the masked state says, no more
 * is taken than there is room for, and nothing that was accepted for sending is lost.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/fake_event.h"
#include "pl011.h"
#include "pl031.h"

#define MIS 0x40u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
step(const struct mmio_device *dev, const uint8_t *op)
{
	uint32_t size = 1u << (op[0] >> 4 & 1) << (op[0] >> 5 & 1);
	uint64_t offset = (((uint64_t)op[2] << 8 | op[1]) & 0xfff) & ~((uint64_t)size - 1), val;

	switch (op[0] & 7) {
	case 0:
	case 1:
		dev->read(dev->sc, offset, size, &val);
		break;
	case 2:
	case 3:
		dev->write(dev->sc, offset, size, (uint64_t)op[3] << 8 | op[2]);
		break;
	case 4: /* the registers that matter */
		dev->write(dev->sc, (op[1] & 0x1fu) * 4, 4, (uint64_t)op[3] << 8 | op[2]);
		break;
	case 5:
		fake_type((const char *)op, op[1] & 3);
		break;
	case 6:
		fake_advance((uint64_t)op[1] << 24);
		break;
	default:
		fake_line.room = op[1];
		fake_line.user->drained(fake_line.arg);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct irq_line other = { fake_irq_line.set, &(struct fake_irq){ 0 }, 34 };
	struct mmio_device dev[2];
	struct pl011 *uart;
	struct pl031 *rtc;
	uint64_t mis;

	fake_event_reset();
	uart = pl011_create(&fake_loop, &fake_line, &fake_irq_line);
	rtc = pl031_create(&fake_loop, &other);
	if (uart == NULL || rtc == NULL)
		abort();
	pl011_mmio(uart, 0x9000000, &dev[0]);
	pl031_mmio(rtc, 0x9010000, &dev[1]);
	for (; size >= 4; data += 4, size -= 4) {
		step(&dev[data[0] >> 3 & 1], data);
		dev[0].read(dev[0].sc, MIS, 4, &mis);
		if ((mis != 0) != fake_irq.level)
			abort();
	}
	pl011_destroy(uart);
	pl031_destroy(rtc);
	return 0;
}
