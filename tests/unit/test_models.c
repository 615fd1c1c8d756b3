/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The device models that bhyve has: their tables of options are whole, each wrong value of each
 * option gets a line that names the option, says what is wrong and what would be right, and what
 * config.dump prints of a device is all of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config_case.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static bool
wildcard(const struct dev_option *o)
{
	return o->key[strlen(o->key) - 1] == '*';
}

/* Of each option it is known what holds without it, and that is right by its own measure. */
static void
test_tables(void **state)
{
	(void)state;
	for (const struct dev_model *const *m = dev_models(); *m != NULL; m++) {
		bool legacy = (*m)->legacy == NULL;

		assert_true(strlen((*m)->help) > 3);
		for (const struct dev_option *o = (*m)->options; o->key != NULL; o++) {
			int said = (o->def != NULL) + (o->otherwise != NULL) + o->required;
			char buf[80];

			if (said != (wildcard(o) ? 0 : 1) || o->help == NULL)
				fail_msg("%s: %s", (*m)->name, o->key);
			if (o->def != NULL && dev_option_wrong(o, o->def, buf, sizeof(buf)))
				fail_msg("%s: %s=%s", (*m)->name, o->key, o->def);
			assert_ptr_equal(dev_option_find((*m)->options, o->key), o);
			legacy |= (*m)->legacy != NULL && strcmp((*m)->legacy, o->key) == 0;
		}
		assert_true(legacy);
	}
}

static void
test_messages(void **state)
{
	/* Behind "-s 3,"; the line, from "-s 3,MODEL: " on. */
	static const struct {
		const char *args, *line;
	} rows[] = {
		{ "virtio-blk", "path is missing: say path=file, block device, or nbd:URI" },
		{ "virtio-blk,a,ro=maybe", "ro=maybe: is neither true nor false" },
		{ "virtio-blk,a,nocache=x", "nocache=x: is neither true nor false" },
		{ "virtio-blk,a,direct=2", "direct=2: is neither true nor false" },
		{ "virtio-blk,a,nodelete=x", "nodelete=x: is neither true nor false" },
		{ "virtio-blk,a,sectorsize=1000",
		    "sectorsize=1000: is not LOGICAL[/PHYSICAL] in bytes, powers of two, 512" },
		{ "virtio-blk,a,sectorsize=4096/512", "sectorsize=4096/512: is not LOGICAL" },
		{ "virtio-blk,a,sectorsize", "sectorsize=true: is not LOGICAL" },
		{ "virtio-blk,a,threads=0", "threads=0: is not between 1 and 64" },
		{ "virtio-blk,a,threads=x", "threads=x: is not a number, as in 64, 0x40 or 64K" },
		{ "virtio-blk,a,threads=-1", "threads=-1: is not a number" },
		{ "virtio-blk,a,queues=9", "queues=9: is not between 1 and 8" },
		{ "virtio-blk,a,serial=123456789012345678901",
		    "serial=123456789012345678901: is longer than the 20 bytes" },
		{ "virtio-blk,a,nochace",
		    "nochace=true: virtio-blk has no option nochace; it has path, ro, nocache, "
		    "direct, nodelete, sectorsize, threads, queues, serial; did you mean nocache"
		    "?" },
		{ "virtio-net,vde",
		    "backend=vde: is no backend; say slirp, tap0, tap:NAME or unix" },
		{ "virtio-net,tap:a/b", "backend=tap:a/b: is no interface's name: 1 to 15" },
		{ "virtio-net,tap=0123456789abcdef", "tap=0123456789abcdef: is no interface's" },
		{ "virtio-net,tap0,tap=tap1", "tap=tap1: with backend=tap0 these are two" },
		{ "virtio-net,tap0,bridge=a%b", "bridge=a%b: is no interface's name" },
		{ "virtio-net,unix:/a", "unix:/a needs peer=PATH, the path of the other VM's" },
		{ "virtio-net,unix:/a,peer=/a",
		    "peer=/a: is this VM's own path; give the other's" },
		{ "virtio-net,peer=/a",
		    "peer=/a: goes with unix:PATH only; leave it out, or take" },
		{ "virtio-net,bridge=br0", "bridge=br0: goes with a tap device only" },
		{ "virtio-net,tap0,hostfwd=tcp::1-:2", "hostfwd=tcp::1-:2: goes with slirp only" },
		{ "virtio-net,tap0,restrict", "restrict=true: goes with slirp only" },
		{ "virtio-net,tap0,ipv6", "ipv6=true: goes with slirp only" },
		{ "virtio-net,hostfwd=2222-22",
		    "hostfwd=2222-22: is no rule; say tcp:127.0.0.1:2222-:22" },
		{ "virtio-net,hostfwd=tcp:1.2.3:1-:2", "hostfwd=tcp:1.2.3:1-:2: is no rule" },
		{ "virtio-net,hostfwd=tcp::65536-:22", "hostfwd=tcp::65536-:22: is no rule" },
		{ "virtio-net,hostfwd=tcp::1-:2;udp", "hostfwd=tcp::1-:2;udp: is no rule" },
		{ "virtio-net,hostfwd=sctp::1-:2", "hostfwd=sctp::1-:2: is no rule" },
		{ "virtio-net,mac=02:00:00:12:34", "mac=02:00:00:12:34: is not a MAC address, as" },
		{ "virtio-net,mac=01:00:00:12:34:56",
		    "mac=01:00:00:12:34:56: is a group's address" },
		{ "virtio-net,mtu=67", "mtu=67: is not between 68 and 65521" },
		{ "virtio-net,mtu=64K", "mtu=64K: is not between 68 and 65521" },
		{ "virtio-net,queues=0", "queues=0: is not between 1 and 8" },
		{ "virtio-net,restrict=x", "restrict=x: is neither true nor false" },
		{ "virtio-net,ipv6=x", "ipv6=x: is neither true nor false" },
		{ "virtio-console", "has 0 ports: give 1 to 15, as port1=/run/guest.sock or" },
		{ "virtio-console,console=tcp", "console=tcp: is none of stdio, pty, unix:PATH" },
		{ "virtio-console,agent",
		    "agent=true: is none of stdio, pty, unix:PATH, file:PATH" },
		{ "virtio-console,port1=unix:", "port1=unix:: is none of stdio" },
		{ "virtio-console,"
		  "n23456789012345678901234567890123456789012345678901234567890123456=/a",
		    "n2345678901234567890123456789012345678901234567890123456789012345"
		    "6: a port's name has up to 64 characters" },
		{ "virtio-rnd,max_bytes=0", "max_bytes=0: is not between 1 and 1099511627776" },
		{ "virtio-rnd,period=86400001", "period=86400001: is not between 1 and 86400000" },
		{ "virtio-rnd,rate=1",
		    "rate=1: virtio-rnd has no option rate; it has max_bytes, per" },
		{ "virtio-balloon,target=0", "target=0: is less than 1" },
		{ "virtio-balloon,target=lots", "target=lots: is not a number" },
		{ "virtio-balloon,size=1",
		    "size=1: virtio-balloon has no option size; it has target" },
	};
	struct bhyve_config c;
	struct config_error e;
	char args[300], line[400];

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		size_t len = strcspn(rows[i].args, ",");

		snprintf(args, sizeof(args), "-s 3,%s g", rows[i].args);
		snprintf(line, sizeof(line), "-s 3,%.*s: %s", (int)len, rows[i].args, rows[i].line);
		if (parse(&c, args, &e) != -1)
			fail_msg("taken: %s", args);
		if (strncmp(e.text, line, strlen(line)) != 0)
			fail_msg("%s: %s", args, e.text);
		config_free(&c);
	}
}

/* All that holds, and read back it is the same. */
static void
test_dump(void **state)
{
	static const char *const keys[] = { "pci.0.3.0.direct=false\n", "pci.0.3.0.queues=1\n",
		"pci.0.3.0.ro=true\n", "# pci.0.3.0.sectorsize: what the host has\n",
		"# pci.0.3.0.serial: made of the path\n", "pci.0.3.0.threads=8\n",
		"pci.0.4.0.backend=slirp\n", "# pci.0.4.0.hostfwd: none\n",
		"pci.0.4.0.ipv6=false\n", "pci.0.4.0.restrict=true\n",
		"# pci.0.4.0.mac: made of the VM's name and the slot\n", "pci.0.5.0.tap=x\n",
		"# pci.0.6.0.max_bytes: no limit\n", "pci.0.6.0.period=1000\n",
		"# pci.0.7.0.target: all\n", "virtio_mmio.1.port1=/run/a\n",
		"# virtio_mmio.1.console: no terminal" };
	struct bhyve_config c, again;
	char *text;

	(void)state;
	good(&c,
	    "-s 3,virtio-blk,a,ro -s 4,virtio-net,slirp,restrict -s 5,virtio-net,tap=x "
	    "-s 6,virtio-rnd -s 7,virtio-balloon -s mmio:1,virtio-console,port1=/run/a g");
	text = dump(&c);
	for (size_t i = 0; i < NELEM(keys); i++) {
		if (strstr(text, keys[i]) == NULL)
			fail_msg("not in it: %s\n%s", keys[i], text);
	}
	assert_null(strstr(text, "pci.0.5.0.backend"));
	read_back(text, &again);
	free(text);
	config_free(&again);
	config_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
