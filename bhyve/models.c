/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * All device models that can be put into a slot.
 */
#include "models.h"

static const struct dev_model *const models[] = {
	&virtio_balloon_model.model,
	&virtio_blk_model.model,
	&virtio_console_model.model,
	&virtio_net_model.model,
	&virtio_rnd_model.model,
	NULL,
};

const struct dev_model *const *
dev_models(void)
{
	return models;
}
