/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Names that are near: as many letters to change, add or leave out as a slip of the finger makes.
 */
#include <stdio.h>
#include <string.h>

#include "conf_guess.h"

#define MAX_WORD 40u /* characters; no name is longer */

static unsigned int
least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's, row by row. */
static unsigned int
distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned int row[MAX_WORD + 1];

	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned int corner = row[0], up;

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= nb; j++) {
			up = row[j];
			row[j] = least(
			    up + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1] ? 1 : 0));
			corner = up;
		}
	}
	return row[nb];
}

void
conf_guess_try(struct conf_guess *g, const char *name)
{
	size_t nword = strlen(g->word), nname = strlen(name);
	unsigned int d;

	if (nword > MAX_WORD || nname > MAX_WORD)
		return;
	d = distance(g->word, nword, name, nname);
	/* Of three letters one may be wrong, of six or more two. */
	if (d > 2 || d * 3 > nname || (g->best != NULL && d >= g->distance))
		return;
	g->best = name;
	g->distance = d;
}

const char *
conf_guess_text(const struct conf_guess *g, char buf[64])
{
	buf[0] = '\0';
	if (g->best != NULL)
		snprintf(buf, 64, "; did you mean %s?", g->best);
	return buf;
}
