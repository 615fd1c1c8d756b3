/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What people write: the lines of a -k file, and those that begin with "-s " as that option.
 * Whatever it is, an error is one line; what is taken has devices whose every option can be read,
 * and what config.dump prints reads back as the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool truth)
{
	if (!truth)
		abort();
}

static void
check_error(const struct config_error *e)
{
	must(e->text[0] != '\0' && memchr(e->text, '\0', sizeof(e->text)) != NULL);
	must(strchr(e->text, '\n') == NULL);
}

static char *
dump(const struct bhyve_config *c, size_t *size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, size);

	must(f != NULL && config_dump(c, f) == 0);
	fclose(f);
	return text;
}

static int
read_text(struct bhyve_config *c, char *text, size_t size, struct config_error *e)
{
	FILE *f = fmemopen(text, size, "r");
	int error;

	must(f != NULL);
	error = config_read(c, f, "FILE", e);
	fclose(f);
	return error;
}

static void
check_taken(const struct bhyve_config *c)
{
	size_t size, again_size;
	char *text = dump(c, &size), *again_text;
	struct bhyve_config again;
	struct config_error e;

	for (unsigned int i = 0; i < c->slots.n; i++) {
		const struct dev_conf *d = &c->slots.dev[i];

		must(strcmp(dev_conf_get(d, "device"), d->model->name) == 0);
		for (const struct dev_option *o = d->model->options; o != NULL && o->key; o++) {
			dev_conf_bool(d, o->key);
			dev_conf_number(d, o->key);
			dev_conf_mac(d, o->key, (uint8_t[6]){ 0 });
		}
	}
	config_init(&again);
	must(read_text(&again, text, size, &e) == 0 && config_expand(&again, &e) == 0);
	must(slots_check(&again.tree, &again.slots, &e) == 0 && again.slots.n == c->slots.n);
	again_text = dump(&again, &again_size);
	must(size == again_size && memcmp(text, again_text, size) == 0);
	free(text);
	free(again_text);
	config_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *rest, *line;
	struct bhyve_config c;
	struct config_error e;
	int error = 0;

	if (size == 0 || size > 4096)
		return 0;
	text = malloc(size + 1);
	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	config_init(&c);
	rest = text;
	while (error == 0 && (line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		if (strncmp(line, "-s ", 3) == 0)
			error = slots_option(&c.tree, line + 3, &e);
		else
			error = read_text(&c, line, strlen(line), &e);
	}
	if (error == 0)
		error = config_expand(&c, &e);
	if (error == 0)
		error = slots_check(&c.tree, &c.slots, &e);
	if (error != 0)
		check_error(&e);
	else
		check_taken(&c);
	config_free(&c);
	free(text);
	return 0;
}
