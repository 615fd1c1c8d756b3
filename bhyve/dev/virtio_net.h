/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A network card, virtio 1.2 section 5.1.
 */
#ifndef BHYVE_VIRTIO_NET_H
#define BHYVE_VIRTIO_NET_H

#include "virtqueue.h"

extern const struct virtio_model virtio_net_model;

/* 5.1.3, the feature bits that are offered; offloads as in net_backend.h, NETBE_*. */
#define VIRTIO_NET_F_MTU	   (1ull << 3)
#define VIRTIO_NET_F_MAC	   (1ull << 5)
#define VIRTIO_NET_F_MRG_RXBUF	   (1ull << 15)
#define VIRTIO_NET_F_STATUS	   (1ull << 16)
#define VIRTIO_NET_F_CTRL_VQ	   (1ull << 17)
#define VIRTIO_NET_F_CTRL_RX	   (1ull << 18)
#define VIRTIO_NET_F_MQ		   (1ull << 22)
#define VIRTIO_NET_F_CTRL_MAC_ADDR (1ull << 23)

#define VIRTIO_NET_MAX_PAIRS 8u

/* 5.1.6, before each frame; little-endian. */
struct virtio_net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};
_Static_assert(sizeof(struct virtio_net_hdr) == 12, "5.1.6");

#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1u
#define VIRTIO_NET_HDR_F_DATA_VALID 2u
#define VIRTIO_NET_HDR_GSO_NONE	    0u
#define VIRTIO_NET_HDR_GSO_TCPV4    1u
#define VIRTIO_NET_HDR_GSO_UDP	    3u
#define VIRTIO_NET_HDR_GSO_TCPV6    4u

/* 5.1.6.5, the control queue: class and command, then what they say, then one byte of answer. */
#define VIRTIO_NET_CTRL_RX		0u
#define VIRTIO_NET_CTRL_RX_PROMISC	0u
#define VIRTIO_NET_CTRL_RX_ALLMULTI	1u
#define VIRTIO_NET_CTRL_MAC		1u
#define VIRTIO_NET_CTRL_MAC_TABLE_SET	0u
#define VIRTIO_NET_CTRL_MAC_ADDR_SET	1u
#define VIRTIO_NET_CTRL_MQ		4u
#define VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET 0u
#define VIRTIO_NET_OK			0u
#define VIRTIO_NET_ERR			1u

#endif /* BHYVE_VIRTIO_NET_H */
