/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Disks in files: data, flushes, holes, locks, and what is refused.  The system calls that can fail
 * in ways that a test cannot bring about are ours here.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "block_io.h"
#include "virtio_rig.h"

#define MIB (1u << 20)

static const struct dev_option disk_options[] = { BLOCKIF_OPTIONS, { .key = NULL } };

const struct dev_option *
virtio_rig_options(void)
{
	return disk_options;
}

static char dir[64], path[100], conf_text[256];

/* ---- system calls: counted, and failing on request ---- */
static unsigned int flushes, writes; /* atomic */
static int fail_flush, fail_write, fail_fallocate;
static size_t write_at_most; /* 0: no limit */
static unsigned int reads_now;
static int fail_now;
static bool short_now;

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	struct iovec one = iov[0];

	__atomic_fetch_add(&writes, 1, __ATOMIC_SEQ_CST);
	if (fail_write != 0) {
		errno = fail_write;
		return -1;
	}
	if (write_at_most != 0) {
		one.iov_len = one.iov_len < write_at_most ? one.iov_len : write_at_most;
		return syscall(SYS_pwritev, fd, &one, 1, offset, 0);
	}
	return syscall(SYS_pwritev, fd, iov, n, offset, 0);
}

ssize_t
preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	struct iovec one = iov[0];

	reads_now++;
	if (flags != RWF_NOWAIT || fail_now != 0) {
		errno = fail_now;
		return -1;
	}
	if (short_now)
		one.iov_len /= 2;
	return syscall(SYS_preadv, fd, short_now ? &one : iov, short_now ? 1 : n, offset, 0);
}

int
fdatasync(int fd)
{
	__atomic_fetch_add(&flushes, 1, __ATOMIC_SEQ_CST);
	if (fail_flush != 0) {
		errno = fail_flush;
		return -1;
	}
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

/* ---- a disk ---- */

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/var/tmp/test_block_if.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/disk", dir);
	virtio_rig_said[0] = '\0';
	flushes = writes = 0;
	fail_flush = fail_write = fail_fallocate = 0;
	write_at_most = 0;
	reads_now = 0;
	fail_now = 0;
	short_now = false;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	rmdir(dir);
	return 0;
}

static void
make_file(off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static struct blockif *
open_disk(const char *more)
{
	snprintf(conf_text, sizeof(conf_text), "path=%s%s%s", path, *more != '\0' ? "," : "", more);
	return blockif_open(virtio_rig_conf(conf_text));
}

static void
fill(uint8_t *buf, size_t n, unsigned int seed)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(seed + i * 7 + i / 251);
}

/* ---- tests ---- */

static void
read_write(const char *options)
{
	static uint8_t out[3 * MIB], in[3 * MIB];
	struct blockif *b;
	struct iovec iov[3];

	make_file(8 * MIB);
	b = open_disk(options);
	assert_non_null(b);
	fill(out, sizeof(out), 1);
	/* Buffers of odd places and odd lengths, as a guest may have them. */
	iov[0] = (struct iovec){ out + 1, 511 };
	iov[1] = (struct iovec){ out + 700, 2 * MIB + 1 };
	iov[2] = (struct iovec){ out + 513, 512 };
	assert_int_equal(do_iov(b, BLOCKIF_WRITE, 4096, 2 * MIB + 1024, iov, 3), 0);
	assert_int_equal(do_io(b, BLOCKIF_READ, 4096, in, 2 * MIB + 1024), 0);
	assert_memory_equal(in, out + 1, 511);
	assert_memory_equal(in + 511, out + 700, 2 * MIB + 1);
	assert_memory_equal(in + 512 + 2 * MIB, out + 513, 512);
	memset(in, 0, sizeof(in));
	iov[0] = (struct iovec){ in + 3, 1000 };
	iov[1] = (struct iovec){ in + 2000, 24 };
	assert_int_equal(do_iov(b, BLOCKIF_READ, 4096, 1024, iov, 2), 0);
	assert_memory_equal(in + 3, out + 1, 511);
	assert_memory_equal(in + 2000, out + 700 + 1000 - 511, 24);
	blockif_close(b);
}

static void
test_read_write(void **state)
{
	(void)state;
	read_write("");
	read_write("threads=1");
	write_at_most = 100001; /* a short write goes on where it ended */
	read_write("direct");
}

static bool
has_o_direct(void)
{
	int fd;

	make_file(4096);
	fd = open(path, O_RDONLY | O_DIRECT);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
read_now(struct blockif *b, void *buf, size_t bytes)
{
	struct iovec iov = { buf, bytes };
	struct blockif_req req = {
		.op = BLOCKIF_READ, .offset = 4096, .bytes = bytes, .iov = &iov, .niov = 1
	};

	return blockif_read_now(b, &req);
}

static void
test_read_now(void **state)
{
	static uint8_t out[MIB], in[MIB];
	struct blockif *b;

	(void)state;
	make_file(8 * MIB);
	b = open_disk("");
	fill(out, sizeof(out), 5);
	assert_int_equal(do_io(b, BLOCKIF_WRITE, 4096, out, sizeof(out)), 0);
	assert_true(read_now(b, in, 65536));
	assert_memory_equal(in, out, 65536);
	assert_false(read_now(b, in, 65536 + 512)); /* others copy that beside us */
	assert_int_equal(reads_now, 1);
	short_now = true; /* a part is in memory */
	assert_false(read_now(b, in, 8192));
	short_now = false;
	fail_now = EAGAIN; /* nothing is, this time */
	assert_false(read_now(b, in, 8192));
	fail_now = 0;
	assert_true(read_now(b, in, 8192));
	fail_now = EOPNOTSUPP; /* the file system cannot tell: it is not asked again */
	assert_false(read_now(b, in, 8192));
	fail_now = 0;
	assert_false(read_now(b, in, 8192));
	assert_int_equal(reads_now, 5);
	memset(in, 0, sizeof(in));
	assert_int_equal(do_io(b, BLOCKIF_READ, 4096, in, 8192), 0);
	assert_memory_equal(in, out, 8192);
	blockif_close(b);
	/* Past the page cache there is nothing that would be there already. */
	b = open_disk("nocache");
	if (b != NULL) {
		assert_false(read_now(b, in, 8192));
		assert_int_equal(reads_now, 5);
		blockif_close(b);
	}
}

static void
test_nocache(void **state)
{
	(void)state;
	if (!has_o_direct()) {
		print_message("SKIPPED: no O_DIRECT in %s\n", dir);
		skip();
	}
	read_write("nocache");
	read_write("nocache,direct");
}

static void
test_info(void **state)
{
	struct blockif_info info;
	struct blockif *b;

	(void)state;
	make_file(MIB);
	b = open_disk("sectorsize=512/4096");
	assert_non_null(b);
	blockif_info(b, &info);
	assert_int_equal(info.bytes, MIB);
	assert_int_equal(info.sector, 512);
	assert_int_equal(info.physical, 4096);
	assert_false(info.read_only);
	assert_true(info.can_zero);
	blockif_close(b);
	b = open_disk("ro,nodelete,sectorsize=4096");
	assert_non_null(b);
	blockif_info(b, &info);
	assert_int_equal(info.sector, 4096);
	assert_int_equal(info.physical, 4096);
	assert_true(info.read_only);
	assert_false(info.can_zero || info.can_discard);
	blockif_close(b);
}

static void
refused(const char *options, const char *word)
{
	virtio_rig_said[0] = '\0';
	assert_null(open_disk(options));
	if (strstr(virtio_rig_said, word) == NULL || strstr(virtio_rig_said, "-s 3: ") == NULL)
		fail_msg("'%s' does not say '%s'", virtio_rig_said, word);
}

static void
test_refusals(void **state)
{
	static const char *const bad[] = { "", "0", "256", "4096/512", "8192", "512/", "/512",
		"512/4096x", "-512", "99999999999999999999" };

	(void)state;
	refused("", "No such file");
	assert_int_equal(mkdir(path, 0700), 0);
	refused("", "neither a file nor a block device");
	rmdir(path);
	make_file(0);
	refused("", "0 bytes");
	make_file(1000);
	refused("", "1000 bytes are not a whole number of sectors of 512");
	make_file(4096 + 512);
	refused("sectorsize=4096", "whole number of sectors of 4096");
	refused("sectorsize=1000", "powers of two");
	assert_null(blockif_check_sectorsize("512"));
	assert_null(blockif_check_sectorsize("512/4096"));
	assert_null(blockif_check_sectorsize("4096/65536"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(blockif_check_sectorsize(bad[i]));
}

/* Without root's rights a file without permission cannot be written, and ro is never assumed. */
static void
test_read_only_is_said(void **state)
{
	(void)state;
	make_file(4096);
	chmod(dir, 0755);
	chmod(path, 0444);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	refused("", "add ro");
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

static void
test_exclusive(void **state)
{
	struct blockif *b, *c;

	(void)state;
	make_file(4096);
	b = open_disk("");
	assert_non_null(b);
	refused("", "in use");
	refused("ro", "in use");
	blockif_close(b);
	b = open_disk("ro");
	assert_non_null(b);
	c = open_disk("ro");
	assert_non_null(c);
	refused("", "several may have it with ro");
	blockif_close(b);
	refused("", "in use");
	blockif_close(c);
	b = open_disk("");
	assert_non_null(b);
	blockif_close(b);
}

static void
test_flush(void **state)
{
	uint8_t buf[512] = { 1 };
	struct blockif *b;

	(void)state;
	make_file(4096);
	b = open_disk("");
	assert_int_equal(do_io(b, BLOCKIF_WRITE, 0, buf, 512), 0);
	assert_int_equal(flushes, 0);
	assert_int_equal(do_io(b, BLOCKIF_FLUSH, 0, NULL, 0), 0);
	assert_int_equal(flushes, 1);
	/* Closing flushes, too. */
	blockif_close(b);
	assert_int_equal(flushes, 2);
	b = open_disk("ro");
	blockif_close(b);
	assert_int_equal(flushes, 2);
}

/* After a flush that failed none succeeds: what was written before may be gone for good. */
static void
test_flush_fails(void **state)
{
	struct blockif *b;

	(void)state;
	make_file(4096);
	b = open_disk("");
	fail_flush = EIO;
	assert_int_equal(do_io(b, BLOCKIF_FLUSH, 0, NULL, 0), EIO);
	fail_flush = 0;
	assert_int_equal(do_io(b, BLOCKIF_FLUSH, 0, NULL, 0), EIO);
	blockif_close(b);
	assert_non_null(strstr(virtio_rig_said, "could not be flushed"));
}

static void
test_errors(void **state)
{
	uint8_t buf[1024] = { 0 };
	struct blockif *b;

	(void)state;
	make_file(4096);
	b = open_disk("");
	fail_write = ENOSPC;
	assert_int_equal(do_io(b, BLOCKIF_WRITE, 0, buf, 512), ENOSPC);
	fail_write = 0;
	assert_int_equal(do_io(b, BLOCKIF_WRITE, 0, buf, 512), 0);
	/* Somebody made it shorter: what is not there any more does not read as zeroes. */
	assert_int_equal(truncate(path, 512), 0);
	assert_int_equal(do_io(b, BLOCKIF_READ, 0, buf, 512), 0);
	assert_int_equal(do_io(b, BLOCKIF_READ, 0, buf, 1024), EIO);
	blockif_close(b);
}

static blkcnt_t
blocks(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_blocks;
}

static void
zero_one(const char *options, enum blockif_op op, bool freed)
{
	static uint8_t buf[4 * MIB], in[4 * MIB];
	static const uint8_t zero[2 * MIB + 512];
	struct blockif *b;
	blkcnt_t before;

	make_file(4 * MIB);
	b = open_disk(options);
	assert_non_null(b);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(do_io(b, BLOCKIF_WRITE, 0, buf, sizeof(buf)), 0);
	assert_int_equal(do_io(b, BLOCKIF_FLUSH, 0, NULL, 0), 0);
	before = blocks();
	assert_int_equal(do_io(b, op, MIB + 512, NULL, 2 * MIB + 512), 0);
	assert_int_equal(do_io(b, BLOCKIF_READ, 0, in, sizeof(in)), 0);
	assert_memory_equal(in, buf, MIB + 512);
	assert_memory_equal(in + MIB + 512, zero, sizeof(zero));
	assert_memory_equal(in + 3 * MIB + 1024, buf, MIB - 1024);
	if (freed)
		assert_true(blocks() < before);
	else
		assert_true(blocks() >= before);
	blockif_close(b);
}

static void
test_zero(void **state)
{
	struct blockif *b;
	bool holes;
	int fd;

	(void)state;
	make_file(MIB);
	fd = open(path, O_RDWR);
	holes = syscall(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, MIB) == 0;
	close(fd);
	if (!holes)
		print_message("no holes in %s: only the slow way is tested\n", dir);
	zero_one("", BLOCKIF_ZERO, holes);
	zero_one("nodelete", BLOCKIF_ZERO, false);
	zero_one("", BLOCKIF_ZERO_KEEP, false);
	fail_fallocate = EOPNOTSUPP; /* written, in pieces */
	zero_one("", BLOCKIF_ZERO, false);
	zero_one("", BLOCKIF_ZERO_KEEP, false);
	if (has_o_direct())
		zero_one("nocache", BLOCKIF_ZERO, false);
	flushes = 0;
	zero_one("direct", BLOCKIF_ZERO, false);
	assert_int_equal(flushes, 3); /* of zero_one's, of the zeroes, at the end */
	fail_fallocate = EIO;	      /* a failure is no reason for another way */
	make_file(4096);
	b = open_disk("");
	assert_int_equal(do_io(b, BLOCKIF_ZERO, 0, NULL, 512), EIO);
	blockif_close(b);
}

static void
test_discard(void **state)
{
	static uint8_t buf[MIB];
	struct blockif_info info;
	struct blockif *b;
	blkcnt_t before;

	(void)state;
	make_file(MIB);
	b = open_disk("");
	blockif_info(b, &info);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(do_io(b, BLOCKIF_WRITE, 0, buf, sizeof(buf)), 0);
	assert_int_equal(do_io(b, BLOCKIF_FLUSH, 0, NULL, 0), 0);
	before = blocks();
	if (info.can_discard) {
		assert_int_equal(do_io(b, BLOCKIF_DISCARD, 0, NULL, MIB), 0);
		assert_true(blocks() < before);
	}
	blockif_close(b);
	fail_fallocate = EOPNOTSUPP;
	b = open_disk("");
	blockif_info(b, &info);
	assert_false(info.can_discard);
	assert_int_equal(do_io(b, BLOCKIF_DISCARD, 0, NULL, MIB), EOPNOTSUPP);
	blockif_close(b);
	b = open_disk("nodelete");
	assert_int_equal(do_io(b, BLOCKIF_DISCARD, 0, NULL, MIB), 0);
	blockif_close(b);
}

/* Many at once; drain returns when all is done. */
static void
test_many(void **state)
{
	static struct waiter w[256];
	static uint8_t buf[256][512];
	static struct iovec iov[256];
	uint8_t in[512];
	struct blockif *b;

	(void)state;
	make_file(256 * 512);
	b = open_disk("");
	memset(w, 0, sizeof(w));
	for (unsigned int i = 0; i < 256; i++) {
		memset(buf[i], (int)i, 512);
		iov[i] = (struct iovec){ buf[i], 512 };
		w[i].req = (struct blockif_req){ BLOCKIF_WRITE, i * 512u, 512, &iov[i], 1,
			waiter_done, &w[i], NULL };
		blockif_submit(b, &w[i].req);
	}
	blockif_drain(b);
	for (unsigned int i = 0; i < 256; i++) {
		assert_true(w[i].done);
		assert_int_equal(w[i].error, 0);
		assert_int_equal(do_io(b, BLOCKIF_READ, i * 512u, in, 512), 0);
		assert_memory_equal(in, buf[i], 512);
	}
	blockif_close(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_now, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nocache, setup, teardown),
		cmocka_unit_test_setup_teardown(test_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exclusive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flush, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flush_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_discard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
