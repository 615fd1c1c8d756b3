/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * fw_cfg.  The selector chooses an item and goes to its start; the data register gives its bytes,
 * one after the other, zeros behind the end.  A store of the low half of the DMA register has the
 * device take a descriptor from guest memory, which may name any address: all are checked.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwcfg.h"

#define REG_DATA      0u  /* 8 bytes */
#define REG_SELECTOR  8u  /* 2 bytes, big-endian, write-only */
#define REG_DMA	      16u /* 8 bytes, big-endian */
#define REG_DMA_LOW   20u
#define FWCFG_SIZE    24u
#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG", read from the DMA register */

#define ID_TRADITIONAL 1u
#define ID_DMA	       2u

/* A descriptor's control word; it reads 0 when all is done, or ERROR. */
#define DMA_ERROR     0x01u
#define DMA_READ      0x02u
#define DMA_SKIP      0x04u
#define DMA_SELECT    0x08u /* bits 31:16 are the key */
#define DMA_WRITE     0x10u
#define DMA_KEY_SHIFT 16

#define KEY_MASK 0xbfffu /* bit 14 asks for writing, which no item allows */

struct item {
	uint16_t key;
	uint32_t size;
	uint8_t *data; /* or NULL: */
	int fd;
};

/* All big-endian. */
struct dir_entry {
	uint32_t size;
	uint16_t select;
	uint16_t reserved;
	char name[FWCFG_MAX_NAME + 1];
};
struct directory {
	uint32_t count;
	struct dir_entry file[FWCFG_MAX_ITEMS];
};
struct dma_descriptor {
	uint32_t control;
	uint32_t length;
	uint64_t address;
};
_Static_assert(sizeof(struct dir_entry) == 64, "as the guest reads it");
_Static_assert(sizeof(struct dma_descriptor) == 16, "as the guest writes it");

struct fwcfg {
	pthread_mutex_t lock;
	struct guest_mem mem;
	struct item item[FWCFG_MAX_ITEMS]; /* immutable while the VM runs */
	unsigned int nitems;
	struct directory dir; /* so is this */
	unsigned int nfiles;
	const struct item *current; /* [lock] NULL: the key names none */
	uint32_t offset;	    /* [lock] in it */
	uint32_t dma_high;	    /* [lock] bits 63:32 of the descriptor's address */
};

/* ---- items ---- */

static const struct item *
find(const struct fwcfg *fw, uint16_t key)
{
	for (unsigned int i = 0; i < fw->nitems; i++) {
		if (fw->item[i].key == key)
			return &fw->item[i];
	}
	return NULL;
}

static struct item *
add(struct fwcfg *fw, uint16_t key, uint32_t size)
{
	struct item *it;

	if (find(fw, key) != NULL) {
		errno = EEXIST;
		return NULL;
	}
	if (fw->nitems == FWCFG_MAX_ITEMS) {
		errno = ENOSPC;
		return NULL;
	}
	it = &fw->item[fw->nitems++];
	*it = (struct item){ .key = key, .size = size, .fd = -1 };
	return it;
}

int
fwcfg_add(struct fwcfg *fw, uint16_t key, const void *data, uint32_t len)
{
	uint8_t *copy = malloc(len != 0 ? len : 1);
	struct item *it;

	if (copy == NULL)
		return -1;
	memcpy(copy, data, len);
	it = add(fw, key, len);
	if (it == NULL) {
		free(copy);
		return -1;
	}
	it->data = copy;
	return 0;
}

int
fwcfg_add_number(struct fwcfg *fw, uint16_t key, uint64_t value, uint32_t bytes)
{
	uint64_t le = htole64(value);

	return fwcfg_add(fw, key, &le, bytes);
}

int
fwcfg_add_fd(struct fwcfg *fw, uint16_t key, int fd, uint32_t size)
{
	struct item *it = add(fw, key, size);

	if (it == NULL)
		return -1;
	it->fd = fd;
	return 0;
}

int
fwcfg_add_file(struct fwcfg *fw, const char *name, int fd, uint32_t size)
{
	uint16_t key = (uint16_t)(FWCFG_FIRST_FILE + fw->nfiles);
	struct dir_entry *e = &fw->dir.file[fw->nfiles];

	if (strlen(name) > FWCFG_MAX_NAME) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (unsigned int i = 0; i < fw->nfiles; i++) {
		if (strcmp(fw->dir.file[i].name, name) == 0) {
			errno = EEXIST;
			return -1;
		}
	}
	if (fwcfg_add_fd(fw, key, fd, size) != 0)
		return -1;
	e->size = htobe32(size);
	e->select = htobe16(key);
	strcpy(e->name, name);
	fw->dir.count = htobe32(++fw->nfiles);
	return 0;
}

/* A file that was cut meanwhile gives zeros. */
static void
read_fd(int fd, uint32_t offset, uint8_t *dst, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = pread(fd, dst, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		dst += n;
		offset += (uint32_t)n;
		len -= (size_t)n;
	}
	memset(dst, 0, len);
}

/* The next len bytes of the current item; dst NULL: leave them out. */
static void
item_read(struct fwcfg *fw, uint8_t *dst, uint32_t len)
{
	const struct item *it = fw->current;
	uint32_t left = it != NULL && fw->offset < it->size ? it->size - fw->offset : 0;
	uint32_t n = len < left ? len : left;

	if (dst != NULL && n > 0) {
		if (it->data != NULL)
			memcpy(dst, it->data + fw->offset, n);
		else
			read_fd(it->fd, fw->offset, dst, n);
	}
	if (dst != NULL)
		memset(dst + n, 0, len - n);
	fw->offset += n;
}

static void
select_item(struct fwcfg *fw, uint16_t key)
{
	fw->current = find(fw, key & KEY_MASK);
	fw->offset = 0;
}

/* ---- DMA ---- */

/* What the descriptor asks for; false: it cannot be done. */
static bool
dma_transfer(struct fwcfg *fw, const struct dma_descriptor *d)
{
	uint32_t control = be32toh(d->control), len = be32toh(d->length);
	uint8_t *dst;

	if ((control & DMA_SELECT) != 0)
		select_item(fw, (uint16_t)(control >> DMA_KEY_SHIFT));
	if ((control & DMA_READ) != 0) {
		dst = guest_mem_at(&fw->mem, be64toh(d->address), len);
		if (dst == NULL)
			return false;
		item_read(fw, dst, len);
	} else if ((control & DMA_WRITE) != 0) {
		return false;
	} else if ((control & DMA_SKIP) != 0) {
		item_read(fw, NULL, len);
	}
	return true;
}

/* A descriptor that is not in RAM cannot even be answered. */
static void
dma_run(struct fwcfg *fw, uint64_t gpa)
{
	struct dma_descriptor d;
	uint8_t *at = guest_mem_at(&fw->mem, gpa, sizeof(d));
	uint32_t result;

	if (at == NULL)
		return;
	memcpy(&d, at, sizeof(d));
	result = htobe32(dma_transfer(fw, &d) ? 0 : DMA_ERROR);
	/* The guest may poll this from another vCPU: after the data. */
	atomic_thread_fence(memory_order_release);
	memcpy(at, &result, sizeof(result));
}

/* ---- registers ---- */

/* Bytes first..first + size - 1 of a big-endian register, as a little-endian load sees them. */
static uint64_t
be_bytes(uint64_t reg, uint64_t first, uint32_t size)
{
	uint64_t be = htobe64(reg), val = 0;

	memcpy(&val, (uint8_t *)&be + first, size);
	return val;
}

static enum mmio_result
fwcfg_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	struct fwcfg *fw = sc;
	uint64_t le = 0;

	if (offset < REG_SELECTOR) {
		pthread_mutex_lock(&fw->lock);
		item_read(fw, (uint8_t *)&le, size);
		pthread_mutex_unlock(&fw->lock);
		*data = le64toh(le);
	} else if (offset >= REG_DMA) {
		*data = be_bytes(DMA_SIGNATURE, offset - REG_DMA, size);
	} else {
		*data = 0;
	}
	return MMIO_OK;
}

static enum mmio_result
fwcfg_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	struct fwcfg *fw = sc;

	pthread_mutex_lock(&fw->lock);
	if (offset == REG_SELECTOR && size == 2) {
		select_item(fw, be16toh((uint16_t)data));
	} else if (offset == REG_DMA && size == 8) {
		dma_run(fw, be64toh(data));
	} else if (offset == REG_DMA && size == 4) {
		fw->dma_high = be32toh((uint32_t)data);
	} else if (offset == REG_DMA_LOW && size == 4) {
		dma_run(fw, (uint64_t)fw->dma_high << 32 | be32toh((uint32_t)data));
		fw->dma_high = 0;
	}
	pthread_mutex_unlock(&fw->lock);
	return MMIO_OK;
}

/* ---- life ---- */

struct fwcfg *
fwcfg_create(const struct guest_mem *mem)
{
	struct fwcfg *fw = calloc(1, sizeof(*fw));
	struct item *dir;

	if (fw == NULL)
		return NULL;
	pthread_mutex_init(&fw->lock, NULL);
	fw->mem = *mem;
	dir = add(fw, FWCFG_DIRECTORY, sizeof(fw->dir));
	dir->data = (uint8_t *)&fw->dir;
	if (fwcfg_add(fw, FWCFG_SIGNATURE, "QEMU", 4) != 0 ||
	    fwcfg_add_number(fw, FWCFG_ID, ID_TRADITIONAL | ID_DMA, 4) != 0) {
		fwcfg_destroy(fw);
		return NULL;
	}
	/* What a guest reads before it has selected anything. */
	select_item(fw, FWCFG_SIGNATURE);
	return fw;
}

void
fwcfg_destroy(struct fwcfg *fw)
{
	for (unsigned int i = 0; i < fw->nitems; i++) {
		if (fw->item[i].data != (uint8_t *)&fw->dir)
			free(fw->item[i].data);
		if (fw->item[i].fd >= 0)
			close(fw->item[i].fd);
	}
	pthread_mutex_destroy(&fw->lock);
	free(fw);
}

void
fwcfg_mmio(struct fwcfg *fw, uint64_t base, struct mmio_device *dev)
{
	*dev = (struct mmio_device){
		.name = "fw_cfg",
		.base = base,
		.size = FWCFG_SIZE,
		.sizes = 1 | 2 | 4 | 8,
		.sc = fw,
		.read = fwcfg_read,
		.write = fwcfg_write,
	};
}
