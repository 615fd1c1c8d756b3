/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Text and JSON.  In text mode the members of objects inside an array are silent: the
 * caller prints such a row with out_line().
 */
#include <stdarg.h>

#include "output.h"

static void
json_string(struct output *o, const char *s)
{
	putc('"', o->f);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(o->f, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(o->f, "\\u%04x", c);
		else
			putc(c, o->f);
	}
	putc('"', o->f);
}

/* Comma, line, indentation and name of the next member. */
static void
json_member(struct output *o, const char *name)
{
	if (o->comma)
		putc(',', o->f);
	if (o->depth > 0)
		fprintf(o->f, "\n%*s", (int)o->depth * 2, "");
	if (name != NULL) {
		json_string(o, name);
		fputs(": ", o->f);
	}
	o->comma = true;
}

static void
begin(struct output *o, const char *name, char bracket)
{
	if (o->json) {
		json_member(o, name);
		putc(bracket, o->f);
		o->comma = false;
	}
	o->depth++;
}

static void
end(struct output *o, char bracket)
{
	o->depth--;
	if (!o->json)
		return;
	if (o->comma)
		fprintf(o->f, "\n%*s", (int)o->depth * 2, "");
	putc(bracket, o->f);
	o->comma = true;
	if (o->depth == 0)
		putc('\n', o->f);
}

void
out_object(struct output *o, const char *name)
{
	begin(o, name, '{');
}

void
out_array(struct output *o, const char *name)
{
	begin(o, name, '[');
}

void
out_end_object(struct output *o)
{
	end(o, '}');
}

void
out_end_array(struct output *o)
{
	end(o, ']');
}

/* Of the outermost object only. */
static bool
text_shows(const struct output *o)
{
	return o->depth == 1;
}

void
out_string(struct output *o, const char *name, const char *val)
{
	if (o->json) {
		json_member(o, name);
		json_string(o, val);
	} else if (text_shows(o)) {
		fprintf(o->f, "%-16s %s\n", name, val);
	}
}

void
out_number(struct output *o, const char *name, uint64_t val)
{
	if (o->json) {
		json_member(o, name);
		fprintf(o->f, "%llu", (unsigned long long)val);
	} else if (text_shows(o)) {
		fprintf(o->f, "%-16s %llu\n", name, (unsigned long long)val);
	}
}

void
out_bool(struct output *o, const char *name, bool val)
{
	if (o->json) {
		json_member(o, name);
		fputs(val ? "true" : "false", o->f);
	} else if (text_shows(o)) {
		fprintf(o->f, "%-16s %s\n", name, val ? "yes" : "no");
	}
}

void
out_hex(struct output *o, const char *name, uint64_t val, unsigned int digits)
{
	if (o->json) {
		json_member(o, name);
		fprintf(o->f, "\"0x%0*llx\"", (int)digits, (unsigned long long)val);
	} else if (text_shows(o)) {
		fprintf(o->f, "%-16s 0x%0*llx\n", name, (int)digits, (unsigned long long)val);
	}
}

void
out_line(struct output *o, const char *fmt, ...)
{
	va_list ap;

	if (o->json)
		return;
	va_start(ap, fmt);
	vfprintf(o->f, fmt, ap);
	va_end(ap);
	putc('\n', o->f);
}
