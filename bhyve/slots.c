/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * From -s and keys to a list of devices that can be made.
 */
#include <stdlib.h>
#include <string.h>

#include <vmm/machine.h>

#include "conf_guess.h"
#include "slots.h"

#define MAX_KEY	 100u /* characters; no sensible key is as long */
#define MAX_LIST 140u /* what a message holds of a list of names */

/* The bus makes it, wherever there is a bus: saying so adds nothing, but scripts do. */
static const struct dev_option no_options[] = { { .key = NULL } };
static const struct dev_model hostbridge = {
	.name = "hostbridge",
	.help = "the PCI host bridge; it is always there, in slot 0",
	.options = no_options,
	.kind = DEV_PCI,
};

static const struct dev_model *
find_model(const char *name)
{
	return strcmp(name, hostbridge.name) == 0 ? &hostbridge : dev_model_find(name);
}

/* ---- names in messages ---- */

/* Comma-separated, with an ellipsis where there are more than fit. */
struct list {
	char text[MAX_LIST + 8];
	size_t len;
	bool full;
};

static void
list_add(struct list *l, const char *name)
{
	size_t len = strlen(name);

	if (l->full)
		return;
	if (l->len + 2 + len > MAX_LIST) {
		l->full = true;
		name = "...";
	}
	l->len += (size_t)snprintf(
	    l->text + l->len, sizeof(l->text) - l->len, "%s%s", l->len != 0 ? ", " : "", name);
}

static int
unknown_device(const char *said, const char *name, struct config_error *e)
{
	struct conf_guess guess = { .word = name };
	struct list l = { .len = 0 };
	char near[64];

	for (const struct dev_model *const *m = dev_models(); *m != NULL; m++) {
		list_add(&l, (*m)->name);
		conf_guess_try(&guess, (*m)->name);
	}
	return config_fail(e, "%s: there is no device %.40s; there are %s (-s help shows more)%s",
	    said, name, l.len != 0 ? l.text : "none", conf_guess_text(&guess, near));
}

static int
unknown_option(
    const char *said, const struct dev_model *model, const char *option, struct config_error *e)
{
	struct conf_guess guess = { .word = option };
	struct list l = { .len = 0 };
	char near[64];

	for (const struct dev_option *o = model->options; o != NULL && o->key != NULL; o++) {
		list_add(&l, o->key);
		conf_guess_try(&guess, o->key);
	}
	if (l.len == 0)
		return config_fail(
		    e, "%s: %s has no option %.40s, nor any other", said, model->name, option);
	return config_fail(e, "%s: %s has no option %.40s; it has %s%s", said, model->name, option,
	    l.text, conf_guess_text(&guess, near));
}

/* How a key was written.  of_device: -s gives the device, not the option, its name. */
static void
said_of(const struct conf_node *node, const char *option, bool of_device, char *buf, size_t size)
{
	if (node->source == CONF_SLOT && of_device)
		snprintf(buf, size, "%s", node->from);
	else
		conf_node_said(node, node->source == CONF_SLOT ? option : node->key, buf, size);
}

static void
name_place(const struct dev_place *p, char *buf, size_t size)
{
	if (p->mmio)
		snprintf(buf, size, "mmio:%u", p->slot);
	else if (p->func != 0)
		snprintf(buf, size, "slot %u:%u", p->slot, p->func);
	else
		snprintf(buf, size, "slot %u", p->slot);
}

/* ---- keys ---- */

static void
place_prefix(const struct dev_place *p, char *buf, size_t size)
{
	if (p->mmio)
		snprintf(buf, size, "virtio_mmio.%u.", p->slot);
	else
		snprintf(buf, size, "pci.0.%u.%u.", p->slot, p->func);
}

/* A decimal number up to max, then `end', which is passed.  NULL: it is not there. */
static const char *
parse_part(const char *p, unsigned int max, char end, unsigned int *out)
{
	size_t digits = strspn(p, "0123456789");
	unsigned int n = 0;

	if (digits == 0 || digits > 3 || p[digits] != end)
		return NULL;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (unsigned int)(p[i] - '0');
	if (n > max)
		return NULL;
	*out = n;
	return p + digits + (end != '\0');
}

bool
slots_has_key(const char *key)
{
	return strncmp(key, "pci.", 4) == 0 || strncmp(key, "virtio_mmio.", 12) == 0;
}

/* Where a key's option begins; NULL: it is not of the form. */
static const char *
parse_key(const char *key, struct dev_place *place)
{
	unsigned int bus;

	*place = (struct dev_place){ .mmio = key[0] == 'v' };
	if (place->mmio)
		return parse_part(key + 12, MACHINE_VIRTIO_COUNT - 1, '.', &place->slot);
	key = parse_part(key + 4, 0, '.', &bus);
	if (key != NULL)
		key = parse_part(key, SLOTS_PCI - 1, '.', &place->slot);
	if (key != NULL)
		key = parse_part(key, SLOTS_FUNCS - 1, '.', &place->func);
	return key;
}

static bool
option_name_ok(const char *name)
{
	for (const char *p = name; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return false;
	}
	return *name != '\0' && strlen(name) <= MAX_KEY;
}

static int
store(struct conf_tree *t, const struct dev_place *place, const char *option, const char *val,
    const struct conf_from *from, struct config_error *e)
{
	char key[MAX_KEY + 32];
	size_t len;

	place_prefix(place, key, sizeof(key));
	len = strlen(key);
	snprintf(key + len, sizeof(key) - len, "%s", option);
	return conf_tree_set(t, key, val, from) == 0 ? 0 : config_fail(e, "no memory left");
}

int
slots_set(struct conf_tree *t, const char *key, const char *val, const struct conf_from *from,
    struct config_error *e)
{
	struct dev_place place;
	const char *option = parse_key(key, &place);

	if (option != NULL && option_name_ok(option))
		return store(t, &place, option, val, from, e);
	if (place.mmio)
		return config_fail(e,
		    "%.80s: the key is virtio_mmio.N.device or virtio_mmio.N.OPTION with N from 0 "
		    "to %u",
		    key, MACHINE_VIRTIO_COUNT - 1);
	return config_fail(e,
	    "%.80s: the key is pci.0.SLOT.FUNC.device or pci.0.SLOT.FUNC.OPTION with SLOT from 0 "
	    "to %u and FUNC from 0 to %u",
	    key, SLOTS_PCI - 1, SLOTS_FUNCS - 1);
}

/* ---- -s ---- */

/* SLOT, SLOT:FUNC, 0:SLOT:FUNC, mmio:N */
static bool
parse_place(const char *text, struct dev_place *place)
{
	const char *colon = strchr(text, ':'), *p = text;
	unsigned int bus;

	*place = (struct dev_place){ .mmio = strncmp(text, "mmio:", 5) == 0 };
	if (place->mmio)
		return parse_part(text + 5, MACHINE_VIRTIO_COUNT - 1, '\0', &place->slot) != NULL;
	if (colon == NULL)
		return parse_part(text, SLOTS_PCI - 1, '\0', &place->slot) != NULL;
	if (strchr(colon + 1, ':') != NULL)
		p = parse_part(p, 0, ':', &bus);
	if (p != NULL)
		p = parse_part(p, SLOTS_PCI - 1, ':', &place->slot);
	return p != NULL && parse_part(p, SLOTS_FUNCS - 1, '\0', &place->func) != NULL;
}

/* Nobody was there before. */
static int
check_free(const struct conf_tree *t, const struct dev_place *place, const char *said,
    struct config_error *e)
{
	const struct conf_node *node;
	char key[40], before[200], name[24];

	place_prefix(place, key, sizeof(key));
	strcat(key, "device");
	node = conf_tree_get(t, key);
	if (node == NULL)
		return 0;
	said_of(node, "device", true, before, sizeof(before));
	name_place(place, name, sizeof(name));
	return config_fail(
	    e, "%s: %s has a device already: %.120s; take another slot", said, name, before);
}

/* One word behind the device.  first: of them. */
static int
option_word(struct conf_tree *t, const struct dev_place *place, const struct dev_model *model,
    char *word, bool first, const struct conf_from *from, struct config_error *e)
{
	const char *key = word, *wrong = NULL;
	char *val = strchr(word, '=');

	if (*word == '\0')
		return config_fail(e, "%s: there is a comma, but no option behind it", from->text);
	if (val != NULL) {
		*val++ = '\0';
	} else if (first && model->legacy != NULL) {
		key = model->legacy;
		val = word;
	}
	if (val != NULL)
		wrong = conf_tidy_value(val);
	if (wrong != NULL)
		return config_fail(e, "%s: %.60s %s", from->text, key, wrong);
	/* "device" would name another device than the one we have just looked up. */
	if (strcmp(key, "device") == 0 || !option_name_ok(key))
		return unknown_option(from->text, model, key, e);
	return store(t, place, key, val != NULL ? val : "true", from, e);
}

/* text is taken apart. */
static int
parse_option(struct conf_tree *t, char *text, struct config_error *e)
{
	char *place_text = strsep(&text, ","), *device = strsep(&text, ","), *word, said[96];
	struct conf_from from = { CONF_SLOT, said };
	const struct dev_model *model;
	struct dev_place place;

	if (device == NULL || *device == '\0')
		return config_fail(e, "-s %.60s: which device? Say %s (-s help lists them)",
		    place_text, "-s SLOT,DEVICE[,OPTION...]");
	snprintf(said, sizeof(said), "-s %.40s,%.40s", place_text, device);
	if (!parse_place(place_text, &place))
		return config_fail(e,
		    "%s: the slot is SLOT, SLOT:FUNC, 0:SLOT:FUNC or mmio:N, with SLOT from 0 to "
		    "%u, FUNC from 0 to %u and N from 0 to %u",
		    said, SLOTS_PCI - 1, SLOTS_FUNCS - 1, MACHINE_VIRTIO_COUNT - 1);
	model = find_model(device);
	if (model == NULL)
		return unknown_device(said, device, e);
	if (check_free(t, &place, said, e) != 0 ||
	    store(t, &place, "device", device, &from, e) != 0)
		return -1;
	for (bool first = true; (word = strsep(&text, ",")) != NULL; first = false) {
		if (option_word(t, &place, model, word, first, &from, e) != 0)
			return -1;
	}
	return 0;
}

int
slots_option(struct conf_tree *t, const char *text, struct config_error *e)
{
	char *copy = strdup(text);
	int error;

	if (copy == NULL)
		return config_fail(e, "no memory left");
	error = parse_option(t, copy, e);
	free(copy);
	return error;
}

/* ---- all together ---- */

static int
check_place(
    const struct conf_tree *t, const struct dev_conf *d, const char *said, struct config_error *e)
{
	const struct dev_place *p = &d->place;
	char key[40];

	if (p->mmio) {
		if (d->model->kind != DEV_VIRTIO)
			return config_fail(e,
			    "%s: is a PCI device, and goes into a PCI slot: -s SLOT,%s", said,
			    d->model->name);
		return 0;
	}
	if ((d->model == &hostbridge) != (p->slot == 0 && p->func == 0))
		return config_fail(e, "%s: slot 0 has the host bridge, and nothing else has it%s",
		    said, d->model == &hostbridge ? "" : ": take another slot");
	snprintf(key, sizeof(key), "pci.0.%u.0.device", p->slot);
	if (p->func != 0 && p->slot != 0 && conf_tree_get(t, key) == NULL)
		return config_fail(e,
		    "%s: slot %u has no function 0, without which a guest looks for no other", said,
		    p->slot);
	return 0;
}

static int
check_options(
    const struct conf_tree *t, size_t at, const struct dev_conf *d, struct config_error *e)
{
	size_t len = strlen(d->prefix);

	for (; at < t->n && strncmp(t->node[at].key, d->prefix, len) == 0; at++) {
		const struct conf_node *node = &t->node[at];
		const struct dev_option *o;
		const char *key = node->key + len, *wrong;
		char said[200], buf[80];

		if (strcmp(key, "device") == 0)
			continue;
		said_of(node, key, false, said, sizeof(said));
		o = dev_option_find(d->model->options, key);
		if (o == NULL)
			return unknown_option(said, d->model, key, e);
		wrong = dev_option_wrong(o, node->val, buf, sizeof(buf));
		if (wrong != NULL)
			return config_fail(e, "%s: %s", said, wrong);
	}
	return 0;
}

/* What must be given, and what goes together, of options that are right each. */
static int
check_whole(const struct dev_conf *d, struct config_error *e)
{
	const char *wrong = NULL;
	char buf[160];

	for (const struct dev_option *o = d->model->options; o != NULL && o->key != NULL; o++) {
		if (o->required && dev_conf_given(d, o->key) == NULL)
			return config_fail(
			    e, "%s: %s is missing: say %s=%s", d->where, o->key, o->key, o->help);
	}
	if (d->model->check != NULL)
		wrong = d->model->check(d, buf, sizeof(buf));
	return wrong == NULL ? 0 : config_fail(e, "%.120s: %s", d->where, wrong);
}

/* The device whose keys begin at `at'. */
static int
check_device(const struct conf_tree *t, size_t at, struct dev_conf *d, struct config_error *e)
{
	const struct conf_node *node;
	char key[40], said[200];

	/* slots_set() let no other keys in. */
	parse_key(t->node[at].key, &d->place);
	place_prefix(&d->place, d->prefix, sizeof(d->prefix));
	snprintf(key, sizeof(key), "%sdevice", d->prefix);
	node = conf_tree_get(t, key);
	if (node == NULL) {
		said_of(&t->node[at], "", false, said, sizeof(said));
		return config_fail(
		    e, "%s: which device is it an option of? There is no %s", said, key);
	}
	said_of(node, "device", true, d->where, sizeof(d->where));
	d->tree = t;
	d->model = find_model(node->val);
	if (d->model == NULL)
		return unknown_device(d->where, node->val, e);
	if (check_place(t, d, d->where, e) != 0)
		return -1;
	return check_options(t, at, d, e) == 0 ? check_whole(d, e) : -1;
}

static int
check_all(const struct conf_tree *t, const char *root, struct slots *s, struct config_error *e)
{
	size_t at = conf_tree_find(t, root), len = strlen(root);
	struct dev_conf *grown;

	while (at < t->n && strncmp(t->node[at].key, root, len) == 0) {
		grown = reallocarray(s->dev, s->n + 1, sizeof(*grown));
		if (grown == NULL)
			return config_fail(e, "no memory left");
		s->dev = grown;
		if (check_device(t, at, &s->dev[s->n], e) != 0)
			return -1;
		len = strlen(s->dev[s->n].prefix);
		while (at < t->n && strncmp(t->node[at].key, s->dev[s->n].prefix, len) == 0)
			at++;
		len = strlen(root);
		s->n += s->dev[s->n].model != &hostbridge;
	}
	return 0;
}

int
slots_check(const struct conf_tree *t, struct slots *s, struct config_error *e)
{
	slots_free(s);
	if (check_all(t, "pci.", s, e) != 0)
		return -1;
	return check_all(t, "virtio_mmio.", s, e);
}

void
slots_free(struct slots *s)
{
	free(s->dev);
	*s = (struct slots){ 0 };
}

/* ---- help ---- */

static void
help_option(FILE *f, const struct dev_option *o, const char *legacy)
{
	static const char *const values[] = {
		[DEV_OPT_STRING] = "=TEXT",
		[DEV_OPT_BOOL] = "",
		[DEV_OPT_NUMBER] = "=NUMBER",
		[DEV_OPT_MAC] = "=MAC",
	};
	size_t len = strcspn(o->key, "*");
	char word[64];

	/* "port*" is any key that begins so. */
	snprintf(word, sizeof(word), "%.*s%s%s", (int)len, o->key,
	    o->key[len] != '\0' ? "NAME" : "", values[o->type]);
	fprintf(f, "    %-20s %s", word, o->help);
	if (o->type == DEV_OPT_NUMBER && o->max != 0)
		fprintf(
		    f, "; %llu to %llu", (unsigned long long)o->min, (unsigned long long)o->max);
	if (o->required)
		fputs("; must be given", f);
	else if (o->type != DEV_OPT_BOOL && (o->def != NULL || o->otherwise != NULL))
		fprintf(f, " (%s)", o->def != NULL ? o->def : o->otherwise);
	fprintf(
	    f, "%s\n", legacy != NULL && strcmp(legacy, o->key) == 0 ? "; first, without key" : "");
}

static void
help_model(FILE *f, const struct dev_model *m)
{
	fprintf(f, "\n%s%s\n    %s\n", m->name, m->kind == DEV_PCI ? " (PCI only)" : "", m->help);
	for (const struct dev_option *o = m->options; o != NULL && o->key != NULL; o++)
		help_option(f, o, m->legacy);
}

void
slots_help(FILE *f)
{
	fputs("-s SLOT[:FUNC],DEVICE[,OPTION...] puts a device on the PCI bus,\n"
	      "-s mmio:N,DEVICE[,OPTION...] makes it a virtio-mmio device.  The devices:\n",
	    f);
	help_model(f, &hostbridge);
	for (const struct dev_model *const *m = dev_models(); *m != NULL; m++)
		help_model(f, *m);
}
