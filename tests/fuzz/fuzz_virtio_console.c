/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A virtio console between a driver that does anything and ends that come, go, type and stall.
 * Whatever is done: a port takes no more than its buffer holds, and one that nobody has open none.
 */
#include <stdlib.h>

#include "../unit/fake_ports.h"
#include "models.h"
#include "virtio_steps.h"

#define BUFFER 4096u /* what a port keeps of its input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = { "a", "b", "console", "device" };

bool
dev_conf_next(const struct dev_conf *conf, const char **key)
{
	size_t i = 0;

	(void)conf;
	while (*key != NULL && i < 4 && keys[i++] != *key)
		;
	if (i == 4)
		return false;
	*key = keys[i];
	return true;
}

/* A control message as it should be, in a queue that may be anything by now. */
static void
step_control(struct virtio_rig *r, struct steps *s)
{
	uint8_t msg[8] = { step_byte(s) % 4, 0, 0, 0, step_byte(s) % 9, 0, step_byte(s) % 3, 0 };
	struct rig_buf b[] = { RIG_READ(msg, sizeof(msg)) };

	step_add(r, s, 3, b, 1);
}

static void
step_end(struct steps *s, uint8_t op)
{
	static uint8_t bytes[BUFFER * 2];
	struct chardev *cd = &fake_port[step_byte(s) % fake_nports];
	uint8_t arg = step_byte(s);

	switch (op >> 4) {
	case 0:
	case 1:
		fake_port_client(cd, (arg & 1) != 0);
		break;
	case 2:
		fake_port_room(cd, arg == 255 ? SIZE_MAX : arg);
		break;
	case 3:
		fake_port_take(cd, bytes, sizeof(bytes));
		break;
	case 4:
		fake_resize();
		break;
	default:
		if (cd->user->room(cd->arg) > BUFFER)
			abort();
		fake_port_type(cd, bytes, (size_t)arg * 32);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct steps s = steps_of(data, size);
	struct virtio_rig rig;
	struct virtio_dev *vd;

	fake_ports_reset();
	virtio_rig_init(&rig, STEPS_RAM);
	vd = virtio_console_model.create(&rig.env, virtio_rig_conf("a=/a,b=/b,console=pty"));
	if (vd == NULL)
		abort();
	virtio_rig_attach(&rig, vd);
	step_start(&rig, &s, 0xc0);
	while (s.left > 0) {
		uint8_t op = step_byte(&s);

		if (step_any(&rig, &s, op))
			continue;
		if ((op & 15) < 13)
			step_control(&rig, &s);
		else
			step_end(&s, op);
	}
	fake_worker_run(4);
	virtio_rig_start(&rig, 0, STEPS_SIZE);
	for (unsigned int i = 1; i < fake_nports; i++) {
		if (fake_port[i].user->room(fake_port[i].arg) != 0)
			abort();
	}
	virtio_rig_detach(&rig);
	virtio_console_model.destroy(vd);
	virtio_rig_fini(&rig);
	return 0;
}
