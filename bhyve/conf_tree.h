/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The configuration as one tree, bhyve_config(5)'s: keys with dots, "pci.0.3.0.path", each with its
 * value and where it was said, so that what turns out wrong later can still be named as it was
 * written.  Kept flat and sorted: all that is below a key stands together.
 */
#ifndef BHYVE_CONF_TREE_H
#define BHYVE_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* One line for people. */
struct config_error {
	char text[320];
};
/* Always -1. */
__attribute__((format(printf, 2, 3))) int config_fail(struct config_error *e, const char *fmt, ...);

/*
 * Every value is one that a line of a file can hold: white space at its end goes.  What is wrong
 * with it, or NULL.
 */
const char *conf_tidy_value(char *val);

enum conf_source {
	CONF_OPTION, /* "-o KEY=VALUE" */
	CONF_FILE,   /* text: "FILE:LINE" */
	CONF_SLOT,   /* text: "-s 3,virtio-blk" */
	CONF_UNSAID, /* config_dump.c: nobody said it, and no value does: val is words */
};

struct conf_from {
	enum conf_source source;
	const char *text; /* NULL for CONF_OPTION */
};

struct conf_node {
	char *key, *val;
	enum conf_source source;
	char *from; /* as conf_from.text */
};

struct conf_tree {
	struct conf_node *node; /* sorted by key (strcmp) */
	size_t n, cap;
};

/* How it was written: "-o KEY=VALUE", "FILE:LINE: KEY=VALUE", "-s 3,virtio-blk: KEY=VALUE". */
void conf_node_said(const struct conf_node *node, const char *key, char *buf, size_t size);

/* Replaces what the key was.  -1: no memory, and nothing changed. */
int conf_tree_set(
    struct conf_tree *t, const char *key, const char *val, const struct conf_from *from);
const struct conf_node *conf_tree_get(const struct conf_tree *t, const char *key); /* NULL */
/* The first node whose key is not before this one; t->n: none. */
size_t conf_tree_find(const struct conf_tree *t, const char *key);
/*
 * %(KEY) stands for that key's value and %% for %, as in bhyve_config(5): whether there is any in
 * val, and what val says with what t has, at most CONF_MAX_VALUE characters.  The caller frees it.
 * NULL: why is in *e, about the value alone.
 */
#define CONF_MAX_VALUE 4096u
bool conf_has_reference(const char *val);
char *conf_expand(const struct conf_tree *t, const char *val, struct config_error *e);
void conf_tree_free(struct conf_tree *t); /* it is empty afterwards */

#endif /* BHYVE_CONF_TREE_H */
