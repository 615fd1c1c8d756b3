/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Which devices there are, and where: the keys pci.0.SLOT.FUNC.* and virtio_mmio.N.*, and -s, which
 * is their short form.  Keys come in any order; what they say together is checked at the end.
 */
#ifndef BHYVE_SLOTS_H
#define BHYVE_SLOTS_H

#include <stdbool.h>
#include <stdio.h>

#include "conf_tree.h"
#include "devconf.h"

#define SLOTS_PCI   32u
#define SLOTS_FUNCS 8u

struct dev_place {
	bool mmio;
	unsigned int slot; /* or which virtio-mmio region */
	unsigned int func;
};

/* One device, all its options checked. */
struct dev_conf {
	const struct conf_tree *tree;
	const struct dev_model *model;
	struct dev_place place;
	char prefix[24]; /* of its keys: "pci.0.3.0." */
	char where[200]; /* dev_conf_where() */
};

struct slots {
	struct dev_conf *dev; /* function 0 of a slot before its others; no host bridge */
	unsigned int n;
};

/* Whether a key is one of ours. */
bool slots_has_key(const char *key);
/* Each of these: -1, and a line in *e. */
int slots_set(struct conf_tree *t, const char *key, const char *val, const struct conf_from *from,
    struct config_error *e);
/* What follows -s, but "help". */
int slots_option(struct conf_tree *t, const char *text, struct config_error *e);
/* Everything about devices that the tree says; t must outlive *s. */
int slots_check(const struct conf_tree *t, struct slots *s, struct config_error *e);
void slots_free(struct slots *s);
/* -s help */
void slots_help(FILE *f);

/* ---- devconf.c: values ---- */

/* What is wrong with a value of this option, and what would be right; NULL.  buf holds it. */
const char *dev_option_wrong(const struct dev_option *o, const char *val, char *buf, size_t size);
/* The entry for a key, NULL. */
const struct dev_option *dev_option_find(const struct dev_option *options, const char *key);
/* As it was given, or NULL; and what holds where it was not, or NULL. */
const char *dev_conf_given(const struct dev_conf *conf, const char *key);
const char *dev_conf_default(const struct dev_conf *conf, const struct dev_option *o);
/* "true", "yes", "on", "1" and their opposites; false: neither. */
bool conf_parse_bool(const char *val, bool *out);

#endif /* BHYVE_SLOTS_H */
