/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * "Did you mean...": which of the names there are comes nearest to one that there is not.
 */
#ifndef BHYVE_CONF_GUESS_H
#define BHYVE_CONF_GUESS_H

struct conf_guess {
	const char *word; /* as it was written */
	const char *best; /* NULL: nothing is near */
	unsigned int distance;
};

/* Is that one nearer?  It must stay valid as long as the guess. */
void conf_guess_try(struct conf_guess *g, const char *name);
/* "; did you mean NAME?", or nothing, in buf; which is given back. */
const char *conf_guess_text(const struct conf_guess *g, char buf[64]);

#endif /* BHYVE_CONF_GUESS_H */
