/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * bhyve: makes the machine around a VM and runs it.  The main thread is the event loop's; each vCPU
 * has a thread, from the start on: one that the guest has not switched on sleeps in the kernel.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bhyverun.h"
#include "boot.h"
#include "config.h"
#include "console.h"
#include "control.h"
#include "debug.h"
#include "gdb.h"
#include "dev/pl011.h"
#include "dev/pl031.h"
#include "dev/pl061.h"
#include "devices.h"
#include "firmware.h"
#include "host.h"
#include "nodes.h"
#include "outside.h"
#include "sandbox.h"

/* The machine: devices and the loop that serves them. */
struct machine {
	struct run run;
	struct mmio_map mmio;
	struct chardev *console;
	struct pl011 *pl011;
	struct pl031 *pl031;
	struct pl061 *pl061;
	struct control *control;
	struct devices *devices;   /* those of the configuration */
	struct firmware *firmware; /* or NULL */
	struct run_vcpu vcpu[VM_MAXCPU];
	unsigned int nvcpus;
	uint64_t memory;   /* bytes of the guest's RAM */
	bool created;	   /* this bhyve made the VM */
	bool asked_button; /* the power button was pressed by a signal before */
	bool asked_off;	   /* a signal asked for power-off before */
};

void
run_end(struct run *run, enum bhyve_status status)
{
	bool first;

	pthread_mutex_lock(&run->lock);
	first = run->status == BHYVE_RUNNING;
	if (first)
		run->status = status;
	pthread_mutex_unlock(&run->lock);
	if (run->gdb != NULL)
		gdb_end(run->gdb, status);
	/* The other vCPUs come back from vm_run() with it; a suspended VM stays as it is. */
	if (first)
		vm_suspend(run->ctx, VM_SUSPEND_POWEROFF);
}

static int
say_vm(enum vm_op op, const char *name)
{
	char line[256];

	say("%s", vm_strerror(op, name, errno, line, sizeof(line)));
	return -1;
}

/* ---- the VM ---- */

/* What libboot is to load; it points into the configuration. */
static struct boot_config
boot_files(const struct bhyve_config *c)
{
	struct boot_config boot = {
		.is64 = boot_host_is64(),
		.firmware = c->bootrom != NULL,
		.fw_cfg = firmware_wanted(c),
		.kernel = c->kernel,
		.initrd = c->initrd,
		.cmdline = c->bootargs,
		.dtb = c->fdt_file,
		.noverlays = c->noverlays,
		.nenv = c->nenv,
		.raw_gpa = c->kernel_address,
		.virtio_mmio = devices_virtio_mmio(&c->slots),
		.pci = true,
	};

	for (unsigned int i = 0; i < c->noverlays; i++)
		boot.overlays[i] = c->overlays[i];
	for (unsigned int i = 0; i < c->nenv; i++)
		boot.env[i] = c->env[i];
	return boot;
}

static int
boot_direct(struct machine *m, const struct bhyve_config *c)
{
	struct boot_config boot = boot_files(c);
	struct boot_vm vm = { .memory = m->memory, .vcpus = c->vcpus != 0 ? c->vcpus : 1 };
	struct vm_topology one = { 1, 1, 1, 1 };
	struct boot_error e;

	boot.progress = isatty(STDERR_FILENO) != 0;
	vm.topology = c->vcpus != 0 ? &c->topology : &one;
	if (boot_vm_prepare(m->run.ctx, &vm, &boot, &e) != 0) {
		say("%s", e.text);
		return -1;
	}
	return 0;
}

/* Everything that can be wrong with the files is said before a VM is made. */
static int
check_files(struct machine *m, const struct bhyve_config *c)
{
	struct boot_config boot = boot_files(c);
	struct boot_error e;

	if (!config_boots(c))
		return 0;
	if (firmware_wanted(c)) {
		m->firmware = firmware_open(c);
		if (m->firmware == NULL)
			return -1;
	}
	if (boot_check(&boot, c->memory != 0 ? c->memory : MACHINE_RAM_SIZE, &e) == 0)
		return 0;
	say("%s", e.text);
	return -1;
}

/* The VM that bhyveload prepared must be what the options say. */
static int
check_prepared(struct machine *m, const struct bhyve_config *c)
{
	const char *name = vm_get_name(m->run.ctx);
	uint64_t active, ended;
	struct vm_memseg seg;
	unsigned int vcpus;

	if (vm_active_cpus(m->run.ctx, &active) != 0 || vm_suspended_cpus(m->run.ctx, &ended) != 0)
		return say_vm(VM_OP_OPEN, name);
	vcpus = (unsigned int)__builtin_popcountll(active);
	if (active == 0) {
		say("VM \"%s\" has nothing to run: load a kernel with bhyveload, or give "
		    "-o kernel=FILE",
		    name);
		return -1;
	}
	if (ended != 0) {
		say("VM \"%s\" has ended: load it again with bhyveload, or give -o kernel=FILE",
		    name);
		return -1;
	}
	if (c->vcpus != 0 && c->vcpus != vcpus) {
		say("-c %u: VM \"%s\" was loaded with %u vCPUs; leave -c out, or load it with "
		    "bhyveload -c %u",
		    c->vcpus, name, vcpus, c->vcpus);
		return -1;
	}
	if (c->memory != 0 && vm_get_memseg(m->run.ctx, 0, &seg) == 0 && seg.len != c->memory) {
		say("-m: VM \"%s\" was loaded with %llu MiB; leave -m out, or load it again", name,
		    (unsigned long long)(seg.len >> 20));
		return -1;
	}
	return 0;
}

static int
lock_vm(struct machine *m, const struct bhyve_config *c)
{
	if (vm_lock(m->run.ctx) == 0)
		return 0;
	return say_vm(errno == EBUSY ? VM_OP_RUN : VM_OP_OPEN, c->name);
}

/* The VM that is there, unchanged; where there is none and bhyve is to make it, run.ctx is NULL. */
static int
find_vm(struct machine *m, const struct bhyve_config *c)
{
	struct vm_memseg seg;

	m->memory = c->memory != 0 ? c->memory : CONFIG_DEFAULT_MEMORY;
	m->run.ctx = vm_open(c->name);
	if (m->run.ctx == NULL)
		return config_boots(c) && errno == ENOENT ? 0 : say_vm(VM_OP_OPEN, c->name);
	if (lock_vm(m, c) != 0 || (!config_boots(c) && check_prepared(m, c) != 0))
		return -1;
	if (c->memory == 0 && vm_get_memseg(m->run.ctx, 0, &seg) == 0 && seg.len != 0)
		m->memory = seg.len;
	return 0;
}

/* From here on the VM is another than it was. */
static int
make_vm(struct machine *m, const struct bhyve_config *c)
{
	if (!config_boots(c))
		return 0;
	if (m->run.ctx == NULL) {
		if (vm_create(c->name) != 0)
			return say_vm(VM_OP_CREATE, c->name);
		m->created = true;
		m->run.ctx = vm_open(c->name);
		if (m->run.ctx == NULL)
			return say_vm(VM_OP_OPEN, c->name);
		if (lock_vm(m, c) != 0)
			return -1;
	}
	return boot_direct(m, c);
}

/* ---- devices ---- */

static void
set_irq(void *arg, uint32_t irq, bool level)
{
	struct run *run = arg;

	/* It fails only when the VM is going away. */
	if (level)
		vm_assert_irq(run->ctx, irq);
	else
		vm_deassert_irq(run->ctx, irq);
}

/* What is always there. */
static int
make_fixed(struct machine *m)
{
	struct irq_line line = { set_irq, &m->run, SPI_INTID(MACHINE_PL011_SPI) };
	struct mmio_device dev;

	m->pl011 = pl011_create(m->run.loop, m->console, &line);
	line.irq = SPI_INTID(MACHINE_PL031_SPI);
	m->pl031 = pl031_create(m->run.loop, &line);
	line.irq = SPI_INTID(MACHINE_PL061_SPI);
	m->pl061 = pl061_create(m->run.loop, &line);
	if (m->pl011 == NULL || m->pl031 == NULL || m->pl061 == NULL) {
		say("cannot make the devices: %s", strerror(errno));
		return -1;
	}
	/* The table of <vmm/machine.h> has no overlaps. */
	pl011_mmio(m->pl011, MACHINE_PL011_BASE, &dev);
	mmio_register(&m->mmio, &dev);
	pl031_mmio(m->pl031, MACHINE_PL031_BASE, &dev);
	mmio_register(&m->mmio, &dev);
	pl061_mmio(m->pl061, MACHINE_PL061_BASE, &dev);
	mmio_register(&m->mmio, &dev);
	return 0;
}

/* Before there is a VM: no guest uses any of them. */
static int
make_devices(struct machine *m, const struct bhyve_config *c)
{
	m->console = console_open(m->run.loop, c->console != NULL ? c->console : "stdio");
	if (m->console == NULL || make_fixed(m) != 0)
		return -1;
	m->devices = devices_create(&m->run, &c->slots, c->name, m->memory);
	return m->devices != NULL ? 0 : -1;
}

static int
attach_devices(struct machine *m, const struct bhyve_config *c)
{
	uint32_t vcpus = c->vcpus != 0 ? c->vcpus : 1;

	if (devices_attach(m->devices) != 0)
		return -1;
	if (!config_boots(c) && nodes_check(m->run.ctx, devices_mem(m->devices), &c->slots) != 0)
		return -1;
	if (m->firmware != NULL &&
	    firmware_attach(m->firmware, m->run.ctx, devices_mem(m->devices), vcpus, &m->mmio) != 0)
		return -1;
	/* What loading a kernel says wants an ordinary terminal. */
	tty_again();
	console_start(m->console);
	return 0;
}

/* ---- other programs ---- */

static const char *
power_button(void *arg, const char *argument)
{
	struct machine *m = arg;

	(void)argument;
	return pl061_press_power(m->pl061) ? NULL :
					     "the guest does not listen to its power button (yet); "
					     "--force-poweroff turns the machine off";
}

/* Behind what the devices answer. */
static const char *
no_balloon(void *arg, const char *argument)
{
	(void)arg;
	(void)argument;
	return "it has no balloon: give bhyve -s SLOT,virtio-balloon";
}

/* Without it the VM runs all the same. */
static void
listen_to_others(struct machine *m)
{
	static const struct control_request requests[] = {
		{ "power-button", power_button },
		{ "balloon", no_balloon },
		{ "balloon-target", no_balloon },
		{ "balloon-refresh", no_balloon },
		{ NULL, NULL },
	};
	struct control_table tables[CONTROL_MAX_TABLES];
	unsigned int n = devices_tables(m->devices, tables);

	tables[n++] = (struct control_table){ requests, m };
	m->control = control_create(m->run.loop, vm_get_name(m->run.ctx), tables, n);
	if (m->control == NULL)
		say("bhyvectl --power-button and --balloon will not work: %s", strerror(errno));
}

/* ---- signals ---- */

static void
asked_to_end(void *arg)
{
	struct machine *m = arg;

	if (m->asked_off) {
		/* Twice: at once, whatever the guest and its console do. */
		tty_restore();
		_exit(BHYVE_ERROR);
	}
	m->asked_off = true;
	vm_suspend(m->run.ctx, VM_SUSPEND_POWEROFF);
}

/* SIGTERM, as in bhyve(8): the guest's own shutdown, if it has one and not twice. */
static void
asked_to_shut_down(void *arg)
{
	struct machine *m = arg;

	if (!m->asked_button && !m->asked_off) {
		m->asked_button = true;
		if (pl061_press_power(m->pl061))
			return;
	}
	asked_to_end(m);
}

static void
continued(void *arg)
{
	(void)arg;
	tty_again();
}

static int
watch_signals(struct machine *m)
{
	static const int ending[] = { SIGINT, SIGHUP };

	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		if (ev_signal_add(m->run.loop, ending[i], asked_to_end, m) == NULL)
			return -1;
	}
	if (ev_signal_add(m->run.loop, SIGTERM, asked_to_shut_down, m) == NULL)
		return -1;
	return ev_signal_add(m->run.loop, SIGCONT, continued, m) != NULL ? 0 : -1;
}

/* Before any thread is made: all of them inherit it. */
static void
block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGWINCH); /* a device may want it */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* ---- vCPU threads ---- */

static int
start_vcpu(struct machine *m, unsigned int id, int pin)
{
	struct run_vcpu *v = &m->vcpu[m->nvcpus];
	char name[16];
	int error;

	v->run = &m->run;
	v->vcpu = vm_vcpu_open(m->run.ctx, id);
	if (v->vcpu == NULL)
		return -1;
	pthread_mutex_lock(&m->run.lock);
	m->run.threads++;
	pthread_mutex_unlock(&m->run.lock);
	error = pthread_create(&v->thread, NULL, vcpu_main, v);
	if (error != 0) {
		pthread_mutex_lock(&m->run.lock);
		m->run.threads--;
		pthread_mutex_unlock(&m->run.lock);
		vm_vcpu_close(v->vcpu);
		errno = error;
		return -1;
	}
	m->nvcpus++;
	snprintf(name, sizeof(name), "vcpu %u", id);
	host_thread_name(v->thread, name);
	if (pin < 0)
		return 0;
	error = host_thread_pin(v->thread, (unsigned int)pin);
	errno = error;
	return error != 0 ? -1 : 0;
}

/* Before anything has been done to the VM. */
static int
check_pins(const struct machine *m, const struct bhyve_config *c)
{
	uint64_t active = (1u << (c->vcpus != 0 ? c->vcpus : 1)) - 1;
	int error = 0;

	if (!config_boots(c) && vm_active_cpus(m->run.ctx, &active) != 0)
		return say_vm(VM_OP_OPEN, c->name);
	for (unsigned int i = 0; i < VM_MAXCPU && error == 0; i++) {
		if (c->pin[i] < 0)
			continue;
		if ((active >> i & 1) == 0) {
			say("-p %u:%d: the VM has %d vCPUs, counted from 0", i, c->pin[i],
			    __builtin_popcountll(active));
			return -1;
		}
		error = host_cpu_check((unsigned int)c->pin[i]);
		if (error != 0)
			say("-p %u:%d: %s: is there such a host CPU?", i, c->pin[i],
			    strerror(error));
	}
	return error != 0 ? -1 : 0;
}

static int
make_gdb(struct machine *m, const struct bhyve_config *c, uint64_t active)
{
	if (c->gdb == NULL)
		return 0;
	m->run.gdb = gdb_create(m->run.ctx, devices_mem(m->devices), active, c->gdb);
	return m->run.gdb != NULL ? 0 : -1;
}

/* They wait at the gate; a guest's first instruction comes after the sandbox. */
static int
start_vcpus(struct machine *m, const struct bhyve_config *c, uint64_t active)
{
	int error = 0;

	pthread_mutex_lock(&m->run.gate);
	for (unsigned int i = 0; i < VM_MAXCPU && error == 0; i++) {
		if ((active >> i & 1) == 0)
			continue;
		error = start_vcpu(m, i, c->pin[i]);
		if (error != 0) {
			say("cannot start vCPU %u: %s", i, strerror(errno));
			run_end(&m->run, BHYVE_ERROR);
		}
	}
	if (error == 0 && c->sandbox && sandbox_enter() != 0) {
		run_end(&m->run, BHYVE_ERROR);
		error = -1;
	}
	pthread_mutex_unlock(&m->run.gate);
	return error;
}

static int
run_vcpus(struct machine *m, const struct bhyve_config *c)
{
	bool idle;
	uint64_t active;
	int error;

	if (vm_active_cpus(m->run.ctx, &active) != 0)
		return say_vm(VM_OP_OPEN, c->name);
	if (make_gdb(m, c, active) != 0)
		return -1;
	error = start_vcpus(m, c, active);
	pthread_mutex_lock(&m->run.lock);
	idle = m->nvcpus == 0;
	pthread_mutex_unlock(&m->run.lock);
	if (!idle)
		ev_loop_run(m->run.loop);
	for (unsigned int i = 0; i < m->nvcpus; i++) {
		pthread_join(m->vcpu[i].thread, NULL);
		vm_vcpu_close(m->vcpu[i].vcpu);
	}
	return error;
}

/* ---- all of it ---- */

static void
take_down(struct machine *m, const struct bhyve_config *c)
{
	bool destroy = m->created && !c->keep;

	if (m->control != NULL)
		control_destroy(m->control);
	/* It uses the devices' view of memory. */
	if (m->run.gdb != NULL) {
		gdb_end(m->run.gdb, m->run.status);
		gdb_destroy(m->run.gdb);
	}
	devices_destroy(m->devices);
	if (m->console != NULL)
		console_close(m->console);
	if (m->pl011 != NULL)
		pl011_destroy(m->pl011);
	if (m->pl031 != NULL)
		pl031_destroy(m->pl031);
	if (m->pl061 != NULL)
		pl061_destroy(m->pl061);
	if (m->firmware != NULL)
		firmware_close(m->firmware);
	if (m->run.loop != NULL)
		ev_loop_destroy(m->run.loop);
	if (c->destroy_on_poweroff && m->run.status == BHYVE_POWEROFF)
		destroy = true;
	if (m->run.ctx != NULL)
		vm_close(m->run.ctx);
	/* Nothing is lost when it is gone already, or somebody else is about it. */
	if (destroy && outside_destroy_vm(c->name) != 0 && errno != ENOENT && errno != ENXIO)
		say_vm(VM_OP_DESTROY, c->name);
	outside_end();
}

static enum bhyve_status
run_machine(struct machine *m, const struct bhyve_config *c)
{
	pthread_mutex_init(&m->run.lock, NULL);
	pthread_mutex_init(&m->run.gate, NULL);
	m->run.mmio = &m->mmio;
	m->run.status = BHYVE_RUNNING;
	if (c->sandbox && sandbox_prepare(c->name) != 0)
		return BHYVE_ERROR;
	if (check_files(m, c) != 0 || find_vm(m, c) != 0 || check_pins(m, c) != 0)
		return BHYVE_ERROR;
	block_signals();
	m->run.loop = ev_loop_create();
	if (m->run.loop == NULL || watch_signals(m) != 0) {
		say("cannot make the event loop: %s", strerror(errno));
		return BHYVE_ERROR;
	}
	if (make_devices(m, c) != 0 || make_vm(m, c) != 0 || attach_devices(m, c) != 0)
		return BHYVE_ERROR;
	listen_to_others(m);
	if (run_vcpus(m, c) != 0)
		return BHYVE_ERROR;
	return m->run.status;
}

/* What asks for words only.  -1: it does not. */
static int
answer(const struct bhyve_config *c)
{
	int error = 0;

	if (c->help)
		fputs(config_usage(), stdout);
	else if (c->list_devices)
		slots_help(stdout);
	else if (c->dump)
		error = config_dump(c, stdout);
	else
		return -1;
	if (error == 0 && fflush(stdout) == 0)
		return 0;
	say("cannot write: %s", strerror(errno));
	return BHYVE_ERROR;
}

int
main(int argc, char **argv)
{
	static struct machine machine;
	struct config_error e;
	struct bhyve_config c;
	int status;

	config_init(&c);
	if (config_parse(&c, argc, argv, &e) != 0) {
		say("%s", e.text);
		say("bhyve -h shows the options");
		config_free(&c);
		return BHYVE_ERROR;
	}
	status = answer(&c);
	if (status >= 0) {
		config_free(&c);
		return status;
	}
	status = (int)run_machine(&machine, &c);
	take_down(&machine, &c);
	config_free(&c);
	return status;
}
