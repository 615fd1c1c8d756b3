/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * One tree of values, printed as lines of text or as JSON.  Text: scalars of an object as "name:
 * value", rows of an array as they come.
 */
#ifndef BHYVECTL_OUTPUT_H
#define BHYVECTL_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct output {
	FILE *f;
	bool json;
	unsigned int depth;
	bool comma; /* something stands before the next member */
};

/* name NULL: an element of an array, or the whole. */
void out_object(struct output *o, const char *name);
void out_array(struct output *o, const char *name);
void out_end_object(struct output *o);
void out_end_array(struct output *o);
void out_string(struct output *o, const char *name, const char *val);
void out_number(struct output *o, const char *name, uint64_t val);
void out_bool(struct output *o, const char *name, bool val);
/* JSON: "0x..." (a number of 64 bits is not safe in JSON). */
void out_hex(struct output *o, const char *name, uint64_t val, unsigned int digits);
/* Text only; JSON ignores it. */
__attribute__((format(printf, 2, 3))) void out_line(struct output *o, const char *fmt, ...);

#endif /* BHYVECTL_OUTPUT_H */
