/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Options of bhyve, bhyveload and bhyvectl: what is taken, and that each bad form gets a line that
 * names the option.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "../../bhyvectl/options.h"
#include "../../bhyveload/options.h"
#include "config.h"
#include "fake_file.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_ARGS 32

/* Words split at spaces; "%20" in a word stands for one, and "%" for an empty word. */
static int
split(char *line, char **argv)
{
	char *word, *hole;
	int argc = 1;

	optind = 0; /* glibc's getopt begins anew */
	argv[0] = line + strlen(line);
	while ((word = strsep(&line, " ")) != NULL && argc < MAX_ARGS) {
		if (*word == '\0')
			continue;
		while ((hole = strstr(word, "%20")) != NULL) {
			*hole = ' ';
			memmove(hole + 1, hole + 3, strlen(hole + 3) + 1);
		}
		if (strcmp(word, "%") == 0)
			*word = '\0';
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return argc;
}

static int
bhyve(struct bhyve_config *c, const char *text, struct config_error *e)
{
	char line[400], *argv[MAX_ARGS + 1];

	strcpy(line, text);
	config_init(c);
	e->text[0] = '\0';
	return config_parse(c, split(line, argv), argv, e);
}

static void
test_bhyve_good(void **state)
{
	struct bhyve_config c;
	struct config_error e;

	(void)state;
	assert_int_equal(
	    bhyve(&c,
		"-c 2 -m 1G -D -o kernel=/k -o initrd=/i -o fdt.bootargs=console=tty%20quiet guest",
		&e),
	    0);
	assert_string_equal(c.name, "guest");
	assert_int_equal(c.vcpus, 2);
	assert_int_equal(c.topology.cores, 2);
	assert_int_equal(c.memory, 1ull << 30);
	assert_true(c.destroy_on_poweroff);
	assert_false(c.keep);
	assert_string_equal(c.kernel, "/k");
	assert_string_equal(c.initrd, "/i");
	assert_string_equal(c.bootargs, "console=tty quiet");
	assert_int_equal(c.kernel_address, BOOT_NO_ADDRESS);
	config_free(&c);
	assert_int_equal(
	    bhyve(&c,
		"-o name=g -o kernel=/k -o kernel.address=0x40010000 -o console=unix:/s "
		"-p 0:1 -p 7:0",
		&e),
	    0);
	assert_string_equal(c.name, "g");
	assert_int_equal(c.kernel_address, 0x40010000);
	assert_string_equal(c.console, "unix:/s");
	assert_int_equal(c.pin[0], 1);
	assert_int_equal(c.pin[1], -1);
	assert_int_equal(c.pin[7], 0);
	config_free(&c);
	assert_int_equal(
	    bhyve(&c, "-l bootrom,/rom,/vars -o fwcfg.opt/a.b=/f -o fwcfg.c=/g g", &e), 0);
	assert_string_equal(c.bootrom, "/rom");
	assert_string_equal(c.bootvars, "/vars");
	assert_int_equal(c.nfwcfg, 2);
	assert_string_equal(c.fwcfg[0], "opt/a.b=/f");
	assert_string_equal(c.fwcfg[1], "c=/g");
	config_free(&c);
	assert_int_equal(
	    bhyve(&c, "-o bootrom=/r -o kernel=/k -o fwcfg.c=/1 -o fwcfg.c=/2 g", &e), 0);
	assert_null(c.bootvars);
	assert_int_equal(c.nfwcfg, 1);
	assert_string_equal(c.fwcfg[0], "c=/2");
	config_free(&c);
	assert_int_equal(
	    bhyve(&c, "-o kernel=/k -o kenv.a.b=1 -o kenv.c=x=y -o kenv.a.b=2 g", &e), 0);
	assert_int_equal(c.nenv, 2);
	assert_string_equal(c.env[0], "a.b=2");
	assert_string_equal(c.env[1], "c=x=y");
	config_free(&c);
	assert_int_equal(bhyve(&c, "g", &e), 0);
	assert_int_equal(c.memory, 0);
	assert_int_equal(c.vcpus, 0);
	config_free(&c);
	assert_int_equal(bhyve(&c, "-h", &e), 0);
	assert_true(c.help);
	config_free(&c);
}

static void
test_bhyve_bad(void **state)
{
	/* What is given, and a word that the line must hold. */
	static const struct {
		const char *args, *word;
	} rows[] = {
		{ "-c", "-c" },
		{ "-c 0 g", "-c 0" },
		{ "-c 9 g", "-c 9" },
		{ "-c two g", "-c two" },
		{ "-c % g", "-c" },
		{ "-c cpus=4,sockets=3 g", "-c cpus=4" },
		{ "-m", "-m" },
		{ "-m 0 g", "-m 0" },
		{ "-m 1X g", "-m 1X" },
		{ "-m -5 g", "-m -5" },
		{ "-m 4G g", "3G" },
		{ "-m % g", "-m" },
		{ "-o", "-o" },
		{ "-o x g", "-o x" },
		{ "-o =x g", "-o =x" },
		{ "-o kernel= g", "-o kernel" },
		{ "-o bad=1 g", "-o bad" },
		{ "-o console=tty g", "stdio, pty" },
		{ "-o console=unix: g", "unix:PATH" },
		{ "-o kernel=/k -o kernel.address=here g", "kernel.address=here" },
		{ "-o keep=maybe g", "keep=maybe" },
		{ "-o destroy_on_poweroff=2 g", "=2" },
		{ "-o name=a/b", "a/b" },
		{ "-o cpus=0 g", "cpus=0" },
		{ "-o memory.size=none g", "memory.size=none" },
		{ "-o vcpu.8.cpuset=0 g", "vcpu.N.cpuset" },
		{ "-o vcpu.0.cpuset=x g", "host CPU" },
		{ "-o vcpu.0.color=1 g", "vcpu.N.cpuset" },
		{ "-o vcpu.0=1 g", "vcpu.N.cpuset" },
		{ "-o vcpu.=1 g", "vcpu.N.cpuset" },
		{ "-p 0 g", "-p 0" },
		{ "-p 8:0 g", "-p 8:0" },
		{ "-p 0: g", "-p 0:" },
		{ "-p 0:9999 g", "-p 0:9999" },
		{ "-p x:0 g", "-p x:0" },
		{ "-c 1 -p 1:0 g", "vCPU 1" },
		{ "-k /nonexistent g", "-k /nonexistent" },
		{ "-k", "-k" },
		{ "", "VM" },
		{ "-c 1", "VM" },
		{ "a b", "b" },
		{ "a/b", "a/b" },
		{ "..", ".." },
		{ "01234567890123456789012345678901", "31" },
		{ "-Z g", "-Z" },
		{ "-s 0,floppy g", "-s 0,floppy" },
		{ "-C g", "-C" },
		{ "--help g", "--" },
		{ "-o initrd=/i g", "kernel=FILE" },
		{ "-o fdt.bootargs=x g", "kernel=FILE" },
		{ "-o kernel.address=4 g", "kernel=FILE" },
		{ "-l com1,stdio g", "bootrom,FILE" },
		{ "-l bootrom, g", "-l: needs a value" },
		{ "-l bootrom,/r, g", "-l: needs a value" },
		{ "-o bootvars=/v g", "bootrom=FILE" },
		{ "-o bootrom=/r -o initrd=/i g", "kernel=FILE" },
		{ "-o bootrom=/r -o kernel=/k -o kernel.address=4 g", "kernel.address" },
		{ "-o fwcfg.a=/f g", "bootrom=FILE" },
		{ "-o kenv.a=b g", "kernel=FILE" },
		{ "-o kernel=/k -o kenv.=b g", "kenv.NAME" },
		{ "-o bootrom=/r -o kenv.a=b g", "kenv.NAME" },
		{ "-o fwcfg.=/f g", "fwcfg.opt/org.example/x" },
	};
	struct bhyve_config c;
	struct config_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		if (bhyve(&c, rows[i].args, &e) != -1)
			fail_msg("taken: %s", rows[i].args);
		if (strstr(e.text, rows[i].word) == NULL)
			fail_msg("%s: %s", rows[i].args, e.text);
		assert_null(strchr(e.text, '\n'));
		config_free(&c);
	}
}

static void
test_bhyve_file(void **state)
{
	static const struct {
		const char *text, *word; /* word: NULL where it is good */
	} rows[] = {
		{ "# comment\n\n  cpus=2 \r\nkernel=/k\nname=g", NULL },
		{ "name=g\ncpus=99\n", ":2: cpus=99" },
		{ "name=g\n\nkernel\n", ":3: kernel" },
		{ "name=g\nfdt.overlay=1\nfdt.overlay=2", "kernel=FILE" },
	};
	char args[64];
	struct bhyve_config c;
	struct config_error e;
	struct fake_file f;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		fake_file_make(&f, rows[i].text, strlen(rows[i].text));
		snprintf(args, sizeof(args), "-k %s", f.name);
		assert_int_equal(bhyve(&c, args, &e), rows[i].word != NULL ? -1 : 0);
		if (rows[i].word != NULL)
			assert_non_null(strstr(e.text, rows[i].word));
		else
			assert_int_equal(c.vcpus, 2);
		config_free(&c);
		fake_file_end(&f);
	}
	assert_int_equal(bhyve(&c, "-k / g", &e), -1);
	config_free(&c);
}

static void
test_bhyve_overlays(void **state)
{
	struct bhyve_config c;
	struct config_error e;

	(void)state;
	config_init(&c);
	for (int i = 0; i < BOOT_MAX_OVERLAYS; i++)
		assert_int_equal(config_set(&c, "fdt.overlay=x", &e), 0);
	assert_int_equal(config_set(&c, "fdt.overlay=x", &e), -1);
	assert_int_equal(c.noverlays, BOOT_MAX_OVERLAYS);
	config_free(&c);
}

static void
test_bhyveload(void **state)
{
	static const struct {
		const char *args, *word; /* NULL: good */
	} rows[] = {
		{ "-k k g", NULL },
		{ "-k k -i i -a console=ttyAMA0 -d d -O o -O o2 -m 64 -c 8 -b 0x40010000 -g 5 g",
		    NULL },
		{ "-k k -s mmio:0 -s mmio:31 g", NULL },
		{ "-k k -e a=b -e vfs.root.mountfrom= g", NULL },
		{ "-k k -e a g", "-e a: is not NAME=VALUE" },
		{ "-k k -e =a g", "-e =a: is not NAME=VALUE" },
		{ "-k k -e", "-e: needs a value" },
		{ "-k k -s 3,virtio-rnd g", "-s 3,virtio-rnd: is not mmio:N" },
		{ "-k k -s mmio:32 g", "-s mmio:32: is not mmio:N with N from 0 to 31" },
		{ "-k k -s mmio: g", "-s mmio:" },
		{ "-k k -s", "-s: needs a value" },
		{ "-k k -d tree -s mmio:0 g", "tree" },
		{ "-h", NULL },
		{ "g", "-k" },
		{ "-k k", "VM" },
		{ "-k k a b", "b" },
		{ "-k k a/b", "a/b" },
		{ "-k", "-k" },
		{ "-k % g", "-k" },
		{ "-k k -m x g", "-m x" },
		{ "-k k -m 0 g", "-m 0" },
		{ "-k k -c 0 g", "-c 0" },
		{ "-k k -c x g", "-c x" },
		{ "-k k -b x g", "-b x" },
		{ "-k k -b 0xffffffffffffffff g", "-b" },
		{ "-k k -g x g", "-g x" },
		{ "-k k -g 4294967295 g", "-g" },
		{ "-x g", "-x" },
		{ "-k k -O a -O a -O a", "VM" },
	};
	char line[200], text[320], *argv[MAX_ARGS + 1];
	struct load_options o;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		int error;

		strcpy(line, rows[i].args);
		error = load_options_parse(&o, split(line, argv), argv, text, sizeof(text));
		if ((error == 0) != (rows[i].word == NULL))
			fail_msg("%s: %s", rows[i].args, error == 0 ? "taken" : text);
		if (rows[i].word != NULL && strstr(text, rows[i].word) == NULL)
			fail_msg("%s: %s", rows[i].args, text);
	}
}

static void
test_bhyvectl(void **state)
{
	static const struct {
		const char *args, *word; /* NULL: good */
		enum ctl_action action;
	} rows[] = {
		{ "--list", NULL, CTL_LIST },
		{ "--list --json", NULL, CTL_LIST },
		{ "--info", NULL, CTL_INFO },
		{ "--vm=g --info", NULL, CTL_INFO },
		{ "--vm=g --create --gid=5", NULL, CTL_CREATE },
		{ "--vm g --destroy", NULL, CTL_DESTROY },
		{ "--vm=g --suspend=halt", NULL, CTL_SUSPEND },
		{ "--vm=g --force-reset", NULL, CTL_SUSPEND },
		{ "--vm=g --get-stats --cpu=7 --json", NULL, CTL_GET_STATS },
		{ "--vm=g --get-all", NULL, CTL_GET_ALL },
		{ "--vm=g --get-reg=PC", NULL, CTL_GET_REG },
		{ "--vm=g --set-reg=r0:0x10", NULL, CTL_SET_REG },
		{ "--vm=g --pause", NULL, CTL_PAUSE },
		{ "--vm=g --balloon=128M", NULL, CTL_BALLOON },
		{ "--vm=g --get-balloon --json", NULL, CTL_GET_BALLOON },
		{ "--balloon=128M", "--vm", 0 },
		{ "--vm=g --balloon", "--balloon", 0 },
		{ "--vm=g --balloon=lots", "--balloon=lots: is not a size", 0 },
		{ "--vm=g --balloon=4K", "--balloon=4K: is less", 0 },
		{ "--vm=g --balloon=64M --json", "--json", 0 },
		{ "--vm=g --trace", NULL, CTL_TRACE },
		{ "--help", NULL, CTL_HELP },
		{ "-h", NULL, CTL_HELP },
		{ "", "action", 0 },
		{ "--vm=g", "action", 0 },
		{ "--destroy", "--vm", 0 },
		{ "--vm=a/b --destroy", "a/b", 0 },
		{ "--vm", "--vm", 0 },
		{ "--vm=g --suspend=sleep", "sleep", 0 },
		{ "--vm=g --suspend", "--suspend", 0 },
		{ "--vm=g --get-reg=r13", "r13", 0 },
		{ "--vm=g --get-reg=", "register", 0 },
		{ "--vm=g --set-reg=r0", "r0", 0 },
		{ "--vm=g --set-reg=r0:x", "r0:x", 0 },
		{ "--vm=g --set-reg=r99:1", "r99", 0 },
		{ "--vm=g --get-stats --cpu=8", "--cpu=8", 0 },
		{ "--vm=g --get-stats --cpu=-1", "--cpu=-1", 0 },
		{ "--list --destroy", "two", 0 },
		{ "--vm=g --create --gid=x", "--gid=x", 0 },
		{ "--list --gid=5", "--gid", 0 },
		{ "--vm=g --destroy --json", "--json", 0 },
		{ "--frobnicate", "--frobnicate", 0 },
		{ "--list=5", "--list", 0 },
		{ "g --list", "g", 0 },
		{ "--list g", "g", 0 },
	};
	char line[200], text[256], *argv[MAX_ARGS + 1];
	struct ctl_options o;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		int error;

		strcpy(line, rows[i].args);
		error = ctl_options_parse(&o, split(line, argv), argv, text, sizeof(text));
		if ((error == 0) != (rows[i].word == NULL))
			fail_msg("%s: %s", rows[i].args, error == 0 ? "taken" : text);
		if (error == 0)
			assert_int_equal(o.action, rows[i].action);
		else if (strstr(text, rows[i].word) == NULL)
			fail_msg("%s: %s", rows[i].args, text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bhyve_good),
		cmocka_unit_test(test_bhyve_bad),
		cmocka_unit_test(test_bhyve_file),
		cmocka_unit_test(test_bhyve_overlays),
		cmocka_unit_test(test_bhyveload),
		cmocka_unit_test(test_bhyvectl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
