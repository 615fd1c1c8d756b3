/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The configuration: keys from wherever they were said, references to other keys, and what is wrong
 * with them together.  All keys go into the tree; what is no device's into struct bhyve_config too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_impl.h"

/* The one key whose values add up. */
static bool
is_overlay(const char *word, size_t len)
{
	return len == strlen("fdt.overlay") && strncmp(word, "fdt.overlay", len) == 0;
}

/* word is "KEY=VALUE" without white space around; it is taken apart. */
static int
set_split(struct bhyve_config *c, char *word, size_t len, const struct conf_from *from,
    struct config_error *e)
{
	const char *val = word + len + 1;
	bool slot = slots_has_key(word);

	/* What refers to other keys waits for them: config_expand(). */
	if (!slot && (!conf_has_reference(val) || is_overlay(word, len)) &&
	    config_set_known(c, word, len, e) != 0)
		return -1;
	word[len] = '\0';
	if (slot)
		return slots_set(&c->tree, word, val, from, e);
	return conf_tree_set(&c->tree, word, val, from) == 0 ? 0 : config_fail(e, "no memory left");
}

static int
set_from(
    struct bhyve_config *c, const char *word, const struct conf_from *from, struct config_error *e)
{
	const char *eq = strchr(word, '='), *wrong;
	size_t len;
	char *copy;
	int error;

	if (eq == NULL || eq == word)
		return config_fail(e, "%s: is not of the form KEY=VALUE", word);
	len = (size_t)(eq - word);
	copy = strdup(word);
	if (copy == NULL)
		return config_fail(e, "no memory left");
	wrong = conf_tidy_value(copy + len + 1);
	if (wrong != NULL)
		error = config_fail(e, "%.*s: %s", (int)len, word, wrong);
	else
		error = set_split(c, copy, len, from, e);
	free(copy);
	return error;
}

int
config_set(struct bhyve_config *c, const char *word, struct config_error *e)
{
	return set_from(c, word, &(struct conf_from){ CONF_OPTION, NULL }, e);
}

/* ---- references to other keys ---- */

/* Sets the key anew in *all, and in the structure what waited. */
static int
expand_node(struct bhyve_config *c, const struct conf_node *node, struct conf_tree *all,
    struct config_error *e)
{
	const struct conf_from from = { node->source, node->from };
	bool waits = !slots_has_key(node->key) && !is_overlay(node->key, strlen(node->key));
	char *val = conf_expand(&c->tree, node->val, e), *word = NULL;
	int error = val != NULL ? conf_tree_set(all, node->key, val, &from) : -1;

	if (error == 0 && waits && conf_has_reference(node->val)) {
		error = asprintf(&word, "%s=%s", node->key, val) < 0 ? -1 : 0;
		if (error == 0)
			error = config_set_known(c, word, strlen(node->key), e);
		free(word);
	}
	free(val);
	return error;
}

static int
expand_overlays(struct bhyve_config *c, struct config_error *e)
{
	for (unsigned int i = 0; i < c->noverlays; i++) {
		char *file = conf_expand(&c->tree, c->overlays[i], e);

		if (file == NULL)
			return -1;
		free(c->overlays[i]);
		c->overlays[i] = file;
	}
	return 0;
}

int
config_expand(struct bhyve_config *c, struct config_error *e)
{
	struct config_error inner = { "no memory left" };
	struct conf_tree all = { .n = 0 };
	char said[200];
	int error = 0;

	for (size_t i = 0; i < c->tree.n && error == 0; i++) {
		error = expand_node(c, &c->tree.node[i], &all, &inner);
		conf_node_said(&c->tree.node[i], c->tree.node[i].key, said, sizeof(said));
	}
	if (error == 0) {
		snprintf(said, sizeof(said), "fdt.overlay");
		error = expand_overlays(c, &inner);
	}
	if (error != 0) {
		conf_tree_free(&all);
		return config_fail(e, "%.180s: %.120s", said, inner.text);
	}
	conf_tree_free(&c->tree);
	c->tree = all;
	return 0;
}

/* ---- files ---- */

int
config_read(struct bhyve_config *c, FILE *f, const char *name, struct config_error *e)
{
	char *line = NULL, *word, where[96];
	struct conf_from from = { CONF_FILE, where };
	struct config_error inner;
	unsigned int number = 0;
	size_t cap = 0;
	ssize_t len;
	int error = 0;

	while (error == 0 && (len = getline(&line, &cap, f)) >= 0) {
		snprintf(where, sizeof(where), "%.80s:%u", name, ++number);
		if (strlen(line) != (size_t)len) {
			error = config_fail(e, "%s: is not text", where);
			break;
		}
		conf_tidy_value(line);
		word = line + strspn(line, " \t");
		if (*word == '\0' || *word == '#')
			continue;
		if (set_from(c, word, &from, &inner) != 0)
			error = config_fail(e, "%s: %.220s", where, inner.text);
	}
	free(line);
	return error;
}

/* ---- all together ---- */

bool
config_boots(const struct bhyve_config *c)
{
	return c->kernel != NULL || c->bootrom != NULL;
}

/* What goes with a kernel or firmware. */
static int
check_boot(const struct bhyve_config *c, struct config_error *e)
{
	if (c->bootvars != NULL && c->bootrom == NULL)
		return config_fail(e, "bootvars goes with bootrom=FILE: give that too");
	if (c->bootrom != NULL && c->kernel_address != BOOT_NO_ADDRESS)
		return config_fail(
		    e, "kernel.address: it is the firmware of bootrom that loads the kernel");
	if (c->bootrom != NULL && c->nenv != 0)
		return config_fail(
		    e, "kenv.NAME: it is the firmware of bootrom that loads the kernel");
	if (c->bootrom != NULL && c->kernel == NULL && c->initrd != NULL)
		return config_fail(e, "initrd goes with kernel=FILE: give that too");
	if (!config_boots(c) && c->nfwcfg != 0)
		return config_fail(
		    e, "fwcfg.NAME goes with bootrom=FILE or kernel=FILE: give one too");
	if (!config_boots(c) &&
	    (c->initrd != NULL || c->bootargs != NULL || c->fdt_file != NULL || c->noverlays != 0 ||
		c->nenv != 0 || c->kernel_address != BOOT_NO_ADDRESS))
		return config_fail(e,
		    "initrd, fdt.*, kenv.* and kernel.address go with kernel=FILE: give that too, "
		    "or leave them to bhyveload");
	return 0;
}

int
config_check_together(struct bhyve_config *c, struct config_error *e)
{
	if (c->name == NULL)
		return config_fail(e, "which VM? Its name is the last argument");
	if (check_boot(c, e) != 0)
		return -1;
	for (uint32_t i = c->vcpus; c->vcpus != 0 && i < VM_MAXCPU; i++) {
		if (c->pin[i] >= 0)
			return config_fail(e,
			    "vCPU %u is pinned to a host CPU, but there are only %u vCPUs", i,
			    c->vcpus);
	}
	return slots_check(&c->tree, &c->slots, e);
}

void
config_init(struct bhyve_config *c)
{
	memset(c, 0, sizeof(*c));
	c->kernel_address = BOOT_NO_ADDRESS;
	c->sandbox = true;
	for (int i = 0; i < VM_MAXCPU; i++)
		c->pin[i] = -1;
}

void
config_free(struct bhyve_config *c)
{
	free(c->name);
	free(c->console);
	free(c->gdb);
	free(c->kernel);
	free(c->initrd);
	free(c->bootargs);
	free(c->fdt_file);
	free(c->bootrom);
	free(c->bootvars);
	for (unsigned int i = 0; i < c->nfwcfg; i++)
		free(c->fwcfg[i]);
	for (unsigned int i = 0; i < c->nenv; i++)
		free(c->env[i]);
	for (unsigned int i = 0; i < c->noverlays; i++)
		free(c->overlays[i]);
	slots_free(&c->slots);
	conf_tree_free(&c->tree);
	config_init(c);
}
