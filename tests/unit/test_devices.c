/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * From the configuration's list of devices to what a guest finds at its addresses, over a fake of
 * the kernel: PCI functions, the GICv2m frame, virtio-mmio, and what a device may use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "debug.h"
#include "devices.h"
#include "fake_vmm_sys.h"
#include "pci.h"
#include "virtqueue.h"

#define MIB 0x100000ull

#define SETSPI_NS    (MACHINE_GICV2M_BASE + 0x040)
#define ECAM(s, f)   (MACHINE_PCI_ECAM_BASE + ((uint64_t)(s) << 15) + ((uint64_t)(f) << 12))
#define VIRTIO(n)    (MACHINE_VIRTIO_MMIO_BASE + (uint64_t)(n)*MACHINE_VIRTIO_STRIDE)
#define THING_ID     0x567812abu
#define VIRTIO_MAGIC 0x74726976u /* virtio 1.2, 4.2.2 */

static struct run run;
static struct vmctx *ctx; /* run.ctx, once there is a VM */
static struct mmio_map map;
static char said[256];
static const struct dev_env *seen_env;
static bool refuse;
static int alive;

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

/* ---- a PCI function and a virtio device ---- */

static int
thing_create(struct pci_dev *d, const struct dev_conf *conf)
{
	if (refuse) {
		say("%s: does not want to", dev_conf_where(conf));
		return -1;
	}
	pci_set_ids(d, 0x12ab, 0x5678, 0, 0, 0xff0000, 0);
	seen_env = d->env;
	alive++;
	return 0;
}

static void
thing_destroy(struct pci_dev *d)
{
	(void)d;
	alive--;
}

static const struct pci_model thing = {
	.model = { .name = "thing", .help = "a thing", .kind = DEV_PCI },
	.create = thing_create,
	.destroy = thing_destroy,
};

static void
nothing(void *sc)
{
	(void)sc;
}

static const struct virtio_ops source_ops = { .start = nothing, .reset = nothing };
static struct virtqueue source_vq[1];
static struct virtio_dev source_dev;

static struct virtio_dev *
source_create(const struct dev_env *env, const struct dev_conf *conf)
{
	(void)conf;
	source_dev = (struct virtio_dev){
		.ops = &source_ops,
		.mem = env->mem,
		.id = VIRTIO_ID_ENTROPY,
		.nqueues = 1,
		.vq = source_vq,
	};
	if (virtio_init(&source_dev) != 0)
		return NULL;
	alive++;
	return &source_dev;
}

static void
source_destroy(struct virtio_dev *vd)
{
	virtio_fini(vd);
	alive--;
}

static const struct virtio_model source = {
	.model = { .name = "source", .help = "numbers", .kind = DEV_VIRTIO },
	.pci_class = 0xff0000,
	.create = source_create,
	.destroy = source_destroy,
};

static const struct dev_model *const models[] = { &thing.model, &source.model, NULL };

const struct dev_model *const *
dev_models(void)
{
	return models;
}

/* ---- the VM ---- */

static struct conf_tree tree;
static struct slots slots;

/* What -s says, up to three times. */
static struct devices *
create(const char *first, const char *second, const char *third)
{
	const char *const options[] = { first, second, third };
	struct config_error e;
	struct devices *d;

	for (int i = 0; i < 3; i++) {
		if (options[i] != NULL && slots_option(&tree, options[i], &e) != 0)
			fail_msg("%s", e.text);
	}
	if (slots_check(&tree, &slots, &e) != 0)
		fail_msg("%s", e.text);
	/* The VM comes afterwards. */
	run.ctx = NULL;
	d = devices_create(&run, &slots, "vm", 8 * MIB);
	run.ctx = ctx;
	if (d != NULL)
		assert_int_equal(devices_attach(d), 0);
	return d;
}

static int
setup(void **state)
{
	(void)state;
	fake_reset();
	vm_create("vm");
	memset(&map, 0, sizeof(map));
	memset(&run, 0, sizeof(run));
	ctx = run.ctx = vm_open("vm");
	run.mmio = &map;
	said[0] = '\0';
	refuse = false;
	return vm_setup_memory(run.ctx, 8 * MIB);
}

static int
teardown(void **state)
{
	(void)state;
	vm_close(run.ctx);
	slots_free(&slots);
	conf_tree_free(&tree);
	assert_int_equal(alive, 0);
	fake_reset();
	return 0;
}

static uint64_t
rd(uint64_t gpa)
{
	uint64_t data;

	assert_int_equal(mmio_access(&map, gpa, false, 4, &data), MMIO_OK);
	return data;
}

static void
test_bus_alone(void **state)
{
	struct devices *d = create("0,hostbridge", NULL, NULL);
	uint64_t data = SPI_INTID(MACHINE_GICV2M_SPI) + 5;

	(void)state;
	assert_non_null(d);
	/* The host bridge, and nobody else. */
	assert_int_not_equal(rd(ECAM(0, 0)), 0xffffffff);
	assert_int_equal(rd(ECAM(1, 0)), 0xffffffff);
	assert_int_equal(mmio_access(&map, SETSPI_NS, true, 4, &data), MMIO_OK);
	assert_int_equal(fake.pulsed, 85);
	assert_null(mmio_find(&map, VIRTIO(0)));
	assert_int_equal(devices_virtio_mmio(&slots), 0);
	devices_destroy(d);
	devices_destroy(NULL);
}

static void
test_all_kinds(void **state)
{
	struct devices *d = create("3:7,thing", "mmio:31,source", "3,thing");

	(void)state;
	assert_non_null(d);
	assert_int_equal(alive, 3);
	assert_int_equal(rd(ECAM(3, 0)), THING_ID);
	assert_int_equal(rd(ECAM(3, 7)), THING_ID);
	assert_int_equal(rd(ECAM(3, 1)), 0xffffffff);
	assert_int_equal(rd(VIRTIO(31)), VIRTIO_MAGIC);
	assert_int_equal(rd(VIRTIO(31) + 8), VIRTIO_ID_ENTROPY);
	assert_int_equal(devices_virtio_mmio(&slots), 1u << 31);
	devices_destroy(d);
}

static void
test_virtio_on_pci(void **state)
{
	struct devices *d = create("31,source", NULL, NULL);

	(void)state;
	assert_non_null(d);
	/* virtio 1.2, 4.1.2 */
	assert_int_equal(rd(ECAM(31, 0)), (0x1040 + VIRTIO_ID_ENTROPY) << 16 | 0x1af4);
	devices_destroy(d);
}

static void
test_env(void **state)
{
	struct devices *d = create("1,thing", NULL, NULL);
	const struct dev_env *env = seen_env;

	(void)state;
	assert_non_null(d);
	assert_string_equal(env->vm_name, "vm");
	assert_ptr_equal(devices_mem(d), env->mem);
	assert_ptr_equal(guest_mem_at(env->mem, MACHINE_RAM_BASE, 8 * MIB), fake.mem);
	assert_null(guest_mem_at(env->mem, MACHINE_RAM_BASE, 8 * MIB + 1));
	env->set_irq(env->arg, 35, true);
	assert_int_equal(fake.irq_level, 1u << 3);
	env->set_irq(env->arg, 35, false);
	assert_int_equal(fake.irq_level, 0);
	env->raise_msi(env->arg, SETSPI_NS, 80);
	assert_int_equal(fake.msi_addr, SETSPI_NS);
	assert_int_equal(fake.pulsed, 80);
	assert_int_equal(env->bind_doorbell(env->arg, 0x10000000, 4, 5, 1), 0);
	assert_int_equal(fake.doorbell.gpa, 0x10000000);
	assert_int_equal(fake.doorbell.data, 5);
	env->unbind_doorbell(env->arg, 0x10000004, 4, 5, 1);
	assert_int_equal(fake.doorbell.gpa, 0x10000004);
	devices_destroy(d);
}

static void
test_failures(void **state)
{
	struct devices *d;

	(void)state;
	refuse = true;
	assert_null(create("mmio:0,source", "30,thing", NULL));
	assert_string_equal(said, "-s 30,thing: does not want to");
	assert_int_equal(alive, 0);
	/* Nobody has given it memory. */
	vm_close(run.ctx);
	fake_reset();
	vm_create("vm");
	run.ctx = vm_open("vm");
	map.ndevs = 0;
	refuse = false;
	d = devices_create(&run, &slots, "vm", 8 * MIB);
	assert_non_null(d);
	said[0] = '\0';
	assert_int_equal(devices_attach(d), -1);
	assert_true(strlen(said) > 10);
	devices_destroy(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bus_alone),
		TEST(test_all_kinds),
		TEST(test_virtio_on_pci),
		TEST(test_env),
		TEST(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
