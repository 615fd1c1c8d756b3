/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Packets of gdb's remote serial protocol ("Debugging with GDB", E.1 Overview): $data#checksum.
 * No I/O here.
 */
#ifndef BHYVE_GDB_PROTO_H
#define BHYVE_GDB_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_PACKET_MAX 4096u /* what we take and send, without frame */

/* A packet while it comes in, byte by byte. */
struct gdb_in {
	char data[GDB_PACKET_MAX + 1]; /* NUL-terminated once GDB_IN_PACKET was said */
	size_t len;
	enum { GDB_IDLE, GDB_DATA, GDB_ESCAPED, GDB_SUM1, GDB_SUM2 } state;
	uint8_t sum, want;
	bool too_long;
};

enum gdb_in_event {
	GDB_IN_MORE,
	GDB_IN_PACKET,	  /* data is one */
	GDB_IN_BAD,	  /* its checksum is wrong, or it is too long: ask for it again */
	GDB_IN_INTERRUPT, /* Ctrl-C, 0x03 outside a packet */
};

enum gdb_in_event gdb_in_byte(struct gdb_in *in, uint8_t byte);

/* An answer while it is made; what does not fit sets full. */
struct gdb_out {
	char data[GDB_PACKET_MAX + 4]; /* $data#cc */
	size_t len;
	bool full;
};

void gdb_out_begin(struct gdb_out *out);
void gdb_out_text(struct gdb_out *out, const char *text);
/* With the bytes that a packet must not contain escaped. */
void gdb_out_binary(struct gdb_out *out, const void *bytes, size_t len);
void gdb_out_hex(struct gdb_out *out, const void *bytes, size_t len);
__attribute__((format(printf, 2, 3))) void gdb_out_printf(
    struct gdb_out *out, const char *fmt, ...);
void gdb_out_end(struct gdb_out *out);

/* A hexadecimal number at *p, which moves behind it.  False: there is none, or it is too long. */
bool gdb_hex(const char **p, uint64_t *val);
/* 2 * len digits into bytes. */
bool gdb_unhex(const char *p, void *bytes, size_t len);

#endif /* BHYVE_GDB_PROTO_H */
