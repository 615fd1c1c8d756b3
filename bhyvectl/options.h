/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * bhyvectl's options.
 */
#ifndef BHYVECTL_OPTIONS_H
#define BHYVECTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmmapi.h"

enum ctl_action {
	CTL_NONE,
	CTL_HELP,
	CTL_LIST,
	CTL_INFO,
	CTL_CREATE,
	CTL_DESTROY,
	CTL_SUSPEND,
	CTL_POWER_BUTTON,
	CTL_BALLOON,
	CTL_GET_BALLOON,
	CTL_PAUSE,
	CTL_RESUME,
	CTL_GET_STATS,
	CTL_GET_ALL,
	CTL_GET_REG,
	CTL_SET_REG,
	CTL_TRACE,
};

struct ctl_options {
	enum ctl_action action;
	const char *vm; /* NULL where the action needs none */
	uint32_t vcpu;
	bool vcpu_given; /* else: all */
	bool json;
	uint32_t gid; /* --create: ~0 none */
	enum vm_suspend_how how;
	uint32_t reg;
	uint64_t value; /* of a register; bytes of a balloon's guest */
};

/* -1: a line in text. */
int ctl_options_parse(struct ctl_options *o, int argc, char **argv, char *text, size_t size);
const char *ctl_options_usage(void);

#endif /* BHYVECTL_OPTIONS_H */
