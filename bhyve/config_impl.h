/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the files of the configuration are to each other: config.c, config_keys.c (a key each),
 * config_args.c (the command line), config_dump.c.
 */
#ifndef BHYVE_CONFIG_IMPL_H
#define BHYVE_CONFIG_IMPL_H

#include <stddef.h>

#include "config.h"

/*
 * word is "KEY=VALUE", KEY has len characters and is no device's: its part of the structure.  Each
 * of these: -1, and a line in *e.
 */
int config_set_known(struct bhyve_config *c, const char *word, size_t len, struct config_error *e);
/* Once all keys are there and expanded: what is missing, and what does not go together. */
int config_check_together(struct bhyve_config *c, struct config_error *e);

#endif /* BHYVE_CONFIG_IMPL_H */
