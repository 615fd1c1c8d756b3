/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * config.dump: the effective configuration, sorted, as a file for -k.  What holds though no value
 * says it, as a MAC address that is made of the VM's name, is there as a comment.
 */
#include <string.h>

#include "config.h"

/* What holds where nothing was said. */
static const struct {
	const char *key, *val;
	bool direct; /* of a VM that bhyve makes: what bhyveload prepared says it by itself */
} defaults[] = {
	{ "console", "stdio", false },
	{ "cpus", "1", true },
	{ "destroy_on_poweroff", "false", false },
	{ "keep", "false", true },
	{ "memory.size", "256M", true },
	{ "pci.0.0.0.device", "hostbridge", false },
	{ "rtc.use_localtime", "false", false },
};
_Static_assert(CONFIG_DEFAULT_MEMORY == 256ull << 20, "the default above");

/* What holds of a device's options that were not given. */
static int
gather_options(const struct dev_conf *d, struct conf_tree *all)
{
	char key[128];
	int error = 0;

	for (const struct dev_option *o = d->model->options; o != NULL && o->key != NULL; o++) {
		const char *val = dev_conf_default(d, o);
		struct conf_from from = { val != NULL ? CONF_OPTION : CONF_UNSAID, NULL };

		if (val == NULL)
			val = o->def == NULL ? o->otherwise : NULL;
		if (val == NULL || dev_conf_given(d, o->key) != NULL)
			continue;
		snprintf(key, sizeof(key), "%s%s", d->prefix, o->key);
		error |= conf_tree_set(all, key, val, &from);
	}
	return error;
}

static int
gather(const struct bhyve_config *c, struct conf_tree *all)
{
	const struct conf_from from = { CONF_OPTION, NULL };
	int error = 0;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]) && error == 0; i++) {
		if (!defaults[i].direct || config_boots(c))
			error = conf_tree_set(all, defaults[i].key, defaults[i].val, &from);
	}
	for (unsigned int i = 0; i < c->slots.n && error == 0; i++)
		error = gather_options(&c->slots.dev[i], all);
	for (size_t i = 0; i < c->tree.n && error == 0; i++)
		error = conf_tree_set(all, c->tree.node[i].key, c->tree.node[i].val, &from);
	return error;
}

/* A % that would be taken for a reference is written as two. */
static void
put(FILE *f, const char *key, const char *val)
{
	bool escape = conf_has_reference(val);

	fprintf(f, "%s=", key);
	for (; *val != '\0'; val++) {
		if (escape && *val == '%')
			putc('%', f);
		putc(*val, f);
	}
	putc('\n', f);
}

int
config_dump(const struct bhyve_config *c, FILE *f)
{
	struct conf_tree all = { .n = 0 };
	int error = gather(c, &all);

	for (size_t i = 0; i < all.n && error == 0; i++) {
		const struct conf_node *node = &all.node[i];

		/* Whoever reads it back wants to run it. */
		if (strcmp(node->key, "config.dump") == 0)
			continue;
		if (node->source == CONF_UNSAID) {
			fprintf(f, "# %s: %s\n", node->key, node->val);
			continue;
		}
		if (strcmp(node->key, "fdt.overlay") != 0) {
			put(f, node->key, node->val);
			continue;
		}
		/* The one key that adds to what there is. */
		for (unsigned int o = 0; o < c->noverlays; o++)
			put(f, node->key, c->overlays[o]);
	}
	conf_tree_free(&all);
	return error;
}
