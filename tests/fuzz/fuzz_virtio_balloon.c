/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A balloon and a driver that does anything.  Whatever is done: only whole pages of RAM go back,
 * the device keeps its hands off all else, its size is one that the guest can have, and what it
 * answers other programs is "ok" with a list of numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "models.h"
#include "virtio_balloon.h"
#include "virtio_steps.h"

#define PAGE 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
discard(void *arg, uint64_t gpa, uint64_t len)
{
	struct virtio_rig *r = arg;

	if (len == 0 || gpa % PAGE != 0 || len % PAGE != 0 ||
	    guest_mem_at(&r->mem, gpa, len) == NULL)
		abort();
	return 0;
}

static const struct control_request *requests;
static void *requests_dev;

static int
take_requests(void *arg, const struct control_request *r, void *dev)
{
	(void)arg;
	requests = r;
	requests_dev = dev;
	return 0;
}

/* All that can be asked: its state, new statistics; the second is the target. */
static void
ask_all(void)
{
	const char *said = requests[0].handle(requests_dev, "");

	if (strncmp(said, "ok target=", 10) != 0 || strlen(said) > 600 ||
	    strspn(said + 3, "abcdefghijklmnopqrstuvwxyz_=0123456789 ") != strlen(said + 3))
		abort();
	requests[2].handle(requests_dev, "");
}

/* Statistics, of known tags and others, in any length. */
static void
step_stats(struct virtio_rig *r, struct steps *s)
{
	uint8_t buf[64];
	struct rig_buf b[2];
	uint32_t cut = step_byte(s) % sizeof(buf);

	for (unsigned int i = 0; i < sizeof(buf); i++)
		buf[i] = i % 10 == 1 ? 0 : step_byte(s);
	b[0] = (struct rig_buf)RIG_READ(buf, cut);
	b[1] = (struct rig_buf)RIG_READ(buf + cut, sizeof(buf) - cut);
	step_add(r, s, 2, b + (cut == 0), cut == 0 ? 1 : 2);
}

/* Pages of RAM, and a few that are not. */
static void
step_pages(struct virtio_rig *r, struct steps *s)
{
	struct rig_buf b[1];
	uint32_t pfn[64];
	unsigned int n = 1 + step_byte(s) % 64;

	for (unsigned int i = 0; i < n; i++)
		pfn[i] = (uint32_t)(RIG_RAM_GPA / PAGE) + step_byte(s) % (STEPS_RAM / PAGE + 1);
	b[0] = (struct rig_buf)RIG_READ(pfn, n * sizeof(pfn[0]));
	step_add(r, s, step_byte(s) % 2, b, 1);
}

static void
step_report(struct virtio_rig *r, struct steps *s)
{
	uint32_t at = step_word(s) % STEPS_RAM, len = step_word(s) % STEPS_RAM;
	struct rig_buf b[] = { RIG_AT(RIG_RAM_GPA + at, len, true) };

	step_add(r, s, 2 + step_byte(s) % 3, b, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct steps s = steps_of(data, size);
	struct virtio_rig rig;
	struct virtio_dev *vd;

	virtio_rig_init(&rig, STEPS_RAM);
	rig.env.discard = discard;
	rig.env.answer = take_requests;
	rig.env.arg = &rig;
	vd = virtio_balloon_model.create(&rig.env, virtio_rig_conf("target=0x10000"));
	if (vd == NULL)
		abort();
	virtio_rig_attach(&rig, vd);
	step_start(&rig, &s, 0xc0);
	while (s.left > 0) {
		uint8_t op = step_byte(&s);

		if (step_any(&rig, &s, op))
			continue;
		if ((op & 15) < 12)
			step_pages(&rig, &s);
		else if ((op & 15) == 12)
			step_stats(&rig, &s);
		else if ((op & 15) == 13)
			ask_all();
		else if ((op & 15) < 15)
			step_report(&rig, &s);
		else
			virtio_balloon_set_target(vd, (uint64_t)step_word(&s) << 12);
		if (virtio_balloon_size(vd) > STEPS_RAM)
			abort();
	}
	fake_worker_run(4);
	virtio_rig_detach(&rig);
	virtio_balloon_model.destroy(vd);
	virtio_rig_fini(&rig);
	return 0;
}
