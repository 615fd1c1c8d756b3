/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What is behind block_if.c: files and block devices (block_file.c), NBD (block_nbd.c).  A back end
 * is either synchronous, then block_if.c has a pool of threads for it, or it has a thread
 * of its own.
 */
#ifndef BHYVE_BLOCK_BACKEND_H
#define BHYVE_BLOCK_BACKEND_H

#include "block_if.h"

/* Zeroes are written in pieces of this size where nothing better can be done. */
#define BLOCK_PIECE (1u << 20)

/* A disk's options, well-formed each. */
struct block_params {
	const char *where; /* dev_conf_where(), the start of every message */
	const char *path;
	bool read_only, nocache, direct, nodelete;
	uint32_t sector, physical; /* 0: not given */
};

struct block_backend {
	/*
	 * Opens p->path and fills *info through block_geometry().  NULL: a line was said.  What is
	 * of p is gone afterwards.
	 */
	void *(*open)(const struct block_params *p, struct blockif *b, struct blockif_info *info);
	/* Synchronous: does it, in one of several threads.  0 or an errno. */
	int (*execute)(void *be, const struct blockif_req *req);
	/* Does a READ if that needs no waiting, in the caller's thread; NULL: it cannot tell. */
	bool (*read_now)(void *be, const struct blockif_req *req);
	/* Or, where execute is NULL: starts it; block_done() follows, from another thread. */
	void (*submit)(void *be, struct blockif_req *req);
	void (*close)(void *be); /* nothing is under way */
};

extern const struct block_backend block_file, block_nbd;

/* path is for block_nbd. */
bool block_is_nbd(const char *path);

/* For an asynchronous back end. */
void block_done(struct blockif *b, struct blockif_req *req, int error);

/*
 * Sector sizes and size: what the options say, or what suits a disk whose host does no I/O of less
 * than `least' bytes and would rather have `best'.  False: that does not fit; a line was said.
 */
bool block_geometry(const struct block_params *p, struct blockif_info *info, uint64_t bytes,
    uint32_t least, uint32_t best);

#endif /* BHYVE_BLOCK_BACKEND_H */
