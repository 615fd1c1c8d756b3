/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Framing, checksums, hexadecimal: gdb_proto.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gdb_proto.h"

#define INTERRUPT 0x03

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void
keep(struct gdb_in *in, uint8_t byte)
{
	if (in->len < GDB_PACKET_MAX)
		in->data[in->len++] = (char)byte;
	else
		in->too_long = true;
}

static enum gdb_in_event
end(struct gdb_in *in, uint8_t byte)
{
	int d = digit((char)byte);

	in->state = GDB_IDLE;
	in->data[in->len] = '\0';
	if (d < 0 || (uint8_t)(in->want << 4 | d) != in->sum || in->too_long)
		return GDB_IN_BAD;
	return GDB_IN_PACKET;
}

enum gdb_in_event
gdb_in_byte(struct gdb_in *in, uint8_t byte)
{
	int d;

	if (in->state == GDB_SUM2)
		return end(in, byte);
	if (in->state == GDB_SUM1) {
		d = digit((char)byte);
		in->want = (uint8_t)(d < 0 ? 0 : d);
		in->too_long |= d < 0;
		in->state = GDB_SUM2;
		return GDB_IN_MORE;
	}
	if (in->state == GDB_IDLE) {
		if (byte == '$') {
			in->len = 0;
			in->sum = 0;
			in->too_long = false;
			in->state = GDB_DATA;
		}
		return byte == INTERRUPT ? GDB_IN_INTERRUPT : GDB_IN_MORE;
	}
	if (byte == '#') {
		in->state = GDB_SUM1;
		return GDB_IN_MORE;
	}
	in->sum = (uint8_t)(in->sum + byte);
	if (in->state == GDB_ESCAPED) {
		in->state = GDB_DATA;
		keep(in, byte ^ 0x20);
	} else if (byte == '}') {
		in->state = GDB_ESCAPED;
	} else {
		keep(in, byte);
	}
	return GDB_IN_MORE;
}

void
gdb_out_begin(struct gdb_out *out)
{
	out->data[0] = '$';
	out->len = 1;
	out->full = false;
}

static void
put(struct gdb_out *out, char c)
{
	if (out->len > GDB_PACKET_MAX)
		out->full = true;
	else
		out->data[out->len++] = c;
}

void
gdb_out_text(struct gdb_out *out, const char *text)
{
	for (; *text != '\0'; text++)
		put(out, *text);
}

void
gdb_out_binary(struct gdb_out *out, const void *bytes, size_t len)
{
	const char *p = bytes;

	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\0' || strchr("#$}*", p[i]) == NULL) {
			put(out, p[i]);
		} else {
			put(out, '}');
			put(out, (char)(p[i] ^ 0x20));
		}
	}
}

void
gdb_out_hex(struct gdb_out *out, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++) {
		put(out, digits[p[i] >> 4]);
		put(out, digits[p[i] & 15]);
	}
}

void
gdb_out_printf(struct gdb_out *out, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gdb_out_text(out, text);
}

void
gdb_out_end(struct gdb_out *out)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum = 0;

	for (size_t i = 1; i < out->len; i++)
		sum = (uint8_t)(sum + (uint8_t)out->data[i]);
	out->data[out->len++] = '#';
	out->data[out->len++] = digits[sum >> 4];
	out->data[out->len++] = digits[sum & 15];
}

bool
gdb_hex(const char **p, uint64_t *val)
{
	unsigned int n = 0;
	int d;

	for (*val = 0; (d = digit(**p)) >= 0; (*p)++, n++)
		*val = *val << 4 | (uint64_t)d;
	return n > 0 && n <= 16;
}

bool
gdb_unhex(const char *p, void *bytes, size_t len)
{
	uint8_t *out = bytes;
	int hi, lo;

	for (size_t i = 0; i < len; i++) {
		hi = digit(p[2 * i]);
		lo = hi < 0 ? -1 : digit(p[2 * i + 1]);
		if (lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}
