/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any sequence of ioctls with any arguments, touches of guest memory, events, failing allocations,
 * over the scripted processor: no call may crash, hang, answer anything but a known errno, or
 * leave memory behind.  The input is a program: a byte that says what, and the words of its
 * argument, each a byte that stands for a small number, an interesting one, or raw ones to follow.
 */
#include <stdlib.h>
#include <string.h>

#include <bind.h>
#include <fake.h>
#include <fake_arch.h>
#include <errno.h>

#define MAX_STEPS 96u
#define FILES	  3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *in;
static size_t left;
static struct vm *file[FILES]; /* open ones */

/* ---- input ---- */

static uint8_t
get_byte(void)
{
	if (left == 0)
		return 0;
	left--;
	return *in++;
}

static uint64_t
get_raw(unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes-- != 0)
		v = v << 8 | get_byte();
	return v;
}

static uint64_t
get_word(void)
{
	static const uint64_t nice[] = { 4096, 8192, 0x200000, 0x400000, 0x600000, 0x1000000,
		0x40000000, 0x40001000, 0x40200000, 0x40400000, 0x41000000, 0x8000000, 0x8010000,
		0x8020040, 0x9000000, 0x10000, 288, 1020, VM_MAX_GPA, VM_MAX_GPA - 4096,
		VM_MAX_GPA - 0x200000, ~0u, ~0ull, ~0ull << 12, 1ull << 63, 0x80000000, 0x3000 };
	uint8_t b = get_byte();

	if (b < 128)
		return b % 112;
	if (b < 248)
		return nice[b % NELEM(nice)];
	return get_raw(b < 252 ? 4 : 8);
}

/* ---- what must hold ---- */

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
check_error(int error)
{
	switch (error) {
	case 0:
	case -EPERM:
	case -ENOENT:
	case -ENXIO:
	case -EBADF:
	case -ENOMEM:
	case -EACCES:
	case -EBUSY:
	case -EEXIST:
	case -EINVAL:
	case -ENOSPC:
	case -ENOTTY:
	case -ENAMETOOLONG:
		return;
	default:
		abort();
	}
}

static void
check_maps(const struct vm *vm)
{
	for (uint32_t i = 0; i < VM_MAX_MEMMAPS; i++) {
		const struct memmap *a = &vm->map[i];

		if (a->len == 0)
			continue;
		must(a->len <= VM_MAX_GPA - a->gpa);
		must(a->segoff + a->len <= vm->seg[a->segid].len);
		for (uint32_t j = 0; j < i; j++)
			must(vm->map[j].len == 0 || a->gpa >= vm->map[j].gpa + vm->map[j].len ||
			    vm->map[j].gpa >= a->gpa + a->len);
	}
}

static bool
is_memory_or_vgic(const struct vm *vm, uint64_t gpa)
{
	return vm_mem_is_mapped(vm, gpa, 1) || gpa - vm->vgic.dist_start < vm->vgic.dist_size ||
	    gpa - vm->vgic.cpu_start < vm->vgic.cpu_size;
}

static void
check_binds(const struct vm *vm)
{
	const struct bind_table *t = bind_now(vm->doorbells);

	for (uint32_t i = 0; t != NULL && i < t->n; i++) {
		must(!is_memory_or_vgic(vm, t->row[i]->key.where));
		must(i == 0 || bind_key_cmp(&t->row[i - 1]->key, &t->row[i]->key) < 0);
		must(t->row[i]->key.size != 0 || i + 1 == t->n ||
		    t->row[i]->key.where != t->row[i + 1]->key.where);
	}
	t = bind_now(vm->irqs);
	for (uint32_t i = 1; t != NULL && i < t->n; i++)
		must(bind_key_cmp(&t->row[i - 1]->key, &t->row[i]->key) <= 0);
}

static void
check_vm(const struct vm *vm)
{
	check_maps(vm);
	check_binds(vm);
	for (uint32_t i = 0; i < VM_MAXCPU; i++) {
		must((vm->active >> i & 1) == 0 || vm->vcpu[i] != NULL);
		must(vm->vcpu[i] == NULL ||
		    (vm->vcpu[i]->run_busy == VCPU_FREE && vm->vcpu[i]->state == VCPU_IDLE));
	}
}

static void
check_all(void)
{
	must(!fake_in_atomic());
	must(fake_timers_armed() == 0);
	for (unsigned int i = 0; i < FILES; i++)
		if (file[i] != NULL)
			check_vm(file[i]);
}

/* ---- steps ---- */

static void
interrupt_me(void)
{
	fake_signal(fake_thread());
}

/* A name from a few, or garbage. */
static void
get_name(char *name, size_t size)
{
	uint8_t b = get_byte();

	if (b < 128) {
		name[0] = (char)('a' + b % 3);
		return;
	}
	for (size_t i = 0; i < size && b-- > 128; i++)
		name[i] = (char)get_byte();
}

static void
get_arg(void *arg, size_t size)
{
	uint8_t words = get_byte();
	uint64_t w;

	/* 64-bit steps where the structures have such fields, 32-bit ones elsewhere. */
	for (size_t off = 0; words != 0 && off + 4 <= size; words--) {
		size_t n = (get_byte() & 1) != 0 && off + 8 <= size && off % 8 == 0 ? 8 : 4;

		w = get_word();
		memcpy((uint8_t *)arg + off, &w, n);
		off += n;
	}
}

#define ROW(name, num, dir, type) { num, sizeof(type) },
static const struct call {
	uint32_t ordinal;
	size_t size;
} vm_calls[] = { VMM_IOCTL_LIST(ROW) }, ctl_calls[] = { VMMCTL_IOCTL_LIST(ROW) };

static void
step_ioctl(struct vm **at)
{
	_Alignas(8) uint8_t arg[VMM_IOCTL_MAX_SIZE] = { 0 };
	const struct call *c = &vm_calls[get_byte() % NELEM(vm_calls)];
	uint32_t ordinal = c->ordinal;
	size_t size = c->size;
	int error;

	if (ordinal == IOCNUM_REINIT)
		size = 0;
	get_arg(arg, size);
	if (get_byte() == 0xee) {
		ordinal = (uint32_t)get_raw(4);
		size = get_byte();
	}
	error = vm_file_ioctl(*at, at, ordinal, arg, size);
	check_error(error);
	if (ordinal == IOCNUM_RUN)
		fake_signal_clear(fake_thread());
}

static void
step_ctl(void)
{
	_Alignas(8) uint8_t arg[128] = { 0 };
	const struct call *c = &ctl_calls[get_byte() % NELEM(ctl_calls)];
	uint32_t none = ~0u;

	if (c->ordinal == IOCNUM_VMM_CREATE || c->ordinal == IOCNUM_VMM_DESTROY) {
		get_name((char *)arg, VM_MAX_NAMELEN + 1);
		if (c->ordinal == IOCNUM_VMM_CREATE)
			memcpy(arg + offsetof(struct vmmctl_vm_create, gid), &none, sizeof(none));
	} else {
		get_arg(arg, c->size);
	}
	check_error(vmmctl_ioctl(c->ordinal, arg, c->size));
}

static void
file_close(unsigned int i)
{
	if (file[i] == NULL)
		return;
	vm_file_closed(file[i], &file[i]);
	vm_put(file[i]);
	file[i] = NULL;
}

static void
step_open(void)
{
	unsigned int i = get_byte() % FILES;
	char name[VM_MAX_NAMELEN + 1] = { 0 };

	get_name(name, sizeof(name));
	file_close(i);
	check_error(vm_open(name, &file[i]));
}

static void
step_script(struct vm *vm)
{
	struct vcpu *vcpu = vm->vcpu[get_byte() % VM_MAXCPU];
	enum fake_do what = get_byte() % FAKE_DOES;
	uint64_t gpa = get_word(), val = get_word();

	if (vcpu == NULL || fake_vcpu(vcpu)->tail - fake_vcpu(vcpu)->head >= FAKE_ACTIONS - 1)
		return;
	if (what == FAKE_WFI || what == FAKE_SUSPEND || what == FAKE_SLOW)
		val &= 7;
	fake_do(vcpu, what, gpa, val);
}

static void
step_touch(struct vm *vm)
{
	uint64_t gpa = get_word();
	void *va;
	int error = fake_user_touch(vm, gpa, (get_byte() & 1) != 0, &va);

	must(error == 0 || error == -EFAULT || error == -EACCES || error == -ENOMEM);
}

static void
step_environment(void)
{
	static const struct fake_user user = { 1000, false, 50 };

	switch (get_byte() % 8) {
	case 5:
		fake_eventfd_write(get_byte() % 8);
		break;
	case 6:
		if ((get_byte() & 1) != 0)
			fake_eventfd_close(get_byte() % 8);
		else
			(void)fake_eventfd();
		break;
	case 7:
		(void)fake_run_work();
		break;
	case 0:
		fake_fail_at(get_byte() % 8);
		break;
	case 1:
		fake_no_blocks((get_byte() & 1) != 0);
		break;
	case 2:
		fake_set_user(&user);
		break;
	case 3:
		fake_set_user(NULL);
		break;
	default:
		fake_clock_advance(get_word() & 0xffff);
		break;
	}
}

static void
step(void)
{
	uint8_t b = get_byte();
	struct vm *vm = file[b % FILES];

	if (b < 24) {
		step_ctl();
	} else if (b < 48) {
		step_open();
	} else if (b < 64) {
		step_environment();
	} else if (vm != NULL) {
		if (b < 96)
			step_touch(vm);
		else if (b < 136)
			step_script(vm);
		else
			step_ioctl(&file[b % FILES]);
	}
}

static void
clean_up(void)
{
	struct vmmctl_vm_next n = { .cursor = 0 };
	struct vmmctl_vm_destroy d = { .pad = { 0 } };

	fake_fail_at(0);
	fake_set_user(NULL);
	while (vmmctl_ioctl(IOCNUM_VMM_NEXT, &n, sizeof(n)) == 0) {
		memcpy(d.name, n.name, sizeof(d.name));
		must(vmmctl_ioctl(IOCNUM_VMM_DESTROY, &d, sizeof(d)) == 0);
	}
	must(fake_counts().gpages == 0 && fake_counts().users == 0);
	must(fake_counts().events == 0);
	for (unsigned int i = 0; i < FILES; i++)
		file_close(i);
	(void)fake_run_work();
	must(vmm_fini() == 0);
	must(fake_leaks() == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = data;
	left = size;
	fake_reset();
	fake_on_idle = interrupt_me;
	must(vmm_init() == 0);
	for (unsigned int i = 0; i < 4; i++)
		(void)fake_eventfd();
	/* Most programs want one; the bytes are then not spent on it. */
	must(vmmctl_ioctl(IOCNUM_VMM_CREATE, &(struct vmmctl_vm_create){ .name = "a", .gid = ~0u },
		 sizeof(struct vmmctl_vm_create)) == 0);
	must(vm_open("a", &file[0]) == 0);
	for (unsigned int i = 0; i < MAX_STEPS && left != 0; i++) {
		step();
		check_all();
	}
	clean_up();
	return 0;
}
