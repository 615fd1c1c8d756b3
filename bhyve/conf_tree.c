/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The store of keys.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_tree.h"

int
config_fail(struct config_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

const char *
conf_tidy_value(char *val)
{
	size_t len = strlen(val);

	while (len > 0 && strchr(" \t\r\n", val[len - 1]) != NULL)
		val[--len] = '\0';
	if (len == 0)
		return "has an empty value";
	return strchr(val, '\n') != NULL ? "has a value of more than one line" : NULL;
}

size_t
conf_tree_find(const struct conf_tree *t, const char *key)
{
	size_t low = 0, high = t->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (strcmp(t->node[mid].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
holds(const struct conf_tree *t, size_t at, const char *key)
{
	return at < t->n && strcmp(t->node[at].key, key) == 0;
}

const struct conf_node *
conf_tree_get(const struct conf_tree *t, const char *key)
{
	size_t at = conf_tree_find(t, key);

	return holds(t, at, key) ? &t->node[at] : NULL;
}

static void
node_free(struct conf_node *node)
{
	free(node->key);
	free(node->val);
	free(node->from);
}

static int
node_make(struct conf_node *node, const char *key, const char *val, const struct conf_from *from)
{
	node->source = from->source;
	node->key = strdup(key);
	node->val = strdup(val);
	node->from = strdup(from->text != NULL ? from->text : "");
	if (node->key != NULL && node->val != NULL && node->from != NULL)
		return 0;
	node_free(node);
	return -1;
}

static int
grow(struct conf_tree *t)
{
	size_t cap = t->cap != 0 ? t->cap * 2 : 16;
	struct conf_node *node;

	if (t->n < t->cap)
		return 0;
	node = reallocarray(t->node, cap, sizeof(*node));
	if (node == NULL)
		return -1;
	t->node = node;
	t->cap = cap;
	return 0;
}

int
conf_tree_set(struct conf_tree *t, const char *key, const char *val, const struct conf_from *from)
{
	size_t at = conf_tree_find(t, key);
	struct conf_node node;

	if (grow(t) != 0 || node_make(&node, key, val, from) != 0)
		return -1;
	if (holds(t, at, key)) {
		node_free(&t->node[at]);
	} else {
		memmove(&t->node[at + 1], &t->node[at], (t->n - at) * sizeof(node));
		t->n++;
	}
	t->node[at] = node;
	return 0;
}

void
conf_node_said(const struct conf_node *node, const char *key, char *buf, size_t size)
{
	if (node->source == CONF_OPTION)
		snprintf(buf, size, "-o %.50s=%.60s", key, node->val);
	else
		snprintf(buf, size, "%s: %.50s=%.60s", node->from, key, node->val);
}

/* ---- references ---- */

/* A value may refer to one that refers to another... */
#define MAX_DEPTH 8

struct expansion {
	const struct conf_tree *tree;
	struct config_error *e;
	char *text; /* CONF_MAX_VALUE + 1 bytes */
	size_t len;
};

bool
conf_has_reference(const char *val)
{
	while ((val = strchr(val, '%')) != NULL) {
		if (*++val == '(' || *val == '%')
			return true;
	}
	return false;
}

static int expand(struct expansion *x, const char *val, int depth);

static int
append(struct expansion *x, char c)
{
	if (x->len == CONF_MAX_VALUE)
		return config_fail(x->e, "is longer than %u characters", CONF_MAX_VALUE);
	x->text[x->len++] = c;
	return 0;
}

/* p is behind "%(".  Where it goes on; NULL: *e says why not. */
static const char *
expand_reference(struct expansion *x, const char *p, int depth)
{
	const struct conf_node *node;
	size_t len = strcspn(p, ")");
	char key[128];

	if (p[len] == '\0') {
		config_fail(x->e, "has %%( without ); %%%% stands for %%");
		return NULL;
	}
	snprintf(key, sizeof(key), "%.*s", (int)(len < sizeof(key) ? len : sizeof(key)), p);
	node = conf_tree_get(x->tree, key);
	if (node == NULL)
		config_fail(x->e, "refers to %.50s, which is not set", key);
	else if (depth == MAX_DEPTH)
		config_fail(x->e, "refers to itself, or too deeply: %.50s", key);
	else if (expand(x, node->val, depth + 1) == 0)
		return p + len + 1;
	return NULL;
}

static int
expand(struct expansion *x, const char *val, int depth)
{
	while (*val != '\0') {
		if (val[0] == '%' && val[1] == '(') {
			val = expand_reference(x, val + 2, depth);
			if (val == NULL)
				return -1;
			continue;
		}
		if (val[0] == '%' && val[1] == '%')
			val++;
		if (append(x, *val++) != 0)
			return -1;
	}
	return 0;
}

char *
conf_expand(const struct conf_tree *t, const char *val, struct config_error *e)
{
	struct expansion x = { t, e, calloc(1, CONF_MAX_VALUE + 1), 0 };

	if (x.text == NULL)
		config_fail(e, "no memory left");
	else if (expand(&x, val, 0) == 0)
		return x.text;
	free(x.text);
	return NULL;
}

void
conf_tree_free(struct conf_tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		node_free(&t->node[i]);
	free(t->node);
	*t = (struct conf_tree){ 0 };
}
