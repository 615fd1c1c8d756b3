/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio over PCI as a driver finds it: capabilities, registers, interrupts, doorbells (virtio 1.2,
 * 4.1), on a real struct pci_bus.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../bhyve/doorbell.h"
#include "../../bhyve/virtio_pci.h"
#include "copy_dev.h"
#include "fake_bind.h"
#include "pci_rig.h"
#include "virtio_rig.h"

#define SLOT 3u
#define SIZE 8u
#define BAR0 0x10000000ull /* where the test puts it */
#define BAR1 0x10010000ull
#define MSI  0x08020040u

enum { COMMON = 1, NOTIFY, ISR, DEVICE, PCI_CFG }; /* 4.1.4 */
enum { DFSEL = 0, DF = 4, GFSEL = 8, GF = 0xc, CVEC = 0x10, NQ = 0x12, ST = 0x14, GEN = 0x15 };
enum { QSEL = 0x16, QSIZE = 0x18, QVEC = 0x1a, QEN = 0x1c, QOFF = 0x1e };
enum { QDESC = 0x20, QDRV = 0x28, QDEV = 0x30 };

static struct virtio_rig rig;
static uint64_t common, notify, isr, device; /* gpas */
static uint32_t pci_cfg;		     /* offset in configuration space */
static uint32_t multiplier;

static uint32_t
cfg(uint32_t reg, uint32_t size)
{
	return (uint32_t)pci_rd(pci_ecam(SLOT, 0, reg), size);
}

static void
set_cfg(uint32_t reg, uint32_t size, uint32_t val)
{
	pci_wr(pci_ecam(SLOT, 0, reg), size, val);
}

/* As a driver does: find the structures in the list of capabilities. */
static void
find_caps(void)
{
	uint32_t where[6] = { 0 }, length[6] = { 0 };

	for (uint32_t at = cfg(0x34, 1); at != 0; at = cfg(at + 1, 1)) {
		uint32_t type = cfg(at + 3, 1);

		if (cfg(at, 1) != 9)
			continue;
		assert_in_range(type, COMMON, PCI_CFG);
		assert_int_equal(cfg(at + 2, 1), type == NOTIFY || type == PCI_CFG ? 20 : 16);
		assert_int_equal(cfg(at + 4, 1), 0);
		where[type] = cfg(at + 8, 4);
		length[type] = cfg(at + 12, 4);
		if (type == NOTIFY)
			multiplier = cfg(at + 16, 4);
		if (type == PCI_CFG)
			pci_cfg = at;
	}
	assert_true(length[COMMON] >= 56 && length[ISR] >= 1 && length[DEVICE] >= COPY_CONFIG);
	assert_true(length[NOTIFY] >= 2 + multiplier * (COPY_QUEUES - 1));
	common = BAR0 + where[COMMON];
	notify = BAR0 + where[NOTIFY];
	isr = BAR0 + where[ISR];
	device = BAR0 + where[DEVICE];
}

static int
setup(void **state)
{
	(void)state;
	virtio_rig_init(&rig, 0);
	fake_bind_reset();
	pci_rig_begin();
	pci_rig.env.mem = &rig.mem;
	pci_rig.env.bind_doorbell = fake_bind_doorbell;
	pci_rig.env.unbind_doorbell = fake_unbind_doorbell;
	assert_int_equal(
	    pci_bus_add(pci_rig.bus, &virtio_pci_model, SLOT, 0, virtio_rig_conf("device=copy")),
	    0);
	pci_rig_start();
	set_cfg(0x10, 4, (uint32_t)BAR0);
	set_cfg(0x14, 4, (uint32_t)BAR1);
	set_cfg(4, 2, 6);
	find_caps();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pci_rig_end();
	assert_null(copy_dev);
	assert_int_equal(fake_bind.n, 0);
	assert_false(fake_bind.bad);
	assert_false(pci_rig.bad);
	virtio_rig_fini(&rig);
	return 0;
}

static uint32_t
rd(uint32_t reg, uint32_t size)
{
	return (uint32_t)pci_rd(common + reg, size);
}

static void
wr(uint32_t reg, uint32_t size, uint64_t val)
{
	pci_wr(common + reg, size, val);
}

static void
wr64(uint32_t reg, uint64_t val)
{
	wr(reg, 4, val & 0xffffffff);
	wr(reg + 4, 4, val >> 32);
}

static void
queue_up(uint32_t q)
{
	uint64_t gpa[3];

	virtio_rig_layout(&rig, q, SIZE, gpa);
	wr(QSEL, 2, q);
	wr(QSIZE, 2, SIZE);
	wr64(QDESC, gpa[0]);
	wr64(QDRV, gpa[1]);
	wr64(QDEV, gpa[2]);
	wr(QEN, 2, 1);
}

static void
drive_to(uint32_t status)
{
	wr(ST, 1, 0);
	assert_int_equal(rd(ST, 1), 0);
	wr(ST, 1, 1);
	wr(ST, 1, 3);
	wr(GFSEL, 4, 0);
	wr(GF, 4, COPY_FEATURE);
	wr(GFSEL, 4, 1);
	wr(GF, 4, 1);
	wr(ST, 1, 11);
	assert_int_equal(rd(ST, 1), 11);
	queue_up(0);
	queue_up(1);
	if (status == 15)
		wr(ST, 1, 15);
}

/* MSI-X on, all vectors open: vector n writes n to MSI. */
static void
msix_on(void)
{
	for (uint32_t v = 0; v <= COPY_QUEUES; v++) {
		pci_wr(BAR1 + 16 * v, 4, MSI);
		pci_wr(BAR1 + 16 * v + 4, 4, 0);
		pci_wr(BAR1 + 16 * v + 8, 4, v);
		pci_wr(BAR1 + 16 * v + 12, 4, 0);
	}
	for (uint32_t at = cfg(0x34, 1); at != 0; at = cfg(at + 1, 1)) {
		if (cfg(at, 1) != 0x11)
			continue;
		assert_int_equal(cfg(at + 2, 2) & 0x7ff, COPY_QUEUES); /* one less than there are */
		set_cfg(at + 2, 2, 0x8000);
	}
}

/* A request through queue q, rung by a store. */
static void
request(uint32_t q)
{
	struct rig_buf b[] = { RIG_READ("hello", 6), RIG_WRITE(10) };
	struct rig_used used;

	assert_int_not_equal(virtio_rig_add(&rig, q, b, 2), RIG_NONE);
	pci_wr(notify + q * multiplier, 2, q);
	assert_true(copy_dev_serve(q));
	assert_true(virtio_rig_wait_used(&rig, q, 0, &used));
	assert_int_equal(used.len, 6);
	assert_string_equal(virtio_rig_va(&rig, b[1].gpa), "hello");
}

static void
test_ids(void **state)
{
	(void)state;
	assert_int_equal(cfg(0, 4), 0x1af4 | (0x1040 + COPY_ID) << 16);
	assert_int_equal(cfg(8, 4), COPY_CLASS << 8 | 1);
	assert_true(cfg(0x2e, 2) >= 0x40);
	assert_int_equal(cfg(0x3d, 1), 1);
	assert_int_equal(multiplier, 4);
}

static void
test_common(void **state)
{
	(void)state;
	assert_int_equal(rd(NQ, 2), COPY_QUEUES);
	assert_int_equal(rd(DF, 4), COPY_FEATURE | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
	wr(DFSEL, 4, 1);
	assert_int_equal(rd(DFSEL, 4), 1);
	assert_int_equal(rd(DF, 4), 1);
	wr(DFSEL, 4, 2);
	assert_int_equal(rd(DF, 4), 0);
	wr(GFSEL, 4, 2);
	wr(GF, 4, 0xffffffff);
	assert_int_equal(rd(GF, 4), 0);
	wr(GFSEL, 4, 1);
	wr(GF, 4, 5);
	assert_int_equal(rd(GF, 4), 5);
	wr(GFSEL, 4, 0);
	assert_int_equal(rd(GF, 4), 0);
	assert_int_equal(rd(CVEC, 2), 0xffff);
	/* Not a whole field, or more than one. */
	wr(GF, 2, 0xffff);
	assert_int_equal(rd(GF, 4), 0);
	wr(ST, 4, 3);
	assert_int_equal(rd(ST, 4), 0);
	assert_int_equal(rd(0x38, 4), 0);
	assert_int_equal(rd(0xffc, 4), 0);
	wr(0x38, 4, 1);
	/* Nothing but a reset takes a bit away, and a bad choice is told by FEATURES_OK. */
	wr(ST, 1, 3);
	wr(GF, 4, 1 << 4);
	wr(ST, 1, 11);
	assert_int_equal(rd(ST, 1), 3);
	wr(ST, 1, 0);
	assert_int_equal(rd(ST, 1), 0);
	assert_int_equal(rd(GFSEL, 4), 0);
}

static void
test_queues(void **state)
{
	(void)state;
	wr(QSEL, 2, 1);
	assert_int_equal(rd(QSIZE, 2), VIRTIO_QUEUE_MAX);
	assert_int_equal(rd(QOFF, 2), 1);
	wr(QSEL, 2, COPY_QUEUES);
	assert_int_equal(rd(QSIZE, 2), 0);
	wr(QSIZE, 2, 8);
	wr(QEN, 2, 1);
	wr(QSEL, 2, 0xffff);
	assert_int_equal(rd(QSIZE, 2), 0);
	assert_int_equal(rd(ST, 1), 0);
	drive_to(11);
	wr(QSEL, 2, 0);
	assert_int_equal(rd(QEN, 2), 1);
	/* It stays as it is. */
	wr64(QDESC, 0x123400000000ull);
	wr(QSIZE, 2, 4);
	wr(QEN, 2, 0);
	assert_int_equal(rd(QEN, 2), 1);
	assert_int_equal(rd(QSIZE, 2), SIZE);
	assert_int_equal(rd(QDESC + 4, 4), 0);
	wr(ST, 1, 0);
	assert_int_equal(rd(QEN, 2), 0);
	assert_int_equal(rd(QSIZE, 2), VIRTIO_QUEUE_MAX);
	assert_int_equal(rd(QDESC, 4), 0);
	/* A size or place that cannot be. */
	wr(QSIZE, 2, 7);
	wr(QEN, 2, 1);
	assert_int_equal(rd(QEN, 2), 0);
	assert_int_equal(rd(ST, 1), VIRTIO_NEEDS_RESET);
	wr64(QDESC, 0x1122334455667788ull);
	assert_int_equal(rd(QDESC, 4), 0x55667788);
	assert_int_equal(rd(QDESC + 4, 4), 0x11223344);
}

static void
test_config(void **state)
{
	(void)state;
	assert_int_equal(pci_rd(device, 4), 0x33323130);
	assert_int_equal(pci_rd(device + 8, 4), 0x3938);
	assert_int_equal(pci_rd(device + 0xffc, 4), 0);
	pci_wr(device + 2, 2, 0x4142);
	assert_int_equal(pci_rd(device, 4), 0x41423130);
	pci_wr(device + 8, 4, 0); /* not all there */
	assert_int_equal(pci_rd(device + 8, 2), 0x3938);
	assert_int_equal(rd(GEN, 1), 0);
	pthread_mutex_lock(&copy_dev->vd.lock);
	virtio_config_changed(&copy_dev->vd);
	pthread_mutex_unlock(&copy_dev->vd.lock);
	assert_int_equal(rd(GEN, 1), 1);
}

static void
test_intx(void **state)
{
	(void)state;
	drive_to(15);
	assert_int_equal(pci_rig.lines, 0);
	request(0);
	assert_int_not_equal(pci_rig.lines, 0);
	request(1);
	assert_int_equal(pci_rd(isr, 1), 1);
	assert_int_equal(pci_rig.lines, 0);
	assert_int_equal(pci_rd(isr, 1), 0);
	virtio_break(&copy_dev->vd);
	assert_int_not_equal(pci_rig.lines, 0);
	assert_int_equal(rd(ST, 1), 15 | VIRTIO_NEEDS_RESET);
	assert_int_equal(pci_rd(isr, 4), 2);
	assert_int_equal(pci_rig.lines, 0);
	/* A reset takes the line down. */
	drive_to(15);
	request(0);
	wr(ST, 1, 0);
	assert_int_equal(pci_rig.lines, 0);
	assert_int_equal(pci_rd(isr, 1), 0);
	assert_int_equal(pci_rig.nmsis, 0);
}

static bool watched;

static void
watch(void *arg, bool on)
{
	(void)arg;
	watched = on;
}

/* A queue whose interrupts come by a descriptor: bound wherever its vector leads. */
static void
test_queue_call(void **state)
{
	struct vq_call call = { doorbell_create(), watch, NULL };
	struct virtqueue *q = &copy_dev->vd.vq[1];

	(void)state;
	set_cfg(4, 2, 6);
	drive_to(15);
	pthread_mutex_lock(&copy_dev->vd.lock);
	virtio_queue_call(q, &call);
	pthread_mutex_unlock(&copy_dev->vd.lock);
	assert_true(watched); /* INTx */
	virtio_queue_interrupt(q);
	assert_int_equal(pci_rd(isr, 1), 1);
	msix_on();
	assert_false(watched);
	assert_null(pci_rig_bound(call.fd)); /* no vector yet */
	wr(QSEL, 2, 1);
	wr(QVEC, 2, 2);
	assert_int_equal(pci_rig_bound(call.fd)->data, 2);
	wr(QVEC, 2, 1);
	assert_int_equal(pci_rig_bound(call.fd)->data, 1);
	wr(QSEL, 2, 0);
	wr(QVEC, 2, 2); /* another queue's */
	assert_int_equal(pci_rig_bound(call.fd)->data, 1);
	pthread_mutex_lock(&copy_dev->vd.lock);
	virtio_queue_call(q, NULL);
	pthread_mutex_unlock(&copy_dev->vd.lock);
	assert_null(pci_rig_bound(call.fd));
	assert_false(watched);
	close(call.fd);
}

static void
test_msix(void **state)
{
	(void)state;
	msix_on();
	wr(ST, 1, 0);
	wr(CVEC, 2, COPY_QUEUES + 1); /* there is none */
	assert_int_equal(rd(CVEC, 2), 0xffff);
	wr(CVEC, 2, 0);
	assert_int_equal(rd(CVEC, 2), 0);
	drive_to(15);
	assert_int_equal(rd(CVEC, 2), 0xffff); /* the reset in it */
	request(0);
	assert_int_equal(pci_rig.nmsis, 0);
}

static void
test_msix_vectors(void **state)
{
	(void)state;
	msix_on();
	drive_to(11);
	wr(CVEC, 2, 0);
	for (uint32_t q = 0; q < COPY_QUEUES; q++) {
		wr(QSEL, 2, q);
		wr(QVEC, 2, 0x7777);
		assert_int_equal(rd(QVEC, 2), 0xffff);
		wr(QVEC, 2, q + 1);
		assert_int_equal(rd(QVEC, 2), q + 1);
	}
	wr(ST, 1, 15);
	request(1);
	assert_int_equal(pci_rig.nmsis, 1);
	assert_int_equal(pci_rig.msi[0].addr, MSI);
	assert_int_equal(pci_rig.msi[0].data, 2);
	request(0);
	assert_int_equal(pci_rig.msi[1].data, 1);
	virtio_break(&copy_dev->vd);
	assert_int_equal(pci_rig.nmsis, 3);
	assert_int_equal(pci_rig.msi[2].data, 0);
	assert_int_equal(pci_rig.lines, 0);
	/* Without a vector there is no interrupt. */
	drive_to(15);
	request(0);
	assert_int_equal(pci_rig.nmsis, 3);
	assert_int_equal(pci_rig.lines, 0);
}

static void
test_doorbells(void **state)
{
	(void)state;
	assert_int_equal(fake_bind.n, 0);
	drive_to(11);
	assert_int_equal(fake_bind.n, 2);
	assert_true(fake_bind_at(notify, 0, 0));
	assert_true(fake_bind_at(notify + 4, 0, 0));
	assert_int_equal(fake_bind_fd(notify + 4), copy_dev->vd.vq[1].doorbell);
	/* The BAR moves, and goes. */
	set_cfg(0x10, 4, 0x20000000);
	assert_int_equal(fake_bind.n, 2);
	assert_true(fake_bind_at(notify - BAR0 + 0x20000000, 0, 0));
	set_cfg(4, 2, 0);
	assert_int_equal(fake_bind.n, 0);
	set_cfg(4, 2, 6);
	assert_int_equal(fake_bind.n, 2);
	set_cfg(0x10, 4, (uint32_t)BAR0);
	wr(ST, 1, 0);
	assert_int_equal(fake_bind.n, 0);
	/* Where it cannot be bound, stores do it; of any size, and nobody else's. */
	fake_bind.refuse = true;
	drive_to(15);
	assert_int_equal(fake_bind.n, 0);
	assert_true(doorbell_answer(copy_dev->vd.vq[0].doorbell));
	assert_true(doorbell_answer(copy_dev->vd.vq[1].doorbell));
	request(0);
	pci_wr(notify + 4, 4, 1);
	assert_true(copy_dev_serve(1));
	assert_false(copy_dev_serve(0));
	pci_wr(notify + 8, 2, 2);
	pci_wr(notify + 0xffc, 4, 0);
	assert_int_equal(pci_rd(notify, 2), 0);
}

static uint32_t
window_rd(uint32_t bar, uint64_t gpa, uint32_t size)
{
	set_cfg(pci_cfg + 4, 1, bar);
	set_cfg(pci_cfg + 8, 4, (uint32_t)(gpa - BAR0));
	set_cfg(pci_cfg + 12, 4, size);
	return cfg(pci_cfg + 16, size == 1 || size == 2 ? size : 4);
}

static void
window_wr(uint32_t bar, uint64_t gpa, uint32_t size, uint32_t val)
{
	set_cfg(pci_cfg + 4, 1, bar);
	set_cfg(pci_cfg + 8, 4, (uint32_t)(gpa - BAR0));
	set_cfg(pci_cfg + 12, 4, size);
	set_cfg(pci_cfg + 16, 4, val);
}

/* 4.1.4.9: also while the BAR is off. */
static void
test_cfg_window(void **state)
{
	(void)state;
	drive_to(15);
	request(0);
	set_cfg(4, 2, 0);
	assert_int_equal(window_rd(0, common + NQ, 2), COPY_QUEUES);
	assert_int_equal(window_rd(0, device + 4, 4), 0x37363534);
	assert_int_equal(window_rd(0, device + 5, 1), 0x35);
	assert_int_not_equal(pci_rig.lines, 0);
	assert_int_equal(window_rd(0, isr, 1), 1);
	assert_int_equal(pci_rig.lines, 0);
	window_wr(0, device + 4, 2, 0xffff6162);
	assert_int_equal(window_rd(0, device + 4, 4), 0x37366162);
	(void)doorbell_answer(copy_dev->vd.vq[1].doorbell);
	window_wr(0, notify + 4, 2, 1);
	assert_true(doorbell_answer(copy_dev->vd.vq[1].doorbell));
	window_wr(0, common + ST, 1, 0);
	assert_int_equal(window_rd(0, common + ST, 1), 0);
	assert_int_equal(copy_dev->resets, 1);
	/* What names nothing: another BAR, beyond the end, not aligned, a strange size. */
	window_wr(1, common, 4, 0x5a5a5a5a);
	assert_int_equal(window_rd(1, common + NQ, 2), 0x5a5a);
	assert_int_equal(window_rd(0, BAR0 + 0x4000, 4), 0x5a5a5a5a);
	assert_int_equal(window_rd(0, BAR0 + 0xffffffff, 1), 0x5a);
	assert_int_equal(window_rd(0, common + NQ + 1, 2), 0x5a5a);
	assert_int_equal(window_rd(0, common, 3), 0x5a5a5a5a);
	assert_int_equal(window_rd(0, common, 8), 0x5a5a5a5a);
	assert_int_equal(window_rd(0, common, 0), 0x5a5a5a5a);
}

static void
test_create_refuses(void **state)
{
	static const char *const confs[] = { "", "device=nothing", "device=plain",
		"device=copy,fail" };

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pci_bus_add(pci_rig.bus, &virtio_pci_model, SLOT + 1, 0,
				     virtio_rig_conf(confs[i])),
		    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_common, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_intx, setup, teardown),
		cmocka_unit_test_setup_teardown(test_msix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_msix_vectors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_doorbells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cfg_window, setup, teardown),
		cmocka_unit_test_setup_teardown(test_create_refuses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
