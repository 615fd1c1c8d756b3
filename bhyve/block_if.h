/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A disk as a device model sees it: a file, a block device, or what an NBD server has.  Requests
 * are asynchronous; done() is called from the back end's threads, in any order, never from inside
 * blockif_submit().
 */
#ifndef BHYVE_BLOCK_IF_H
#define BHYVE_BLOCK_IF_H

#include <sys/uio.h>

#include <stdbool.h>
#include <stdint.h>

#include "devconf.h"

enum blockif_op {
	BLOCKIF_READ,
	BLOCKIF_WRITE,
	BLOCKIF_FLUSH,	  /* what was acknowledged before survives a power cut */
	BLOCKIF_DISCARD,  /* contents undefined afterwards */
	BLOCKIF_ZERO,	  /* write zeroes; may unmap where that reads as zeroes */
	BLOCKIF_ZERO_KEEP /* write zeroes, keep the space allocated */
};

struct blockif_req {
	enum blockif_op op;
	uint64_t offset,
	    bytes; /* multiples of the sector size, inside the disk; caller's to check */
	const struct iovec *iov; /* READ, WRITE: `bytes' in all; lives until done */
	int niov;
	void (*done)(struct blockif_req *req, int error); /* 0 or an errno */
	void *arg;
	struct blockif_req *next; /* the back end's */
};

struct blockif_info {
	uint64_t bytes;	   /* a multiple of 512 */
	uint32_t sector;   /* logical, bytes; 512 or more */
	uint32_t physical; /* bytes; a power of two, >= sector */
	bool read_only;
	bool can_discard;
	bool can_zero;
};

struct blockif;

/* The options of every disk. */
#define BLOCKIF_OPTIONS                                                                       \
	{ .key = "path", .required = true, .help = "file, block device, or nbd:URI" },        \
	    { .key = "ro", .type = DEV_OPT_BOOL, .help = "read-only", .def = "false" },       \
	    { .key = "nocache",                                                               \
		    .type = DEV_OPT_BOOL,                                                     \
		    .help = "O_DIRECT: past the host's page cache",                           \
		    .def = "false" },                                                         \
	    { .key = "direct",                                                                \
		    .type = DEV_OPT_BOOL,                                                     \
		    .help = "each write is on stable storage (O_DSYNC)",                      \
		    .def = "false" },                                                         \
	    { .key = "nodelete",                                                              \
		    .type = DEV_OPT_BOOL,                                                     \
		    .help = "ignore the guest's discards",                                    \
		    .def = "false" },                                                         \
	    { .key = "sectorsize",                                                            \
		    .help = "LOGICAL[/PHYSICAL] in bytes",                                    \
		    .otherwise = "what the host has",                                         \
		    .check = blockif_check_sectorsize },                                      \
	{                                                                                     \
		.key = "threads", .type = DEV_OPT_NUMBER,                                     \
		.help = "how many requests are with the host at a time", .min = 1, .max = 64, \
		.def = "8"                                                                    \
	}
const char *blockif_check_sectorsize(const char *val);

/* Opens what conf's keys say.  NULL: a line was said. */
struct blockif *blockif_open(const struct dev_conf *conf);
void blockif_info(const struct blockif *b, struct blockif_info *info);
/* A READ that needs no waiting, as of what is in the host's memory; false: nothing was done. */
bool blockif_read_now(struct blockif *b, const struct blockif_req *req); /* any thread */
void blockif_submit(struct blockif *b, struct blockif_req *req);	 /* any thread */
/* Waits until everything submitted is done. */
void blockif_drain(struct blockif *b);
void blockif_close(struct blockif *b); /* drains, and flushes what the guest wrote */

#endif /* BHYVE_BLOCK_IF_H */
