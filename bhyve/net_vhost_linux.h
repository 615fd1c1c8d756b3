/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <linux/vhost.h>, which brings a feature's number under the name that virtqueue.h has for its bit.
 */
#ifndef BHYVE_NET_VHOST_LINUX_H
#define BHYVE_NET_VHOST_LINUX_H

#include "virtqueue.h"

#pragma push_macro("VIRTIO_F_VERSION_1")
#undef VIRTIO_F_VERSION_1
#include <linux/vhost.h>
#undef VIRTIO_F_VERSION_1
#pragma pop_macro("VIRTIO_F_VERSION_1")

#endif /* BHYVE_NET_VHOST_LINUX_H */
