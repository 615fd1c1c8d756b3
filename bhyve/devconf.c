/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Values of devices' options: what is well formed, and reading what was found to be.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "slots.h"
#include "vmmapi.h"

bool
conf_parse_bool(const char *val, bool *out)
{
	static const char *const words[2][4] = {
		{ "false", "no", "off", "0" },
		{ "true", "yes", "on", "1" },
	};

	for (int truth = 0; truth < 2; truth++) {
		for (int i = 0; i < 4; i++) {
			if (strcasecmp(val, words[truth][i]) == 0) {
				*out = truth != 0;
				return true;
			}
		}
	}
	return false;
}

/* A number, 0x for hexadecimal; K, M or G may follow. */
static bool
parse_number(const char *val, uint64_t *out)
{
	static const char suffixes[] = "KMG";
	size_t len = strlen(val);
	unsigned int shift = 0;
	const char *suffix;
	char digits[24];

	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, val, len + 1);
	suffix = strchr(suffixes, toupper((unsigned char)digits[len - 1]));
	if (suffix != NULL) {
		shift = 10 * (1 + (unsigned int)(suffix - suffixes));
		digits[len - 1] = '\0';
	}
	if (!vm_parse_number(digits, out) || *out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
parse_mac(const char *val, uint8_t mac[6])
{
	if (strlen(val) != strlen("02:00:00:12:34:56"))
		return false;
	for (int i = 0; i < 6; i++, val += 3) {
		int high = hex_digit(val[0]), low = hex_digit(val[1]);

		if (high < 0 || low < 0 || val[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static const char *
mac_wrong(const char *val)
{
	static const uint8_t none[6];
	uint8_t mac[6];

	if (!parse_mac(val, mac))
		return "is not a MAC address, as in 02:00:00:12:34:56";
	/* IEEE 802, individual/group bit */
	if ((mac[0] & 1) != 0)
		return "is a group's address, not a device's: the first byte must be even";
	return memcmp(mac, none, sizeof(mac)) == 0 ? "is no device's address" : NULL;
}

static const char *
number_wrong(const struct dev_option *o, const char *val, char *buf, size_t size)
{
	uint64_t n;

	if (!parse_number(val, &n))
		return "is not a number, as in 64, 0x40 or 64K";
	if (n >= o->min && (o->max == 0 || n <= o->max))
		return NULL;
	if (o->max == 0)
		snprintf(buf, size, "is less than %llu", (unsigned long long)o->min);
	else
		snprintf(buf, size, "is not between %llu and %llu", (unsigned long long)o->min,
		    (unsigned long long)o->max);
	return buf;
}

const char *
dev_option_wrong(const struct dev_option *o, const char *val, char *buf, size_t size)
{
	const char *wrong = NULL;
	bool truth;

	switch (o->type) {
	case DEV_OPT_BOOL:
		if (!conf_parse_bool(val, &truth))
			wrong = "is neither true nor false";
		break;
	case DEV_OPT_NUMBER:
		wrong = number_wrong(o, val, buf, size);
		break;
	case DEV_OPT_MAC:
		wrong = mac_wrong(val);
		break;
	case DEV_OPT_STRING:
		break;
	}
	return wrong == NULL && o->check != NULL ? o->check(val) : wrong;
}

const struct dev_option *
dev_option_find(const struct dev_option *options, const char *key)
{
	for (const struct dev_option *o = options; o != NULL && o->key != NULL; o++) {
		size_t len = strlen(o->key);

		if (len > 0 && o->key[len - 1] == '*') {
			if (strncmp(o->key, key, len - 1) == 0 && key[len - 1] != '\0')
				return o;
		} else if (strcmp(o->key, key) == 0) {
			return o;
		}
	}
	return NULL;
}

/* ---- for models ---- */

const char *
dev_conf_given(const struct dev_conf *conf, const char *key)
{
	const struct conf_node *node;
	char full[128];

	if ((size_t)snprintf(full, sizeof(full), "%s%s", conf->prefix, key) >= sizeof(full))
		return NULL;
	node = conf_tree_get(conf->tree, full);
	return node != NULL ? node->val : NULL;
}

const char *
dev_conf_default(const struct dev_conf *conf, const struct dev_option *o)
{
	return o->unless == NULL || dev_conf_given(conf, o->unless) == NULL ? o->def : NULL;
}

const char *
dev_conf_get(const struct dev_conf *conf, const char *key)
{
	const char *val = dev_conf_given(conf, key);
	const struct dev_option *o;

	if (val != NULL)
		return val;
	o = dev_option_find(conf->model->options, key);
	return o != NULL ? dev_conf_default(conf, o) : NULL;
}

bool
dev_conf_bool(const struct dev_conf *conf, const char *key)
{
	const char *val = dev_conf_get(conf, key);
	bool truth;

	return val != NULL && conf_parse_bool(val, &truth) && truth;
}

uint64_t
dev_conf_number(const struct dev_conf *conf, const char *key)
{
	const char *val = dev_conf_get(conf, key);
	uint64_t n;

	return val != NULL && parse_number(val, &n) ? n : 0;
}

bool
dev_conf_mac(const struct dev_conf *conf, const char *key, uint8_t mac[6])
{
	const char *val = dev_conf_get(conf, key);

	return val != NULL && parse_mac(val, mac);
}

bool
dev_conf_next(const struct dev_conf *conf, const char **key)
{
	size_t len = strlen(conf->prefix), i = conf_tree_find(conf->tree, conf->prefix);

	while (*key != NULL && i < conf->tree->n && conf->tree->node[i].key + len != *key)
		i++;
	if (*key != NULL)
		i++;
	if (i >= conf->tree->n || strncmp(conf->tree->node[i].key, conf->prefix, len) != 0)
		return false;
	*key = conf->tree->node[i].key + len;
	return true;
}

const char *
dev_conf_where(const struct dev_conf *conf)
{
	return conf->where;
}

const char *
dev_conf_place(const struct dev_conf *conf)
{
	return conf->prefix;
}

const struct dev_model *
dev_model_find(const char *name)
{
	for (const struct dev_model *const *m = dev_models(); *m != NULL; m++) {
		if (strcmp((*m)->name, name) == 0)
			return *m;
	}
	return NULL;
}
