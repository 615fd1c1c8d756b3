/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Flash: two chips of 32 MiB with 16 data lines each, blocks of 128 KiB, and the Intel/Sharp
 * extended command set (0001h in JEP137), which the common flash interface, JESD68, lets guests
 * discover.  Names, values and the status register are those of Intel's StrataFlash data sheets
 * (P30 family, order number 306666).
 *
 * The chips are independent, as on a board: each sees its half of a word.  Erasing and programming
 * are done when the store is, but a guest learns that from the status register only, so what was
 * changed goes to the disk at the first load of it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "flash.h"

#define CHIPS	    2u
#define CHIP_BITS   25u /* 32 MiB */
#define BLOCK_SHIFT 16u /* words of 16 bits: 128 KiB */
#define BLOCK_WORDS (1u << BLOCK_SHIFT)
#define BLOCKS	    256u
#define BUFFER_BITS 9u /* the write buffer, bytes */
#define BUFFER_MAX  ((1u << BUFFER_BITS) / 2)
_Static_assert(CHIPS << CHIP_BITS == FLASH_BANK_SIZE, "two chips are a bank");
_Static_assert(BLOCKS *BLOCK_WORDS * 2 == 1u << CHIP_BITS, "the blocks are a chip");
_Static_assert(CHIPS *BLOCK_WORDS * 2 == FLASH_SECTOR_SIZE, "a block of each is a sector");

enum command {
	CMD_LOCK = 0x01,
	CMD_PROGRAM_ALT = 0x10,
	CMD_ERASE_SETUP = 0x20,
	CMD_LOCK_DOWN = 0x2f,
	CMD_PROGRAM = 0x40,
	CMD_CLEAR_STATUS = 0x50,
	CMD_LOCK_SETUP = 0x60,
	CMD_READ_STATUS = 0x70,
	CMD_READ_ID = 0x90,
	CMD_READ_QUERY = 0x98,
	CMD_CONFIRM = 0xd0, /* also: unlock, resume */
	CMD_BUFFERED_PROGRAM = 0xe8,
	CMD_READ_ARRAY = 0xff,
};

/* The status register. */
#define SR_READY       0x80u
#define SR_ERASE_ERR   0x20u
#define SR_PROGRAM_ERR 0x10u
#define SR_LOCKED      0x02u
#define SR_SEQUENCE    (SR_ERASE_ERR | SR_PROGRAM_ERR)

#define ID_MANUFACTURER 0x89u /* Intel, JEP106 */
#define ID_DEVICE	0x18u /* what QEMU's says; the query tells the size */

/* What loads give. */
enum chip_reads { READ_ARRAY, READ_STATUS, READ_ID, READ_QUERY };

/* What the next store is. */
enum chip_expects {
	EXPECT_COMMAND,
	EXPECT_WORD,
	EXPECT_ERASE_CONFIRM,
	EXPECT_LOCK_CODE,
	EXPECT_COUNT,
	EXPECT_BUFFER,
	EXPECT_BUFFER_CONFIRM,
};

struct chip {
	enum chip_reads reads;
	enum chip_expects expects;
	uint8_t status;
	uint32_t buf_first; /* word address of buf[0] */
	uint32_t buf_words; /* asked for */
	uint32_t buf_have;
	uint16_t buf[BUFFER_MAX];
	uint8_t locked[BLOCKS / 8];
};

struct flash {
	pthread_mutex_t lock;
	struct flash_image *img;
	struct flash_window w;
	struct chip chip[CHIPS];
	bool shown;
	uint64_t stale_from, stale_to; /* bytes of the window that differ from the image */
	uint16_t sector[CHIPS * BLOCK_WORDS];
};

/* JESD68, the query: addresses count words, each gives a byte on DQ7-0. */
static const uint8_t query[] = {
	[0x10] = 'Q',
	'R',
	'Y',
	[0x13] = 0x01,
	0x00, /* primary command set */
	[0x15] = 0x31,
	0x00, /* its table */
	[0x1b] = 0x17,
	0x20, /* Vcc 1.7 to 2.0 V */
	[0x1d] = 0x85,
	0x95, /* Vpp 8.5 to 9.5 V */
	[0x1f] = 0x08,
	0x09,
	0x0a,
	0x00, /* typical: word, buffer 2^n us, block, chip 2^n ms */
	[0x23] = 0x01,
	0x01,
	0x02,
	0x00, /* at most 2^n times that */
	[0x27] = CHIP_BITS,
	[0x28] = 0x01,
	0x00, /* x16, JEP137 */
	[0x2a] = BUFFER_BITS,
	0x00,
	[0x2c] = 1, /* erase block regions */
	[0x2d] = BLOCKS - 1,
	0x00,
	[0x2f] = (BLOCK_WORDS * 2 / 256) & 0xff,
	(BLOCK_WORDS * 2 / 256) >> 8,
	[0x31] = 'P',
	'R',
	'I',
	'1',
	'0',
	[0x36] = 0x00,
	0x00,
	0x00,
	0x00,	       /* none of the optional features */
	[0x3a] = 0x00, /* nothing to suspend: all is done at once */
	[0x3b] = 0x01,
	0x00, /* block status register: lock bit */
	[0x3d] = 0x18,
	0x90,	       /* best Vcc 1.8 V, Vpp 9.0 V */
	[0x3f] = 0x00, /* protection register fields */
};

/* ---- contents; word addresses of a chip ---- */

static uint64_t
byte_of(uint32_t word)
{
	return (uint64_t)word * CHIPS * 2;
}

static void
went_stale(struct flash *f, uint64_t from, uint64_t to)
{
	if (to > f->w.len)
		to = f->w.len;
	if (from >= to)
		return;
	if (f->stale_from == f->stale_to || from < f->stale_from)
		f->stale_from = from;
	if (to > f->stale_to)
		f->stale_to = to;
}

/* Programming only clears bits.  Bytes stand in memory as the guest, little-endian, has them. */
static int
program(struct flash *f, unsigned int chip, uint32_t word, const uint16_t *data, uint32_t n)
{
	size_t len = (size_t)n * CHIPS * 2;
	uint16_t *span = f->sector;

	flash_image_read(f->img, byte_of(word), span, len);
	for (uint32_t i = 0; i < n; i++)
		span[i * CHIPS + chip] &= data[i];
	went_stale(f, byte_of(word), byte_of(word) + len);
	return flash_image_write(f->img, byte_of(word), span, len);
}

static int
erase(struct flash *f, unsigned int chip, uint32_t word)
{
	uint32_t first = word & ~(BLOCK_WORDS - 1);

	if (byte_of(first) >= f->img->size)
		return 0;
	flash_image_read(f->img, byte_of(first), f->sector, FLASH_SECTOR_SIZE);
	for (uint32_t i = 0; i < BLOCK_WORDS; i++)
		f->sector[i * CHIPS + chip] = 0xffff;
	went_stale(f, byte_of(first), byte_of(first) + FLASH_SECTOR_SIZE);
	return flash_image_write(f->img, byte_of(first), f->sector, FLASH_SECTOR_SIZE);
}

static bool
is_locked(const struct flash *f, const struct chip *c, uint32_t word)
{
	uint32_t block = word >> BLOCK_SHIFT;

	return !f->img->writable || (c->locked[block / 8] >> block % 8 & 1) != 0;
}

/* ---- the window ---- */

/*
 * What was changed is copied while the window is shown, since only then is it here too.  A vCPU
 * that reads before this store is over may see the old contents, as on a board; but the pages that
 * it pulled in must be cleaned again, in case it reads past the caches: so the window is shown
 * anew.
 */
static bool
show_changes(struct flash *f)
{
	if (f->w.show(f->w.arg) != 0)
		return false;
	if (f->stale_from == f->stale_to)
		return true;
	flash_image_read(
	    f->img, f->stale_from, f->w.va + f->stale_from, (size_t)(f->stale_to - f->stale_from));
	f->stale_from = f->stale_to = 0;
	return f->w.hide(f->w.arg) != 0 || f->w.show(f->w.arg) == 0;
}

/* Where it cannot be shown or hidden, loads come here all the same, or give the array. */
static void
window_update(struct flash *f)
{
	bool want = f->chip[0].reads == READ_ARRAY && f->chip[1].reads == READ_ARRAY;

	if (f->w.len == 0 || want == f->shown)
		return;
	f->shown = want ? show_changes(f) : f->w.hide(f->w.arg) != 0;
}

/* ---- commands ---- */

static void
sync_image(struct flash *f, struct chip *c)
{
	if (flash_image_sync(f->img) != 0)
		c->status |= SR_PROGRAM_ERR;
}

static void
program_words(struct flash *f, unsigned int i, uint32_t word, const uint16_t *data, uint32_t n)
{
	struct chip *c = &f->chip[i];

	if (is_locked(f, c, word))
		c->status |= SR_PROGRAM_ERR | SR_LOCKED;
	else if (program(f, i, word, data, n) != 0)
		c->status |= SR_PROGRAM_ERR;
}

static void
erase_confirm(struct flash *f, unsigned int i, uint32_t word, uint8_t code)
{
	struct chip *c = &f->chip[i];

	if (code != CMD_CONFIRM)
		c->status |= SR_SEQUENCE;
	else if (is_locked(f, c, word))
		c->status |= SR_ERASE_ERR | SR_LOCKED;
	else if (erase(f, i, word) != 0)
		c->status |= SR_ERASE_ERR;
}

static void
lock_code(struct chip *c, uint32_t word, uint8_t code)
{
	uint32_t block = word >> BLOCK_SHIFT;
	uint8_t bit = (uint8_t)(1u << block % 8);

	if (code == CMD_LOCK || code == CMD_LOCK_DOWN)
		c->locked[block / 8] |= bit;
	else if (code == CMD_CONFIRM)
		c->locked[block / 8] &= (uint8_t)~bit;
	else
		c->status |= SR_SEQUENCE;
}

static void
buffer_count(struct chip *c, uint16_t count)
{
	c->buf_have = 0;
	c->buf_words = (uint32_t)count + 1;
	c->expects = EXPECT_BUFFER;
	if (c->buf_words > BUFFER_MAX) {
		c->status |= SR_SEQUENCE;
		c->expects = EXPECT_COMMAND;
	}
}

/* The first word says where; all must lie behind it, in one block. */
static void
buffer_word(struct chip *c, uint32_t word, uint16_t data)
{
	if (c->buf_have == 0) {
		c->buf_first = word;
		memset(c->buf, 0xff, sizeof(c->buf));
	}
	c->buf_have++;
	if (c->buf_have == c->buf_words)
		c->expects = EXPECT_BUFFER_CONFIRM;
	if (word - c->buf_first < c->buf_words &&
	    word >> BLOCK_SHIFT == c->buf_first >> BLOCK_SHIFT) {
		c->buf[word - c->buf_first] = data;
		return;
	}
	c->status |= SR_SEQUENCE;
	c->expects = EXPECT_COMMAND;
}

static void
buffer_confirm(struct flash *f, unsigned int i, uint8_t code)
{
	struct chip *c = &f->chip[i];
	uint32_t room = BLOCK_WORDS - c->buf_first % BLOCK_WORDS;

	if (code == CMD_CONFIRM)
		program_words(
		    f, i, c->buf_first, c->buf, c->buf_words < room ? c->buf_words : room);
	else
		c->status |= SR_SEQUENCE;
}

static void
setup(struct chip *c, enum chip_expects expects)
{
	c->reads = READ_STATUS;
	c->expects = expects;
}

static void
command(struct chip *c, uint8_t code)
{
	switch (code) {
	case CMD_READ_ARRAY:
		c->reads = READ_ARRAY;
		break;
	case CMD_READ_STATUS:
		c->reads = READ_STATUS;
		break;
	case CMD_READ_ID:
		c->reads = READ_ID;
		break;
	case CMD_READ_QUERY:
		c->reads = READ_QUERY;
		break;
	case CMD_CLEAR_STATUS:
		c->status = SR_READY;
		break;
	case CMD_PROGRAM:
	case CMD_PROGRAM_ALT:
		setup(c, EXPECT_WORD);
		break;
	case CMD_ERASE_SETUP:
		setup(c, EXPECT_ERASE_CONFIRM);
		break;
	case CMD_LOCK_SETUP:
		setup(c, EXPECT_LOCK_CODE);
		break;
	case CMD_BUFFERED_PROGRAM:
		setup(c, EXPECT_COUNT);
		break;
	default: /* reserved; nothing is ever under way that could be suspended or resumed */
		break;
	}
}

/* A store as one chip sees it: data is what is on its lines, commands are on the lower eight. */
static void
chip_store(struct flash *f, unsigned int i, uint32_t word, uint16_t data)
{
	struct chip *c = &f->chip[i];
	enum chip_expects expects = c->expects;

	/* These stay until they have what they want; all others take one store. */
	if (expects != EXPECT_BUFFER)
		c->expects = EXPECT_COMMAND;
	switch (expects) {
	case EXPECT_COMMAND:
		command(c, (uint8_t)data);
		break;
	case EXPECT_WORD:
		program_words(f, i, word, &data, 1);
		break;
	case EXPECT_ERASE_CONFIRM:
		erase_confirm(f, i, word, (uint8_t)data);
		break;
	case EXPECT_LOCK_CODE:
		lock_code(c, word, (uint8_t)data);
		break;
	case EXPECT_COUNT:
		buffer_count(c, data);
		break;
	case EXPECT_BUFFER:
		buffer_word(c, word, data);
		break;
	case EXPECT_BUFFER_CONFIRM:
		buffer_confirm(f, i, (uint8_t)data);
		break;
	}
}

/* ---- loads ---- */

static uint16_t
chip_load(struct flash *f, unsigned int i, uint32_t word)
{
	struct chip *c = &f->chip[i];
	uint32_t at = word & 0xff;
	uint16_t data = 0;

	switch (c->reads) {
	case READ_ARRAY:
		flash_image_read(f->img, byte_of(word) + 2 * i, &data, sizeof(data));
		return data;
	case READ_STATUS:
		sync_image(f, c);
		return c->status;
	case READ_ID:
		if (at == 0)
			return ID_MANUFACTURER;
		if (at == 1)
			return ID_DEVICE;
		return at == 2 && is_locked(f, c, word) ? 1 : 0;
	case READ_QUERY:
		return at < sizeof(query) ? query[at] : 0;
	}
	return 0;
}

/* ---- the bus ---- */

static enum mmio_result
flash_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	struct flash *f = sc;
	uint32_t word = (uint32_t)(offset / 4), value = 0;

	pthread_mutex_lock(&f->lock);
	for (unsigned int i = 0; i < CHIPS; i++) {
		/* Only the chips that the access is for. */
		if (size == 4 || offset / 2 % 2 == i)
			value |= (uint32_t)chip_load(f, i, word) << 16 * i;
	}
	pthread_mutex_unlock(&f->lock);
	value >>= 8 * (offset % 4);
	*data = size == 4 ? value : value & ((1u << 8 * size) - 1);
	return MMIO_OK;
}

/*
 * The chips share their enable lines, so that a store of less than a word, which would leave the
 * lines of one to chance, reaches neither.  U-Boot, which tries narrow buses first, thereby finds
 * the whole bank, where it would find one chip and destroy what is in the other.
 */
static enum mmio_result
flash_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	struct flash *f = sc;
	uint32_t word = (uint32_t)(offset / 4);

	if (size != 4)
		return MMIO_OK;
	pthread_mutex_lock(&f->lock);
	chip_store(f, 0, word, (uint16_t)data);
	chip_store(f, 1, word, (uint16_t)(data >> 16));
	/* A guest may also look at the array for what it has programmed. */
	if (f->chip[0].reads == READ_ARRAY && f->chip[1].reads == READ_ARRAY)
		sync_image(f, &f->chip[0]);
	window_update(f);
	pthread_mutex_unlock(&f->lock);
	return MMIO_OK;
}

struct flash *
flash_create(struct flash_image *img, const struct flash_window *w)
{
	struct flash *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	pthread_mutex_init(&f->lock, NULL);
	f->img = img;
	f->w = *w;
	f->shown = true;
	for (unsigned int i = 0; i < CHIPS; i++)
		f->chip[i].status = SR_READY;
	return f;
}

void
flash_destroy(struct flash *f)
{
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void
flash_mmio(struct flash *f, uint64_t base, struct mmio_device *dev)
{
	*dev = (struct mmio_device){
		.name = "flash",
		.base = base,
		.size = FLASH_BANK_SIZE,
		.sizes = 1 | 2 | 4,
		.sc = f,
		.read = flash_read,
		.write = flash_write,
	};
}
