/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Reading and showing a guest's memory statistics.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "iov.h"
#include "virtio_balloon_stats.h"

/* 5.5.6.4: le16 tag, le64 val, packed */
#define ENTRY_SIZE 10u
#define ENTRIES	   64u /* of one buffer that are looked at; a driver has one of each tag */

/* By tag; sizes are in bytes. */
static const char *const names[BALLOON_STATS] = {
	"swapped_in",
	"swapped_out",
	"major_faults",
	"minor_faults",
	"free",
	"total",
	"available",
	"caches",
	"hugetlb_allocations",
	"hugetlb_failures",
};

void
balloon_stats_take(struct balloon_stats *s, const struct vq_chain *c)
{
	struct iov_cursor from = iov_cursor(c->iov, c->nread);
	size_t n = c->read_len / ENTRY_SIZE;
	uint8_t entry[ENTRY_SIZE];
	uint16_t tag;
	uint64_t val;

	/* The driver's first may be empty. */
	if (n == 0)
		return;
	s->known = 0;
	for (size_t i = 0; i < n && i < ENTRIES; i++) {
		iov_copy(&from, entry, sizeof(entry), false);
		memcpy(&tag, entry, sizeof(tag));
		memcpy(&val, entry + sizeof(tag), sizeof(val));
		tag = le16toh(tag);
		if (tag >= BALLOON_STATS)
			continue;
		s->known |= 1u << tag;
		s->val[tag] = le64toh(val);
	}
	s->updates++;
	s->at_ns = ev_now_ns();
}

void
balloon_stats_print(const struct balloon_stats *s, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	if (s->known == 0)
		return;
	len = (size_t)snprintf(buf, size, " updates=%u age_ms=%llu", s->updates,
	    (unsigned long long)((ev_now_ns() - s->at_ns) / 1000000));
	for (unsigned int tag = 0; tag < BALLOON_STATS && len < size; tag++) {
		if ((s->known >> tag & 1) != 0)
			len += (size_t)snprintf(buf + len, size - len, " %s=%llu", names[tag],
			    (unsigned long long)s->val[tag]);
	}
}
