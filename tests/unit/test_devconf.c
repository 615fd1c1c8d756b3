/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Devices in the configuration: -s, the keys it stands for, what each wrong one is answered with,
 * what a model reads, and that what is printed reads back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "config_case.h"
#include "fake_models.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static void
assert_key(const struct bhyve_config *c, const char *key, const char *val)
{
	const struct conf_node *node = conf_tree_get(&c->tree, key);

	if (node == NULL)
		fail_msg("there is no %s", key);
	assert_string_equal(node->val, val);
}

static void
test_slot_is_keys(void **state)
{
	/* What is given, and keys that it must give. */
	static const struct {
		const char *args;
		const char *keys[4][2];
	} rows[] = {
		{ "-s 3,virtio-blk,disk.img,ro g",
		    { { "pci.0.3.0.device", "virtio-blk" }, { "pci.0.3.0.path", "disk.img" },
			{ "pci.0.3.0.ro", "true" } } },
		{ "-s 31,virtio-net,backend=slirp,mac=02:00:00:12:34:56 g",
		    { { "pci.0.31.0.device", "virtio-net" }, { "pci.0.31.0.backend", "slirp" },
			{ "pci.0.31.0.mac", "02:00:00:12:34:56" } } },
		{ "-s 3:0,virtio-rnd -s 0:3:7,virtio-blk,ro=no g",
		    { { "pci.0.3.0.device", "virtio-rnd" }, { "pci.0.3.7.device", "virtio-blk" },
			{ "pci.0.3.7.ro", "no" } } },
		{ "-s 0,hostbridge g", { { "pci.0.0.0.device", "hostbridge" } } },
		{ "-s 0:1,virtio-rnd g", { { "pci.0.0.1.device", "virtio-rnd" } } },
		{ "-s 4,pci-thing g", { { "pci.0.4.0.device", "pci-thing" } } },
		{ "-s 3,virtio-console,port1=/a,port16=/b g",
		    { { "pci.0.3.0.port1", "/a" }, { "pci.0.3.0.port16", "/b" } } },
		{ "-s mmio:31,virtio-blk,a g",
		    { { "virtio_mmio.31.device", "virtio-blk" }, { "virtio_mmio.31.path", "a" } } },
		{ "-o pci.0.3.0.ro=on -o pci.0.03.0.device=virtio-blk g",
		    { { "pci.0.3.0.device", "virtio-blk" }, { "pci.0.3.0.ro", "on" } } },
		/* References, to what comes later too. */
		{ "-s 3,virtio-blk,/vm/%(name).ram,even=%(pci.0.3.0.path)! "
		  "-o fdt.bootargs=%%(x)%d%%%(cpus) -c 2 -o kernel=/%(name) guest",
		    { { "pci.0.3.0.path", "/vm/guest.ram" }, { "pci.0.3.0.even", "/vm/guest.ram!" },
			{ "fdt.bootargs", "%(x)%d%2" }, { "kernel", "/guest" } } },
		/* The last one counts. */
		{ "-s 3,virtio-blk,a -o pci.0.3.0.path=b -o pci.0.3.0.path=c g",
		    { { "pci.0.3.0.path", "c" } } },
		{ "{pci.0.3.0.device=virtio-blk;pci.0.3.0.path=a b=c  ;}-o pci.0.3.0.ro=1 g",
		    { { "pci.0.3.0.path", "a b=c" }, { "pci.0.3.0.ro", "1" } } },
		{ "-s 3,virtio-blk,threads=0x40,bytes=4G g", { { "pci.0.3.0.bytes", "4G" } } },
		{ "-s 3,virtio-blk,a,ro=YES -o virtio_msix=True -o x86.strictio=Off g",
		    { { "pci.0.3.0.ro", "YES" } } },
		{ "-A -H -P -S -Y -a -u -w -x g",
		    { { "acpi_tables", "true" }, { "memory.wired", "true" },
			{ "x86.mptable", "false" }, { "rtc.use_localtime", "false" } } },
		{ "-D -c 2 g", { { "destroy_on_poweroff", "true" }, { "cpus", "2" } } },
	};
	struct bhyve_config c;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		good(&c, rows[i].args);
		for (int k = 0; k < 4 && rows[i].keys[k][0] != NULL; k++)
			assert_key(&c, rows[i].keys[k][0], rows[i].keys[k][1]);
		config_free(&c);
	}
}

static void
test_messages(void **state)
{
	static const struct {
		const char *args, *line; /* how it begins */
	} rows[] = {
		/* -s itself */
		{ "-s", "-s: needs a value" },
		{ "-s 3 g", "-s 3: which device? Say -s SLOT,DEVICE[,OPTION...] (-s help" },
		{ "-s 3, g", "-s 3: which device?" },
		{ "-s ,virtio-blk g", "-s ,virtio-blk: the slot is SLOT, SLOT:FUNC" },
		{ "-s 32,virtio-blk g", "-s 32,virtio-blk: the slot is SLOT, SLOT:FUNC" },
		{ "-s 3:8,virtio-blk g", "-s 3:8,virtio-blk: the slot is" },
		{ "-s 1:3:0,virtio-blk g", "-s 1:3:0,virtio-blk: the slot is" },
		{ "-s 0:0:3:0,virtio-blk g", "-s 0:0:3:0,virtio-blk: the slot is" },
		{ "-s -1,virtio-blk g", "-s -1,virtio-blk: the slot is" },
		{ "-s 99999999999999999999,virtio-blk g", "-s 99999999999999999999,virtio-blk:" },
		{ "-s mmio:32,virtio-blk g", "-s mmio:32,virtio-blk: the slot is" },
		{ "-s mmio:,virtio-blk g", "-s mmio:,virtio-blk: the slot is" },
		{ "-s 3,floppy g",
		    "-s 3,floppy: there is no device floppy; there are virtio-blk, virtio-net, "
		    "virtio-console, virtio-rnd, pci-thing (-s help shows more)" },
		{ "-s 3,virtio-blk,a,,ro g", "-s 3,virtio-blk: there is a comma, but no option" },
		{ "-s 3,virtio-blk, g", "-s 3,virtio-blk: there is a comma" },
		{ "-s 3,virtio-blk,path= g", "-s 3,virtio-blk: path has an empty value" },
		{ "-s 3,virtio-blk,=a g",
		    "-s 3,virtio-blk: virtio-blk has no option ; it has path" },
		{ "-s 3,virtio-blk,device=virtio-net g",
		    "-s 3,virtio-blk: virtio-blk has no option device; it has path, ro, threads" },
		/* two in one place */
		{ "-s 3,virtio-blk,a -s 3,virtio-net g",
		    "-s 3,virtio-net: slot 3 has a device already: -s 3,virtio-blk; take another" },
		{ "-s 3,virtio-rnd -s 3:1,virtio-rnd -s 0:3:1,virtio-blk g",
		    "-s 0:3:1,virtio-blk: slot 3:1 has a device already: -s 3:1,virtio-rnd;" },
		{ "-s mmio:1,virtio-rnd -s mmio:1,virtio-blk g",
		    "-s mmio:1,virtio-blk: mmio:1 has a device already: -s mmio:1,virtio-rnd;" },
		{ "{pci.0.3.0.device=virtio-rnd}-s 3,virtio-blk g",
		    "-s 3,virtio-blk: slot 3 has a device already: FILE:1: pci.0.3.0.device=" },
		/* options against their table */
		{ "-s 3,virtio-blk,a,bootindex=1 g",
		    "-s 3,virtio-blk: bootindex=1: virtio-blk has no option bootindex; it has "
		    "path, ro, threads, bytes, even" },
		{ "-s 3,virtio-blk,a,thread=1 g",
		    "-s 3,virtio-blk: thread=1: virtio-blk has no option thread; it has path, ro, "
		    "threads, bytes, even, cache; did you mean threads?" },
		{ "-s 3,virtoi-blk,a g",
		    "-s 3,virtoi-blk: there is no device virtoi-blk; there are virtio-blk, "
		    "virtio-net, virtio-console, virtio-rnd, pci-thing (-s help shows more); did "
		    "you mean virtio-blk?" },
		{ "-o memory_size=1G g",
		    "-o memory_size: there is no such key; bhyve(8) lists them; did you mean "
		    "memory.size?" },
		{ "{cpus=1;name=g;consol=pty}",
		    "FILE:3: consol: there is no such key; bhyve(8) lists them; did you mean "
		    "console?" },
		{ "-s 3,virtio-net,mac=02:00:00:12:34:56 g",
		    "-s 3,virtio-net: backend is missing: say backend=slirp, tap" },
		{ "-s 3,virtio-console,port1=/a,port13=/b g",
		    "-s 3,virtio-console: port13: brings bad luck; take port14" },
		{ "-s 3,virtio-rnd,fast g",
		    "-s 3,virtio-rnd: fast=true: virtio-rnd has no option fast, nor any other" },
		{ "-s 3,pci-thing,x g", "-s 3,pci-thing: x=true: pci-thing has no option x, nor" },
		{ "-s 3,virtio-console,port=/a g",
		    "-s 3,virtio-console: port=/a: virtio-console has" },
		{ "-s 3,virtio-blk,a,ro=maybe g",
		    "-s 3,virtio-blk: ro=maybe: is neither true nor false" },
		{ "-s 3,virtio-blk,a,threads g", "-s 3,virtio-blk: threads=true: is not a number" },
		{ "-s 3,virtio-blk,a,threads=0 g",
		    "-s 3,virtio-blk: threads=0: is not between 1 and 64" },
		{ "-s 3,virtio-blk,a,threads=1K g",
		    "-s 3,virtio-blk: threads=1K: is not between 1" },
		{ "-s 3,virtio-blk,a,bytes=511 g", "-s 3,virtio-blk: bytes=511: is less than 512" },
		{ "-s 3,virtio-blk,a,bytes=99999999999999G g",
		    "-s 3,virtio-blk: bytes=99999999999999G: is not a number, as in 64, 0x40" },
		{ "-s 3,virtio-blk,a,bytes=K g", "-s 3,virtio-blk: bytes=K: is not a number" },
		{ "-s 3,virtio-blk,a,even=odd g",
		    "-s 3,virtio-blk: even=odd: is odd; an even length is right" },
		{ "-s 3,virtio-net,slirp,mac=02:00:00:12:34 g",
		    "-s 3,virtio-net: mac=02:00:00:12:34: is not a MAC address, as in 02" },
		{ "-s 3,virtio-net,slirp,mac=02:00:00:12:34:5x g", "-s 3,virtio-net: mac=02" },
		{ "-s 3,virtio-net,slirp,mac=02-00-00-12-34-56 g", "-s 3,virtio-net: mac=02" },
		{ "-s 3,virtio-net,slirp,mac=03:00:00:12:34:56 g",
		    "-s 3,virtio-net: mac=03:00:00:12:34:56: is a group's address" },
		{ "-s 3,virtio-net,slirp,mac=00:00:00:00:00:00 g",
		    "-s 3,virtio-net: mac=00:00:00:00:00:00: is no device's address" },
		/* the same by keys */
		{ "-s 3,virtio-blk,a -o pci.0.3.0.foo=1 g",
		    "-o pci.0.3.0.foo=1: virtio-blk has no option foo; it has path" },
		{ "{#;;pci.0.3.0.device=virtio-blk; pci.0.3.0.ro=maybe;}g",
		    "FILE:4: pci.0.3.0.ro=maybe: is neither true nor false" },
		{ "{pci.0.3.0.device=floppy}g",
		    "FILE:1: pci.0.3.0.device=floppy: there is no device floppy; there are" },
		{ "-o virtio_mmio.3.device=floppy g",
		    "-o virtio_mmio.3.device=floppy: there is no device floppy" },
		{ "-o pci.0.3.0.path=a g",
		    "-o pci.0.3.0.path=a: which device is it an option of? There is no "
		    "pci.0.3.0.device" },
		{ "{virtio_mmio.3.ro=true}g", "FILE:1: virtio_mmio.3.ro=true: which device is it" },
		{ "-o pci.1.3.0.device=virtio-blk g",
		    "-o pci.1.3.0.device: the key is pci.0.SLOT.FUNC.device" },
		{ "-o pci.0.32.0.device=virtio-blk g", "-o pci.0.32.0.device: the key is" },
		{ "-o pci.0.3.8.device=virtio-blk g", "-o pci.0.3.8.device: the key is" },
		{ "-o pci.0.3.device=virtio-blk g", "-o pci.0.3.device: the key is" },
		{ "-o pci.0.3.0.=virtio-blk g", "-o pci.0.3.0.: the key is" },
		{ "-o pci.=1 g", "-o pci.: the key is" },
		{ "-o pci.0.3.0.path= g", "-o pci.0.3.0.path: has an empty value" },
		{ "-o virtio_mmio.32.device=virtio-blk g",
		    "-o virtio_mmio.32.device: the key is virtio_mmio.N.device or" },
		{ "-o virtio_mmio.=x g", "-o virtio_mmio.: the key is" },
		{ "{pci.0.99.0.device=virtio-blk}g", "FILE:1: pci.0.99.0.device: the key is" },
		/* places */
		{ "-s 3:1,virtio-rnd g",
		    "-s 3:1,virtio-rnd: slot 3 has no function 0, without which a guest" },
		{ "-s mmio:3,pci-thing g",
		    "-s mmio:3,pci-thing: is a PCI device, and goes into a PCI slot: -s SLOT,pci" },
		{ "-s mmio:3,hostbridge g", "-s mmio:3,hostbridge: is a PCI device" },
		{ "-s 0,virtio-rnd g", "-s 0,virtio-rnd: slot 0 has the host bridge, and nothing" },
		{ "-s 3,hostbridge g", "-s 3,hostbridge: slot 0 has the host bridge" },
		{ "-s 0,hostbridge,x g", "-s 0,hostbridge: x=true: hostbridge has no option x" },
		{ "-o sandbox=maybe g", "-o sandbox=maybe: is neither on nor off" },
		{ "-o rtc.use_localtime=true g",
		    "-o rtc.use_localtime=true: this machine has only false" },
		{ "-o config.dump=x g", "-o config.dump=x: is neither" },
		{ "-o virtio_msix=no g", "-o virtio_msix=no: this machine has only true" },
		{ "-o memory.wired=2 g", "-o memory.wired=2: is neither true nor false" },
		{ "-o kernel=%(x) g", "-o kernel=%(x): refers to x, which is not set" },
		{ "{kernel=/%(kernel)}g",
		    "FILE:1: kernel=/%(kernel): refers to itself, or too deeply" },
		{ "-o kernel=%(name g", "-o kernel=%(name: has %( without ); %% stands for %" },
		{ "-s 3,virtio-blk,%(y) g",
		    "-s 3,virtio-blk: pci.0.3.0.path=%(y): refers to y, which" },
		{ "-o memory.size=%(name) g",
		    "-o memory.size=%(name): memory.size=g: is not a size" },
		{ "-o floppy=%(name) g", "-o floppy=%(name): floppy: there is no such key" },
		{ "-o kernel=k -o fdt.overlay=%(x) g", "-o fdt.overlay=%(x): refers to x" },
		{ "-s 3,virtio-blk,a,ro=%(name) g", "-s 3,virtio-blk: ro=g: is neither" },
		{ "-W g", "-W: bhyve(8) on other machines has this option, this one has not" },
		{ "-L g", "-L: bhyve(8) on other machines" },
		{ "-o bootrom=%(x) g", "-o bootrom=%(x): refers to x, which is not set" },
		{ "{bootrom=/r;fwcfg.=/f}g", "FILE:2: fwcfg.: the name has 1 to 55 characters" },
		{ "{fwcfg.a=%(name)}g", "fwcfg.NAME goes with bootrom=FILE or kernel=FILE" },
	};
	struct bhyve_config c;
	struct config_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		if (parse(&c, rows[i].args, &e) != -1)
			fail_msg("taken: %s", rows[i].args);
		if (strncmp(e.text, rows[i].line, strlen(rows[i].line)) != 0)
			fail_msg("%s: %s", rows[i].args, e.text);
		assert_null(strchr(e.text, '\n'));
		config_free(&c);
	}
}

static void
test_not_text(void **state)
{
	static char text[] = "cpus=1\0\nname=g\n";
	struct bhyve_config c;
	struct config_error e;
	FILE *f = fmemopen(text, sizeof(text) - 1, "r");

	(void)state;
	config_init(&c);
	assert_int_equal(config_read(&c, f, "FILE", &e), -1);
	assert_string_equal(e.text, "FILE:1: is not text");
	assert_int_equal(config_set(&c, "fdt.bootargs=a\nb", &e), -1);
	assert_string_equal(e.text, "fdt.bootargs: has a value of more than one line");
	assert_int_equal(slots_option(&c.tree, "3,virtio-blk,a\nb", &e), -1);
	assert_string_equal(e.text, "-s 3,virtio-blk: path has a value of more than one line");
	assert_int_equal(slots_option(&c.tree, "4,virtio-blk, ", &e), -1);
	assert_string_equal(e.text, "-s 4,virtio-blk: path has an empty value");
	config_free(&c);
	fclose(f);
}

/* A file could not hold it, and what is printed must read back. */
static void
test_white_space(void **state)
{
	struct bhyve_config c;
	struct config_error e;

	(void)state;
	config_init(&c);
	assert_int_equal(slots_option(&c.tree, "3,virtio-blk,a b\t ,ro=yes\r", &e), 0);
	assert_key(&c, "pci.0.3.0.path", "a b");
	assert_key(&c, "pci.0.3.0.ro", "yes");
	assert_int_equal(config_set(&c, "fdt.bootargs= a  ", &e), 0);
	assert_string_equal(c.bootargs, " a");
	config_free(&c);
}

/* Whatever is too long: the message is not. */
static void
test_long(void **state)
{
	static const char *const starts[] = { "", "cpus", "name=", "pci.0.3.0.",
		"pci.0.3.0.device=", "pci.", "virtio_mmio.3.device=", "vcpu.0.cpuset=", "fwcfg." };
	char word[2000];
	struct bhyve_config c;
	struct config_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(starts); i++) {
		memset(word, 'x', sizeof(word));
		memcpy(word, starts[i], strlen(starts[i]));
		if (strchr(starts[i], '=') == NULL)
			word[1000] = '=';
		word[sizeof(word) - 1] = '\0';
		config_init(&c);
		if (config_set(&c, word, &e) == 0)
			assert_int_equal(slots_check(&c.tree, &c.slots, &e), -1);
		assert_true(strlen(e.text) < sizeof(e.text));
		assert_int_equal(slots_option(&c.tree, word, &e), -1);
		config_free(&c);
	}
}

static void
test_values(void **state)
{
	const struct dev_conf *d;
	struct bhyve_config c;
	uint8_t mac[6];

	(void)state;
	good(&c,
	    "-s 0,hostbridge -s mmio:2,virtio-net,slirp,mac=02:aB:00:12:34:ff "
	    "-s 4:1,virtio-rnd -s 4,virtio-blk,a,threads=0x10,bytes=3M,ro -o "
	    "pci.0.10.0.device=virtio-blk g");
	/* The host bridge is none of them. */
	assert_int_equal(c.slots.n, 4);
	d = &c.slots.dev[0];
	assert_int_equal(d->place.slot, 10);
	assert_string_equal(dev_conf_where(d), "-o pci.0.10.0.device=virtio-blk");
	assert_null(dev_conf_get(d, "path"));
	/* What holds because nothing was said. */
	assert_false(dev_conf_bool(d, "ro"));
	assert_int_equal(dev_conf_number(d, "threads"), 8);
	assert_int_equal(dev_conf_number(d, "bytes"), 0);
	assert_null(dev_conf_get(d, "nothing"));
	d = &c.slots.dev[1];
	assert_string_equal(dev_conf_where(d), "-s 4,virtio-blk");
	assert_string_equal(dev_conf_place(d), "pci.0.4.0.");
	assert_ptr_equal(d->model, &fake_disk);
	assert_int_equal(d->place.func, 0);
	assert_string_equal(dev_conf_get(d, "path"), "a");
	assert_string_equal(dev_conf_get(d, "device"), "virtio-blk");
	assert_int_equal(dev_conf_number(d, "threads"), 16);
	assert_int_equal(dev_conf_number(d, "bytes"), 3 << 20);
	assert_true(dev_conf_bool(d, "ro"));
	assert_false(dev_conf_mac(d, "mac", mac));
	assert_int_equal(c.slots.dev[2].place.func, 1);
	d = &c.slots.dev[3];
	assert_true(d->place.mmio);
	assert_int_equal(d->place.slot, 2);
	assert_true(dev_conf_mac(d, "mac", mac));
	assert_memory_equal(mac, "\x02\xab\x00\x12\x34\xff", 6);
	config_free(&c);
}

static void
test_dump(void **state)
{
	static const struct {
		const char *args, *text;
	} rows[] = {
		{ "g",
		    "console=stdio\ndestroy_on_poweroff=false\nname=g\n"
		    "pci.0.0.0.device=hostbridge\nrtc.use_localtime=false\nsandbox=on\n" },
		{ "-o config.dump=true -c cpus=4,threads=2 -o kernel=/k -o fdt.overlay=b "
		  "-o fdt.overlay=a -s 3,virtio-blk,disk,ro -s mmio:1,virtio-rnd -D -A -p 0:1 g",
		    "acpi_tables=true\nconsole=stdio\ncpus=cpus=4,threads=2\n"
		    "destroy_on_poweroff=true\nfdt.overlay=b\nfdt.overlay=a\nkeep=false\n"
		    "kernel=/k\nmemory.size=256M\nname=g\npci.0.0.0.device=hostbridge\n"
		    "# pci.0.3.0.bytes: as many as there are\npci.0.3.0.cache=4K\n"
		    "pci.0.3.0.device=virtio-blk\npci.0.3.0.path=disk\npci.0.3.0.ro=true\n"
		    "pci.0.3.0.threads=8\n"
		    "rtc.use_localtime=false\nsandbox=on\n"
		    "vcpu.0.cpuset=1\nvirtio_mmio.1.device=virtio-rnd\n" },
		{ "-o kernel=50% -o initrd=%%(%(name) -o fdt.overlay=%%%% g",
		    "console=stdio\ncpus=1\ndestroy_on_poweroff=false\nfdt.overlay=%%%%\n"
		    "initrd=%%(g\nkeep=false\nkernel=50%\nmemory.size=256M\nname=g\n"
		    "pci.0.0.0.device=hostbridge\nrtc.use_localtime=false\nsandbox=on\n" },
		{ "{fwcfg.opt/org.example/x=/vm/%(name);bootvars=%(name).vars}-l bootrom,/r "
		  "-o fwcfg.b=/1 -o fwcfg.b=/2 g",
		    "bootrom=/r\nbootvars=g.vars\nconsole=stdio\ncpus=1\n"
		    "destroy_on_poweroff=false\nfwcfg.b=/2\nfwcfg.opt/org.example/x=/vm/g\n"
		    "keep=false\nmemory.size=256M\nname=g\npci.0.0.0.device=hostbridge\n"
		    "rtc.use_localtime=false\nsandbox=on\n" },
		/* A default that another option takes the place of. */
		{ "-s 3:1,virtio-console,port1=/a -s 3,virtio-blk,a,bytes=512,threads=0x10 g",
		    "console=stdio\ndestroy_on_poweroff=false\nname=g\n"
		    "pci.0.0.0.device=hostbridge\npci.0.3.0.bytes=512\n"
		    "pci.0.3.0.device=virtio-blk\npci.0.3.0.path=a\npci.0.3.0.ro=false\n"
		    "pci.0.3.0.threads=0x10\npci.0.3.1.device=virtio-console\n"
		    "pci.0.3.1.port1=/a\nrtc.use_localtime=false\nsandbox=on\n" },
	};
	struct bhyve_config c, again;
	char *text;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		good(&c, rows[i].args);
		text = dump(&c);
		assert_string_equal(text, rows[i].text);
		read_back(text, &again);
		assert_false(again.dump);
		assert_int_equal(again.slots.n, c.slots.n);
		free(text);
		config_free(&again);
		config_free(&c);
	}
}

static void
test_help(void **state)
{
	static const char *const words[] = { "hostbridge (PCI only)", "virtio-blk\n    a disk\n",
		"path=TEXT            file; first, without key\n",
		"    ro                   read-only\n",
		"threads=NUMBER       how many; 1 to 64 (8)\n",
		"bytes=NUMBER         no upper bound (as many as there are)\n",
		"backend=TEXT         slirp, tap; must be given; first, without key\n", "mac=MAC ",
		"portNAME=TEXT ", "pci-thing (PCI only)\n" };
	struct bhyve_config c;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	/* No VM's name is needed, and nothing behind it is looked at. */
	good(&c, "-s help -s nonsense");
	assert_true(c.list_devices);
	slots_help(f);
	fclose(f);
	for (size_t i = 0; i < NELEM(words); i++) {
		if (strstr(text, words[i]) == NULL)
			fail_msg("not in it: %s\n%s", words[i], text);
	}
	free(text);
	config_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slot_is_keys),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_not_text),
		cmocka_unit_test(test_white_space),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
