/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any sequence of accesses, presses of the button and time that passes, at the PL061.  Whatever is
 * done: the interrupt line is what the masked state says, no pin that is an input can be
 * written, and in the end the button is up.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/fake_event.h"
#include "pl061.h"

#define DATA 0x3fcu
#define DIR  0x400u
#define MIS  0x418u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
get(const struct mmio_device *dev, uint32_t reg)
{
	uint64_t val;

	dev->read(dev->sc, reg, 4, &val);
	return val;
}

static void
step(const struct mmio_device *dev, struct pl061 *gpio, const uint8_t *op)
{
	uint32_t size = 1u << (op[0] >> 4 & 1) << (op[0] >> 5 & 1);
	uint64_t offset = (((uint64_t)op[2] << 8 | op[1]) & 0xfff) & ~((uint64_t)size - 1), val;

	switch (op[0] & 7) {
	case 0:
		dev->read(dev->sc, offset, size, &val);
		if (val > 0xff)
			abort();
		break;
	case 1:
	case 2:
		dev->write(dev->sc, offset, size, op[3]);
		break;
	case 3:
		pl061_press_power(gpio);
		break;
	case 4:
		fake_advance((uint64_t)op[1] << 20);
		break;
	default: /* the registers that matter */
		dev->write(dev->sc, DIR + (op[1] & 7u) * 4, 4, op[3]);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mmio_device dev;
	struct pl061 *gpio;

	fake_event_reset();
	gpio = pl061_create(&fake_loop, &fake_irq_line);
	if (gpio == NULL)
		abort();
	pl061_mmio(gpio, 0x9030000, &dev);
	for (; size >= 4; data += 4, size -= 4) {
		step(&dev, gpio, data);
		if ((get(&dev, MIS) != 0) != fake_irq.level)
			abort();
		/* Only the button is high of what is not the guest's. */
		if ((get(&dev, DATA) & ~get(&dev, DIR) & ~8ull) != 0)
			abort();
	}
	fake_advance(1000000000);
	dev.write(dev.sc, DIR, 4, 0);
	if (get(&dev, DATA) != 0)
		abort();
	pl061_destroy(gpio);
	return 0;
}
