/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The virtio disk as a driver sees it, after virtio 1.2, 5.2, over a real file.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../bhyve/doorbell.h"
#include "models.h"
#include "virtio_blk.h"
#include "virtio_rig.h"

#define DISK	  (4u << 20)
#define SECTORS	  (DISK / 512)
#define SIZE	  64u
#define WAIT_MS	  5000u
#define NO_ANSWER 100u
#define FEATURES  (VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES)

static struct virtio_rig rig;
static struct virtio_dev *vd;
static char path[64];

/* ---- system calls: counted, failing or waiting on request ---- */
static unsigned int flushes, reads_now; /* atomic */
static int fail_write, fail_fallocate;
static bool hold_reads, refuse_now; /* atomic */

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	if (fail_write != 0) {
		errno = fail_write;
		return -1;
	}
	return syscall(SYS_pwritev, fd, iov, n, offset, 0);
}

ssize_t
preadv(int fd, const struct iovec *iov, int n, off_t offset)
{
	while (__atomic_load_n(&hold_reads, __ATOMIC_SEQ_CST))
		usleep(1000);
	return syscall(SYS_preadv, fd, iov, n, offset, 0);
}

/* What the host has in memory: all of it, but while reads are held. */
ssize_t
preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	assert_int_equal(flags, RWF_NOWAIT);
	if (__atomic_load_n(&hold_reads, __ATOMIC_SEQ_CST) ||
	    __atomic_load_n(&refuse_now, __ATOMIC_SEQ_CST)) {
		errno = EAGAIN;
		return -1;
	}
	__atomic_fetch_add(&reads_now, 1, __ATOMIC_SEQ_CST);
	return syscall(SYS_preadv, fd, iov, n, offset, 0);
}

int
fdatasync(int fd)
{
	__atomic_fetch_add(&flushes, 1, __ATOMIC_SEQ_CST);
	return (int)syscall(SYS_fdatasync, fd);
}

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (fail_fallocate != 0) {
		errno = fail_fallocate;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

/* ---- the device ---- */

static void
open_device(const char *options)
{
	char text[256];

	snprintf(text, sizeof(text), "path=%s,%s", path, options);
	vd = virtio_blk_model.create(&rig.env, virtio_rig_conf(text));
	assert_non_null(vd);
	virtio_rig_attach(&rig, vd);
}

static void
close_device(void)
{
	virtio_rig_detach(&rig);
	virtio_blk_model.destroy(vd);
	vd = NULL;
}

static int
setup(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/var/tmp/test_virtio_blk.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, DISK), 0);
	close(fd);
	virtio_rig_init(&rig, 0);
	virtio_rig_said[0] = '\0';
	flushes = reads_now = 0;
	fail_write = fail_fallocate = 0;
	hold_reads = refuse_now = false;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (vd != NULL)
		close_device();
	virtio_rig_fini(&rig);
	unlink(path);
	return 0;
}

static void
start_with(const char *options, uint64_t features)
{
	open_device(options);
	assert_true(virtio_rig_start(&rig, features, SIZE));
}

/* ---- a driver ---- */

static struct virtio_blk_header
header(uint32_t type, uint64_t sector)
{
	return (struct virtio_blk_header){ .type = type, .sector = sector };
}

static struct rig_used
wait_used(unsigned int q)
{
	struct rig_used used = { 0 };

	assert_true(virtio_rig_wait_used(&rig, q, WAIT_MS, &used));
	return used;
}

/* The chain to its end; the status byte is the last. */
static uint8_t
run_chain(unsigned int q, struct rig_buf *b, unsigned int n, uint32_t *len)
{
	struct rig_used used;
	uint16_t head;

	head = virtio_rig_add(&rig, q, b, n);
	assert_int_not_equal(head, RIG_NONE);
	virtio_rig_kick(&rig, q);
	used = wait_used(q);
	assert_int_equal(used.head, head);
	if (len != NULL)
		*len = used.len;
	return *((uint8_t *)virtio_rig_va(&rig, b[n - 1].gpa) + b[n - 1].len - 1);
}

/* A request without data, or whose data the device reads. */
static uint8_t
request(uint32_t type, uint64_t sector, const void *data, uint32_t bytes)
{
	struct virtio_blk_header h = header(type, sector);
	struct rig_buf b[] = { RIG_READ(&h, sizeof(h)), RIG_READ(data, bytes), RIG_WRITE(1) };
	uint32_t len;
	uint8_t status;

	if (bytes == 0)
		b[1] = b[2];
	status = run_chain(0, b, bytes != 0 ? 3 : 2, &len);
	assert_int_equal(len, 1);
	return status;
}

static uint8_t
read_into(uint64_t sector, void *data, uint32_t bytes)
{
	struct virtio_blk_header h = header(VIRTIO_BLK_T_IN, sector);
	struct rig_buf b[] = { RIG_READ(&h, sizeof(h)), RIG_WRITE(bytes), RIG_WRITE(1) };
	uint32_t len;
	uint8_t status = run_chain(0, b, 3, &len);

	assert_int_equal(len, status == VIRTIO_BLK_S_OK ? bytes + 1 : 0);
	memcpy(data, virtio_rig_va(&rig, b[1].gpa), bytes);
	return status;
}

static uint8_t
range(uint32_t type, uint64_t sector, uint32_t n, uint32_t flags)
{
	struct virtio_blk_range r = { sector, n, flags };

	return request(type, 0, &r, sizeof(r));
}

static uint32_t
config32(uint32_t offset)
{
	uint32_t val;

	pthread_mutex_lock(&vd->lock);
	val = virtio_config_read(vd, offset, 4);
	pthread_mutex_unlock(&vd->lock);
	return val;
}

static void
set_writeback(uint8_t val)
{
	pthread_mutex_lock(&vd->lock);
	virtio_config_write(vd, offsetof(struct virtio_blk_config, writeback), 1, val);
	pthread_mutex_unlock(&vd->lock);
}

/* ---- tests ---- */

static void
test_config(void **state)
{
	(void)state;
	open_device("sectorsize=512/4096,queues=3");
	assert_int_equal(config32(0), SECTORS);
	assert_int_equal(config32(4), 0);
	assert_int_equal(config32(12), VIRTIO_MAX_SEGS - 2);
	assert_int_equal(config32(20), 512);
	assert_int_equal(config32(24), 3 | 8u << 16); /* 2^3 sectors in one of the disk's */
	assert_int_equal(config32(32), 1 | 3u << 16); /* write-back, 3 queues */
	assert_true(vd->offered & VIRTIO_BLK_F_MQ);
	assert_true(vd->offered & VIRTIO_BLK_F_WRITE_ZEROES);
	assert_false(vd->offered & VIRTIO_BLK_F_RO);
	assert_int_equal(config32(40), BLK_RANGES);
	close_device();
	open_device("ro");
	assert_true(vd->offered & VIRTIO_BLK_F_RO);
	assert_false(
	    vd->offered & (VIRTIO_BLK_F_MQ | VIRTIO_BLK_F_WRITE_ZEROES | VIRTIO_BLK_F_DISCARD));
	assert_int_equal(config32(36), 0);
}

static void
test_read_write(void **state)
{
	uint8_t out[8192], in[8192];

	(void)state;
	start_with("", FEATURES | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 13 + i / 512);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 3, out, sizeof(out)), VIRTIO_BLK_S_OK);
	assert_int_equal(read_into(3, in, sizeof(in)), VIRTIO_BLK_S_OK);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(read_into(SECTORS - 1, in, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(flushes, 0);
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, NULL, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(flushes, 1);
}

/* 2.7.4: how it is cut into buffers means nothing. */
static void
test_framing(void **state)
{
	struct {
		struct virtio_blk_header h;
		uint8_t data[1024];
	} w = { .h = { .type = VIRTIO_BLK_T_OUT, .sector = 5 } };
	const uint8_t *bytes = (const uint8_t *)&w;
	struct rig_buf whole[] = { RIG_READ(&w, sizeof(w)), RIG_WRITE(1) };
	struct rig_buf bits[] = { RIG_READ(bytes, 1), RIG_READ(bytes + 1, 8),
		RIG_READ(bytes + 9, 100), RIG_READ(bytes + 109, sizeof(w) - 109), RIG_WRITE(3) };
	struct virtio_blk_header h = header(VIRTIO_BLK_T_IN, 5);
	struct rig_buf back[] = { RIG_READ(&h, 16), RIG_WRITE(7), RIG_WRITE(1018) };
	uint32_t len;

	(void)state;
	start_with("", VIRTIO_F_INDIRECT_DESC);
	memset(w.data, 0x11, sizeof(w.data));
	assert_int_equal(run_chain(0, whole, 2, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(run_chain(0, back, 3, &len), VIRTIO_BLK_S_OK);
	assert_int_equal(len, 1025);
	assert_memory_equal(virtio_rig_va(&rig, back[1].gpa), w.data, 7);
	assert_memory_equal(virtio_rig_va(&rig, back[2].gpa), w.data, 1017);
	memset(w.data, 0x22, sizeof(w.data));
	assert_int_equal(run_chain(0, bits, 5, &len), VIRTIO_BLK_S_OK);
	assert_int_equal(len, 0); /* two bytes before the status were not written */
	back[1].gpa = back[2].gpa = 0;
	assert_int_equal(run_chain(0, back, 3, NULL), VIRTIO_BLK_S_OK);
	assert_memory_equal(virtio_rig_va(&rig, back[2].gpa), w.data, 1017);
}

static void
test_ranges_checked(void **state)
{
	static const struct {
		uint64_t sector;
		uint32_t bytes;
	} bad[] = { { SECTORS, 512 }, { SECTORS - 1, 1024 }, { UINT64_MAX, 512 },
		{ UINT64_MAX - 1, 2048 }, { 1ull << 55, 512 }, { 0, 511 }, { 0, 513 } };
	uint8_t data[2048] = { 0 };

	(void)state;
	start_with("", FEATURES);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_into(bad[i].sector, data, bad[i].bytes), VIRTIO_BLK_S_IOERR);
		assert_int_equal(request(VIRTIO_BLK_T_OUT, bad[i].sector, data, bad[i].bytes),
		    VIRTIO_BLK_S_IOERR);
	}
	close_device();
	start_with("sectorsize=4096", FEATURES);
	assert_int_equal(read_into(1, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(read_into(0, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(VIRTIO_BLK_T_DISCARD, 8, 4, 0), VIRTIO_BLK_S_IOERR);
}

static void
test_unsupported(void **state)
{
	static const uint32_t types[] = { 2, 3, 5, 10, 12, 14, 0x80000000, UINT32_MAX };

	(void)state;
	start_with("", VIRTIO_BLK_F_FLUSH);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert_int_equal(request(types[i], 0, NULL, 0), VIRTIO_BLK_S_UNSUPP);
	/* Not negotiated. */
	assert_int_equal(range(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(virtio_rig_irqs(&rig, 0), 10);
}

static void
test_discard_and_zero(void **state)
{
	struct virtio_blk_range two[BLK_RANGES + 1] = { { 0, 1, 0 }, { 3, 2, 1 } };
	uint8_t out[4096], in[4096], zero[4096] = { 0 };
	uint32_t z = VIRTIO_BLK_T_WRITE_ZEROES, d = VIRTIO_BLK_T_DISCARD;

	(void)state;
	start_with("", FEATURES);
	memset(out, 0xee, sizeof(out));
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, out, sizeof(out)), VIRTIO_BLK_S_OK);
	assert_int_equal(request(z, 0, two, 32), VIRTIO_BLK_S_OK);
	assert_int_equal(read_into(0, in, sizeof(in)), VIRTIO_BLK_S_OK);
	assert_memory_equal(in, zero, 512);
	assert_memory_equal(in + 512, out, 1024);
	assert_memory_equal(in + 1536, zero, 1024);
	assert_memory_equal(in + 2560, out, 1536);
	assert_int_equal(range(d, 0, 8, 0), VIRTIO_BLK_S_OK);
	/* 5.2.6.2: flags. */
	assert_int_equal(range(d, 0, 8, 1), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range(d, 0, 8, 2), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range(z, 0, 8, 2), VIRTIO_BLK_S_UNSUPP);
	/* Outside, too many, too long, no whole number. */
	assert_int_equal(range(z, SECTORS, 1, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(z, UINT64_MAX, 2, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(d, 0, UINT32_MAX, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(z, 0, two, sizeof(two)), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(z, 0, two, 17), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(z, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
	/* One bad range, and none is done. */
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, out, sizeof(out)), VIRTIO_BLK_S_OK);
	two[1].sector = SECTORS;
	assert_int_equal(request(z, 0, two, 32), VIRTIO_BLK_S_IOERR);
	assert_int_equal(read_into(0, in, 512), VIRTIO_BLK_S_OK);
	assert_memory_equal(in, out, 512);
	/* The host's answer that it cannot is the guest's. */
	fail_fallocate = EOPNOTSUPP;
	assert_int_equal(range(d, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	fail_fallocate = EIO;
	assert_int_equal(range(d, 0, 8, 0), VIRTIO_BLK_S_IOERR);
}

static void
test_errors(void **state)
{
	uint8_t data[512] = { 0 };

	(void)state;
	start_with("", FEATURES);
	fail_write = ENOSPC;
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_IOERR);
	fail_write = 0;
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(read_into(0, data, 512), VIRTIO_BLK_S_IOERR);
	close_device();
	assert_int_equal(truncate(path, DISK), 0);
	start_with("ro", VIRTIO_BLK_F_FLUSH);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, NULL, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(read_into(0, data, 512), VIRTIO_BLK_S_OK);
}

/* 5.2.6.2, when a write is stable: a flush inside, or none. */
static void
test_write_through(void **state)
{
	uint8_t data[512] = { 0 };

	(void)state;
	start_with("", 0); /* the driver cannot flush */
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(flushes, 1);
	assert_true(virtio_rig_start(&rig, VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE, SIZE));
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(flushes, 1);
	set_writeback(0);
	assert_int_equal(config32(32) & 0xff, 0);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(flushes, 2);
	set_writeback(1);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(flushes, 2);
	set_writeback(0);
	assert_true(virtio_rig_start(&rig, VIRTIO_BLK_F_FLUSH, SIZE));
	set_writeback(0); /* not negotiated */
	assert_int_equal(config32(32) & 0xff, 1);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(flushes, 2);
	assert_true(virtio_rig_start(&rig, VIRTIO_BLK_F_WRITE_ZEROES, SIZE));
	assert_int_equal(range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(flushes, 3);
}

static void
id_is(const char *want, uint32_t room)
{
	struct virtio_blk_header h = header(VIRTIO_BLK_T_GET_ID, 0);
	struct rig_buf b[] = { RIG_READ(&h, sizeof(h)), RIG_WRITE(room), RIG_WRITE(1) };
	char id[VIRTIO_BLK_ID_BYTES] = { 0 };
	uint32_t len;

	assert_int_equal(run_chain(0, b, 3, &len), VIRTIO_BLK_S_OK);
	assert_int_equal(len, room <= 20 ? room + 1 : 20);
	memcpy(id, want, strlen(want));
	assert_memory_equal(virtio_rig_va(&rig, b[1].gpa), id, room < 20 ? room : 20);
}

static void
test_id(void **state)
{
	char first[VIRTIO_BLK_ID_BYTES + 1] = { 0 };

	(void)state;
	start_with("serial=12345678901234567890", 0);
	id_is("12345678901234567890", 20);
	id_is("12345678901234567890", 5);
	id_is("12345678901234567890", 40);
	close_device();
	start_with("serial=x", 0);
	id_is("x", 20);
	close_device();
	start_with("", 0);
	memcpy(first, ((struct virtio_blk *)vd->sc)->id, VIRTIO_BLK_ID_BYTES);
	assert_memory_equal(first, "BHYVE-", 6);
	assert_int_equal(strlen(first), 20);
	close_device();
	start_with("", 0);
	id_is(first, 20); /* the same again */
}

/* Without header or status a request is none; the device stops, and works again after a reset. */
static void
test_malformed(void **state)
{
	struct virtio_blk_header h = header(VIRTIO_BLK_T_IN, 0);
	struct rig_buf shorter[] = { RIG_READ(&h, 15), RIG_WRITE(513) };
	struct rig_buf no_status[] = { RIG_READ(&h, 16), RIG_READ(&h, 16) };
	struct rig_buf no_header[] = { RIG_WRITE(513) };
	struct {
		struct rig_buf *b;
		unsigned int n;
	} rows[] = { { shorter, 2 }, { no_status, 2 }, { no_header, 1 } };
	struct rig_used used;
	uint8_t data[512];

	(void)state;
	open_device("");
	for (size_t i = 0; i < 3; i++) {
		assert_true(virtio_rig_start(&rig, 0, SIZE));
		virtio_rig_add(&rig, 0, rows[i].b, rows[i].n);
		virtio_rig_kick(&rig, 0);
		assert_true(virtio_rig_wait_broken(&rig, WAIT_MS));
		assert_false(virtio_rig_wait_used(&rig, 0, NO_ANSWER, &used));
	}
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	assert_int_equal(read_into(0, data, 512), VIRTIO_BLK_S_OK);
}

/* As many as the ring has, over and over; every one is answered. */
static void
test_many(void **state)
{
	struct virtio_blk_header h[4] = { { VIRTIO_BLK_T_IN, 0, 0 }, { VIRTIO_BLK_T_OUT, 0, 8 },
		{ VIRTIO_BLK_T_IN, 0, SECTORS }, { VIRTIO_BLK_T_FLUSH, 0, 0 } };
	uint8_t data[1024] = { 0 };
	unsigned int added = 0, seen = 0;

	(void)state;
	start_with("queues=2,threads=4", FEATURES | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	while (seen < 4000) {
		struct virtio_blk_header *type = &h[added / 2 % 4];
		struct rig_buf b[] = { RIG_READ(type, 16), RIG_WRITE(1024), RIG_WRITE(1) };

		if (type->type == VIRTIO_BLK_T_OUT)
			b[1] = (struct rig_buf)RIG_READ(data, sizeof(data));
		if (added < 4000 && added - seen < 2 * SIZE / 3 - 2) {
			uint16_t head = RIG_NONE;

			if (added % 3 == 0)
				head = virtio_rig_add_indirect(&rig, added % 2, b, 3);
			else
				head = virtio_rig_add(&rig, added % 2, b, 3);
			if (head != RIG_NONE) {
				virtio_rig_kick(&rig, added++ % 2);
				continue;
			}
			/* The driver's memory is used up: all back, and from the start. */
			for (; seen < added; seen++)
				wait_used(seen % 2);
			assert_true(virtio_rig_start(
			    &rig, FEATURES | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC, SIZE));
			continue;
		}
		wait_used(seen++ % 2);
	}
}

/* What the host has in memory is read where it arrives, in requests of any number of buffers. */
static void
test_read_now(void **state)
{
	uint8_t sector[512], again[512];

	(void)state;
	start_with("", VIRTIO_F_EVENT_IDX);
	assert_int_equal(read_into(7, sector, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(reads_now, 1);
	__atomic_store_n(&refuse_now, true, __ATOMIC_SEQ_CST);
	assert_int_equal(read_into(7, again, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(reads_now, 1);
	assert_memory_equal(sector, again, 512);
}

/* All is taken at once, so the device has no request left; one interrupt tells of many. */
static void
test_full(void **state)
{
	struct virtio_blk_header h = header(VIRTIO_BLK_T_IN, 0);
	struct rig_buf b[] = { RIG_READ(&h, 16), RIG_WRITE(513) };

	(void)state;
	open_device("");
	assert_true(virtio_rig_start(&rig, VIRTIO_F_EVENT_IDX, 1024));
	__atomic_store_n(&hold_reads, true, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < 512; i++) {
		b[0].gpa = b[1].gpa = 0;
		assert_int_not_equal(virtio_rig_add(&rig, 0, b, 2), RIG_NONE);
		virtio_rig_kick(&rig, 0);
	}
	__atomic_store_n(&hold_reads, false, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < 512; i++)
		wait_used(0);
	assert_true(virtio_rig_irqs(&rig, 0) <= 512);
}

/* A reset waits for what is under way, and nothing touches the guest's memory afterwards. */
static void *
let_go(void *arg)
{
	usleep(50000);
	__atomic_store_n((bool *)arg, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&hold_reads, false, __ATOMIC_SEQ_CST);
	return NULL;
}

static void
test_reset(void **state)
{
	struct virtio_blk_header h = header(VIRTIO_BLK_T_IN, 0);
	struct rig_buf b[] = { RIG_READ(&h, 16), RIG_WRITE(512), RIG_WRITE(1) };
	uint8_t sector[512];
	pthread_t thread;
	bool let = false;

	(void)state;
	start_with("", VIRTIO_F_EVENT_IDX);
	__atomic_store_n(&hold_reads, true, __ATOMIC_SEQ_CST);
	virtio_rig_add(&rig, 0, b, 3);
	virtio_rig_kick(&rig, 0);
	usleep(20000); /* it is with the disk */
	assert_int_equal(pthread_create(&thread, NULL, let_go, &let), 0);
	virtio_rig_status(&rig, 0);
	assert_true(__atomic_load_n(&let, __ATOMIC_SEQ_CST));
	memset(virtio_rig_va(&rig, RIG_RAM_GPA), 0x77, 4096);
	usleep(20000);
	for (unsigned int i = 0; i < 4096; i++)
		assert_int_equal(((uint8_t *)virtio_rig_va(&rig, RIG_RAM_GPA))[i], 0x77);
	pthread_join(thread, NULL);
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	assert_int_equal(read_into(0, sector, 512), VIRTIO_BLK_S_OK);
}

static void
test_options(void **state)
{
	const struct dev_option *o = virtio_blk_model.model.options;

	(void)state;
	for (; o->key != NULL; o++)
		if (strcmp(o->key, "serial") == 0) {
			assert_null(o->check("12345678901234567890"));
			assert_non_null(o->check("123456789012345678901"));
		}
	assert_null(virtio_blk_model.create(&rig.env, virtio_rig_conf("path=/nowhere")));
	assert_non_null(strstr(virtio_rig_said, "-s 3: path=/nowhere: No such file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ranges_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsupported, setup, teardown),
		cmocka_unit_test_setup_teardown(test_discard_and_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_through, setup, teardown),
		cmocka_unit_test_setup_teardown(test_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_now, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
