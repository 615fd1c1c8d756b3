/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A device's options and what it says, for virtio_rig.h.  All weak: a program that is about
 * these links the real ones.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bhyve/debug.h"
#include "virtio_rig.h"

#define WEAK __attribute__((weak))

char virtio_rig_said[4096];

struct rig_conf {
	char text[1024];
	const char *key[32], *val[32];
	unsigned int n;
};
static struct rig_conf conf;

#define MODEL(name) extern const struct virtio_model name __attribute__((weak));
MODEL(virtio_balloon_model)
MODEL(virtio_blk_model)
MODEL(virtio_console_model)
MODEL(virtio_net_model)
MODEL(virtio_rnd_model)

WEAK const struct dev_option *
virtio_rig_options(void)
{
	const struct virtio_model *const models[] = { &virtio_balloon_model, &virtio_blk_model,
		&virtio_console_model, &virtio_net_model, &virtio_rnd_model };

	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (models[i] != NULL)
			return models[i]->model.options;
	return NULL;
}

WEAK void
say(const char *fmt, ...)
{
	size_t len = strlen(virtio_rig_said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(virtio_rig_said + len, sizeof(virtio_rig_said) - len, fmt, ap);
	va_end(ap);
}

const struct dev_conf *
virtio_rig_conf(const char *keys)
{
	char *word, *save = NULL, *eq;

	memset(&conf, 0, sizeof(conf));
	snprintf(conf.text, sizeof(conf.text), "%s", keys);
	for (word = strtok_r(conf.text, ",", &save); word != NULL && conf.n < 32;
	     word = strtok_r(NULL, ",", &save)) {
		eq = strchr(word, '=');
		if (eq != NULL)
			*eq = '\0';
		conf.key[conf.n] = word;
		conf.val[conf.n++] = eq != NULL ? eq + 1 : "true";
	}
	return (const struct dev_conf *)&conf;
}

/* What holds without a word: the table of the one model that the program has. */
static const char *
otherwise(const char *key)
{
	const struct dev_option *o = virtio_rig_options();

	for (; o != NULL && o->key != NULL; o++)
		if (strcmp(o->key, key) == 0)
			return o->def;
	return NULL;
}

WEAK const char *
dev_conf_get(const struct dev_conf *c, const char *key)
{
	(void)c;
	for (unsigned int i = 0; i < conf.n; i++)
		if (strcmp(conf.key[i], key) == 0)
			return conf.val[i];
	return otherwise(key);
}

WEAK bool
dev_conf_bool(const struct dev_conf *c, const char *key)
{
	const char *val = dev_conf_get(c, key);

	return val != NULL && strcmp(val, "true") == 0;
}

WEAK uint64_t
dev_conf_number(const struct dev_conf *c, const char *key)
{
	const char *val = dev_conf_get(c, key);

	return val != NULL ? strtoull(val, NULL, 0) : 0;
}

WEAK bool
dev_conf_mac(const struct dev_conf *c, const char *key, uint8_t mac[6])
{
	const char *val = dev_conf_get(c, key);

	return val != NULL &&
	    sscanf(val, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		&mac[4], &mac[5]) == 6;
}

WEAK const char *
dev_conf_where(const struct dev_conf *c)
{
	(void)c;
	return "-s 3";
}
