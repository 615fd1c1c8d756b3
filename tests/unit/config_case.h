/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * For tests of the configuration: a command line in one string, and what config.dump prints.
 */
#ifndef CONFIG_CASE_H
#define CONFIG_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

#define MAX_ARGS 32

/* Words split at spaces; {...} in front is a -k file, with ; for newlines. */
static inline int
parse(struct bhyve_config *c, const char *text, struct config_error *e)
{
	char line[1000], *rest = line, *argv[MAX_ARGS + 1] = { line + strlen(text) }, *file, *word;
	int argc = 1, error = 0;
	FILE *f;

	strcpy(line, text);
	config_init(c);
	e->text[0] = '\0';
	if (*rest == '{') {
		file = rest + 1;
		rest = strchr(rest, '}');
		*rest++ = '\0';
		for (char *p = file; (p = strchr(p, ';')) != NULL;)
			*p = '\n';
		f = fmemopen(file, strlen(file), "r");
		error = config_read(c, f, "FILE", e);
		fclose(f);
	}
	optind = 0; /* glibc's getopt begins anew */
	while ((word = strsep(&rest, " ")) != NULL) {
		assert_true(argc < MAX_ARGS);
		if (*word != '\0')
			argv[argc++] = word;
	}
	argv[argc] = NULL;
	return error != 0 ? error : config_parse(c, argc, argv, e);
}

static inline void
good(struct bhyve_config *c, const char *text)
{
	struct config_error e;

	if (parse(c, text, &e) != 0)
		fail_msg("%s: %s", text, e.text);
}

/* The dump; the caller frees it. */
static inline char *
dump(const struct bhyve_config *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_int_equal(config_dump(c, f), 0);
	fclose(f);
	return text;
}

/* What was dumped, read as a file, is the same configuration: again, which the caller frees. */
static inline void
read_back(char *text, struct bhyve_config *again)
{
	struct config_error e;
	char *second;
	FILE *f;

	config_init(again);
	f = fmemopen(text, strlen(text), "r");
	assert_int_equal(config_read(again, f, "FILE", &e), 0);
	fclose(f);
	assert_int_equal(config_expand(again, &e), 0);
	if (slots_check(&again->tree, &again->slots, &e) != 0)
		fail_msg("%s", e.text);
	second = dump(again);
	assert_string_equal(second, text);
	free(second);
}

#endif /* CONFIG_CASE_H */
