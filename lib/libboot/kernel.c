/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Kernels: Linux's zImage and Image, ELF files, among them FreeBSD's for 32-bit ARM, and raw
 * images.  First a plan is made from headers alone, then the parts are read into guest memory.
 * Formats of other architectures are recognised so that the refusal can say what the file is.
 */
#include <elf.h>
#include <string.h>

#include "boot.h"

/* Linux, Documentation/arch/arm/booting.rst, and the header as its decompressor lays it out. */
#define ZIMAGE_MAGIC_OFF     0x24u
#define ZIMAGE_MAGIC	     0x016f2818u
#define ZIMAGE_START_OFF     0x28u
#define ZIMAGE_END_OFF	     0x2cu
#define ZIMAGE_MAGIC2_OFF    0x34u
#define ZIMAGE_MAGIC2	     0x45454545u
#define ZIMAGE_TABLE_OFF     0x38u
#define ZIMAGE_HEADER	     0x30u
#define ZIMAGE_TAG_KRNL_SIZE 0x5a534c4bu
#define ZIMAGE_TAGS_MAX	     16

#define KERNEL_TEXT_OFFSET 0x8000u /* the unpacked kernel, from the start of its 128 MiB */
#define ZIMAGE_PREFERRED   (32u << 20)
#define ZIMAGE_SLACK	   (1u << 20) /* the decompressor's stack and heap, and page tables below */

/* Linux, Documentation/arm64/booting.rst */
#define ARM64_TEXT_OFF	 0x08u
#define ARM64_SIZE_OFF	 0x10u
#define ARM64_FLAGS_OFF	 0x18u
#define ARM64_FLAG_BE	 1u
#define ARM64_OLD_TEXT	 0x80000u /* where image_size is 0 */
#define ARM64_HEADER	 0x40u
#define ARM64_BASE_ALIGN (2u << 20)
#define ARM64_MAGIC_OFF	 0x38u
#define ARM64_MAGIC	 0x644d5241u /* "ARM\x64" */
#define RISCV_MAGIC2	 0x05435352u /* "RSC\x05" at the same place */
#define X86_MAGIC_OFF	 0x202u
#define X86_MAGIC	 0x53726448u /* "HdrS" */
#define UIMAGE_MAGIC	 0x56190527u /* 0x27051956, stored big-endian */
#define FDT_MAGIC_BE	 0xedfe0dd0u

/* FreeBSD's loader puts a kernel to a multiple of 2 MiB; the kernel's half is the upper one. */
#define FREEBSD_BLOCK	      (2u << 20)
#define FREEBSD_KERNEL_LOWEST 0x80000000u

#define HEAD_BYTES 0x210u

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

static uint64_t
le64(const uint8_t *p)
{
	return (uint64_t)le32(p + 4) << 32 | le32(p);
}

static int
does_not_fit(const struct boot_file *f, uint64_t gpa, uint64_t len, uint64_t ram_gpa,
    uint64_t ram_size, struct boot_error *e)
{
	return boot_fail(e, "%s: 0x%llx bytes at 0x%llx are not in guest memory (0x%llx to 0x%llx)",
	    f->name, (unsigned long long)len, (unsigned long long)gpa, (unsigned long long)ram_gpa,
	    (unsigned long long)(ram_gpa + ram_size - 1));
}

static bool
in_ram(uint64_t gpa, uint64_t len, uint64_t ram_gpa, uint64_t ram_size)
{
	uint64_t off = gpa - ram_gpa;

	return gpa >= ram_gpa && off <= ram_size && len <= ram_size - off;
}

/* ---- zImage ---- */

/*
 * The unpacked kernel with its bss, from the tag that newer kernels carry; else the usual bound on
 * what a compressor gains.  Wrong numbers can only cost room: they are used for placing things.
 */
static uint64_t
zimage_unpacked_size(const struct boot_file *f, const uint8_t *head)
{
	uint64_t guess = f->size * 5, table, size_ptr;
	uint8_t tag[16], edata[4];
	struct boot_error ignored;

	if (le32(head + ZIMAGE_MAGIC2_OFF) != ZIMAGE_MAGIC2)
		return guess;
	table = le32(head + ZIMAGE_TABLE_OFF);
	for (int i = 0; i < ZIMAGE_TAGS_MAX; i++) {
		if (boot_file_read(f, table, tag, sizeof(tag), &ignored) != 0)
			return guess;
		if (le32(tag) < 2 || le32(tag) > 0x1000)
			return guess;
		if (le32(tag + 4) == ZIMAGE_TAG_KRNL_SIZE) {
			size_ptr = le32(tag + 8);
			if (boot_file_read(f, size_ptr, edata, sizeof(edata), &ignored) != 0)
				return guess;
			return (uint64_t)le32(edata) + le32(tag + 12);
		}
		table += (uint64_t)le32(tag) * 4;
	}
	return guess;
}

/*
 * The zImage unpacks the kernel to the start of the 128 MiB that it was loaded in.  It is put
 * behind where the kernel will end, so that it need not move itself first; where memory is too
 * small for that it stands at the start and moves.
 */
static int
zimage_plan(const struct boot_file *f, const uint8_t *head, uint64_t ram_gpa, uint64_t ram_size,
    struct boot_kernel *k, struct boot_error *e)
{
	uint64_t start = le32(head + ZIMAGE_START_OFF), end = le32(head + ZIMAGE_END_OFF);
	uint64_t kernel_end, off;

	if (end <= start || end - start < ZIMAGE_HEADER)
		return boot_fail(e, "%s: a zImage with a broken header (start 0x%llx, end 0x%llx)",
		    f->name, (unsigned long long)start, (unsigned long long)end);
	if (end - start > f->size)
		return boot_fail(e,
		    "%s: truncated: the zImage's header says %llu bytes, the file has %llu",
		    f->name, (unsigned long long)(end - start), (unsigned long long)f->size);
	kernel_end = KERNEL_TEXT_OFFSET + zimage_unpacked_size(f, head) + ZIMAGE_SLACK;
	off = kernel_end > ZIMAGE_PREFERRED ? kernel_end : ZIMAGE_PREFERRED;
	off = (off + 0xffff) & ~0xffffull;
	if (off + f->size + ZIMAGE_SLACK > (128u << 20) ||
	    off + f->size + ZIMAGE_SLACK > ram_size / 2) {
		off = KERNEL_TEXT_OFFSET;
		k->reserved_end = ram_gpa + kernel_end + f->size + ZIMAGE_SLACK;
	} else {
		k->reserved_end = ram_gpa + off + f->size + ZIMAGE_SLACK;
	}
	if (k->reserved_end - ram_gpa > ram_size)
		return boot_fail(e,
		    "%s: needs %llu MiB of guest memory to unpack itself, the VM has %llu: see -m",
		    f->name, (unsigned long long)((k->reserved_end - ram_gpa + 0xfffff) >> 20),
		    (unsigned long long)(ram_size >> 20));
	k->format = BOOT_ZIMAGE;
	k->nsegs = 1;
	k->seg[0] = (struct boot_segment){ ram_gpa + off, 0, f->size, f->size };
	k->entry = ram_gpa + off;
	return 0;
}

/* ---- arm64's Image ---- */

/*
 * At text_offset from a 2 MiB aligned base, which is the RAM's start; image_size bytes from there
 * are the kernel's, its bss among them.
 */
static int
image_plan(const struct boot_file *f, const uint8_t *head, uint64_t ram_gpa, uint64_t ram_size,
    struct boot_kernel *k, struct boot_error *e)
{
	uint64_t size = le64(head + ARM64_SIZE_OFF), text = le64(head + ARM64_TEXT_OFF);

	if ((le64(head + ARM64_FLAGS_OFF) & ARM64_FLAG_BE) != 0)
		return boot_fail(
		    e, "%s: a big-endian arm64 kernel: guests here are little-endian", f->name);
	if (size == 0) {
		text = ARM64_OLD_TEXT;
		size = f->size * 2;
	}
	if (text % 4 != 0 || text >= ARM64_BASE_ALIGN || size >> 32 != 0)
		return boot_fail(e,
		    "%s: an arm64 kernel with a broken header (text offset 0x%llx, size 0x%llx)",
		    f->name, (unsigned long long)text, (unsigned long long)size);
	if (size < f->size)
		size = f->size;
	if (text + size > ram_size)
		return boot_fail(e, "%s: needs %llu MiB of guest memory, the VM has %llu: see -m",
		    f->name, (unsigned long long)((text + size + 0xfffff) >> 20),
		    (unsigned long long)(ram_size >> 20));
	k->format = BOOT_IMAGE;
	k->is64 = true;
	k->nsegs = 1;
	k->seg[0] = (struct boot_segment){ ram_gpa + text, 0, f->size, f->size };
	k->entry = ram_gpa + text;
	k->reserved_end = ram_gpa + text + size;
	return 0;
}

/* ---- ELF: headers of 32 bits are made into those of 64 ---- */

static const char *
elf_machine_name(unsigned int machine)
{
	static const struct {
		unsigned int machine;
		const char *name;
	} names[] = {
		{ EM_AARCH64, "arm64" },
		{ EM_X86_64, "x86-64" },
		{ EM_386, "x86" },
		{ EM_RISCV, "RISC-V" },
		{ EM_MIPS, "MIPS" },
		{ EM_PPC, "PowerPC" },
		{ EM_PPC64, "PowerPC" },
		{ EM_S390, "S/390" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].machine == machine)
			return names[i].name;
	}
	return "another architecture";
}

static int
elf_check(
    const struct boot_file *f, const uint8_t *head, const Elf64_Ehdr *eh, struct boot_error *e)
{
	bool is64 = head[EI_CLASS] == ELFCLASS64;

	if (head[EI_DATA] != ELFDATA2LSB)
		return boot_fail(
		    e, "%s: a big-endian ELF file: guests here are little-endian", f->name);
	if (eh->e_machine != EM_ARM && eh->e_machine != EM_AARCH64)
		return boot_fail(e, "%s: an ELF file for %s: guests here are 32-bit ARM or arm64",
		    f->name, elf_machine_name(eh->e_machine));
	if (head[EI_CLASS] != ELFCLASS32 && eh->e_machine == EM_ARM)
		return boot_fail(e, "%s: not a 32-bit ELF file", f->name);
	if (!is64 && eh->e_machine == EM_AARCH64)
		return boot_fail(e, "%s: an ELF file for arm64, but of 32 bits", f->name);
	if (eh->e_type != ET_EXEC)
		return boot_fail(e,
		    "%s: an ELF file that is not an executable (type %u): link it "
		    "to fixed addresses",
		    f->name, eh->e_type);
	if (eh->e_phnum == 0 || eh->e_phnum > 64 ||
	    eh->e_phentsize != (is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return boot_fail(e, "%s: broken ELF program headers (%u of %u bytes)", f->name,
		    eh->e_phnum, eh->e_phentsize);
	return 0;
}

static int
elf_segment(const struct boot_file *f, const Elf64_Phdr *ph, uint64_t gpa, uint64_t ram_gpa,
    uint64_t ram_size, struct boot_kernel *k, struct boot_error *e)
{
	struct boot_segment s = { gpa, ph->p_offset, ph->p_filesz, ph->p_memsz };

	if (ph->p_filesz > ph->p_memsz)
		return boot_fail(
		    e, "%s: broken ELF segment: larger in the file than in memory", f->name);
	if (s.file_off > f->size || s.file_len > f->size - s.file_off)
		return boot_fail(e,
		    "%s: truncated: an ELF segment ends at byte %llu, the file has "
		    "%llu",
		    f->name, (unsigned long long)(s.file_off + s.file_len),
		    (unsigned long long)f->size);
	if (!in_ram(s.gpa, s.mem_len, ram_gpa, ram_size))
		return does_not_fit(f, s.gpa, s.mem_len, ram_gpa, ram_size, e);
	for (unsigned int i = 0; i < k->nsegs; i++) {
		if (s.gpa < k->seg[i].gpa + k->seg[i].mem_len && k->seg[i].gpa < s.gpa + s.mem_len)
			return boot_fail(e, "%s: two ELF segments overlap at 0x%llx", f->name,
			    (unsigned long long)s.gpa);
	}
	if (k->nsegs == BOOT_MAX_SEGMENTS)
		return boot_fail(e, "%s: more than %d ELF segments", f->name, BOOT_MAX_SEGMENTS);
	k->seg[k->nsegs++] = s;
	return 0;
}

/* A section's bytes are in the file. */
static int
elf_table(
    const struct boot_file *f, const Elf32_Shdr *sh, struct boot_table *t, struct boot_error *e)
{
	if (sh->sh_offset > f->size || sh->sh_size > f->size - sh->sh_offset)
		return boot_fail(e,
		    "%s: truncated: an ELF section ends at byte %llu, the file has %llu", f->name,
		    (unsigned long long)sh->sh_offset + sh->sh_size, (unsigned long long)f->size);
	*t = (struct boot_table){ sh->sh_offset, sh->sh_size };
	return 0;
}

static int
elf_section(const struct boot_file *f, const Elf64_Ehdr *eh, uint64_t i, Elf32_Shdr *sh,
    struct boot_error *e)
{
	if (i >= eh->e_shnum)
		return boot_fail(
		    e, "%s: its ELF section headers name one that is not there", f->name);
	return boot_file_read(f, eh->e_shoff + i * sizeof(*sh), sh, sizeof(*sh), e);
}

/* The symbols of functions that are not exported, for backtraces; a stripped kernel has none. */
static int
elf_symbols(
    const struct boot_file *f, const Elf64_Ehdr *eh, struct boot_kernel *k, struct boot_error *e)
{
	Elf32_Shdr sh, names;

	if (eh->e_shoff == 0 || eh->e_shnum == 0)
		return 0;
	if (eh->e_shentsize != sizeof(sh))
		return boot_fail(
		    e, "%s: broken ELF section headers (of %u bytes)", f->name, eh->e_shentsize);
	for (uint64_t i = 0; i < eh->e_shnum; i++) {
		if (elf_section(f, eh, i, &sh, e) != 0)
			return -1;
		if (sh.sh_type != SHT_SYMTAB)
			continue;
		if (sh.sh_size % sizeof(Elf32_Sym) != 0)
			return boot_fail(
			    e, "%s: a broken ELF symbol table (%u bytes)", f->name, sh.sh_size);
		if (elf_section(f, eh, sh.sh_link, &names, e) != 0 ||
		    elf_table(f, &sh, &k->symtab, e) != 0)
			return -1;
		return elf_table(f, &names, &k->strtab, e);
	}
	return 0;
}

static int
elf_program_header(const struct boot_file *f, const Elf64_Ehdr *eh, uint64_t i, Elf64_Phdr *ph,
    struct boot_error *e)
{
	uint64_t at = eh->e_phoff + i * eh->e_phentsize;
	Elf32_Phdr p;

	if (eh->e_ident[EI_CLASS] == ELFCLASS64)
		return boot_file_read(f, at, ph, sizeof(*ph), e);
	if (boot_file_read(f, at, &p, sizeof(p), e) != 0)
		return -1;
	*ph = (Elf64_Phdr){
		.p_type = p.p_type,
		.p_offset = p.p_offset,
		.p_vaddr = p.p_vaddr,
		.p_paddr = p.p_paddr,
		.p_filesz = p.p_filesz,
		.p_memsz = p.p_memsz,
	};
	return 0;
}

/*
 * FreeBSD's kernel is linked for its virtual addresses, whatever its program headers call physical:
 * it finds out where it is from its pc, to the 1 MiB.
 */
static int
elf_is_freebsd(const struct boot_file *f, const Elf64_Ehdr *eh, uint64_t ram_gpa,
    struct boot_kernel *k, struct boot_error *e)
{
	uint32_t lowest = UINT32_MAX;
	Elf64_Phdr ph;

	for (uint64_t i = 0; i < eh->e_phnum; i++) {
		if (elf_program_header(f, eh, i, &ph, e) != 0)
			return -1;
		if (ph.p_type == PT_LOAD && ph.p_memsz != 0 && ph.p_vaddr < lowest)
			lowest = (uint32_t)ph.p_vaddr;
	}
	if (lowest < FREEBSD_KERNEL_LOWEST)
		return boot_fail(
		    e, "%s: a FreeBSD program for 0x%x, not its kernel", f->name, lowest);
	k->format = BOOT_FREEBSD;
	k->block = ram_gpa + FREEBSD_BLOCK;
	k->kva_offset = (lowest & ~(FREEBSD_BLOCK - 1)) - (uint32_t)k->block;
	return elf_symbols(f, eh, k, e);
}

/* Where a segment goes. */
static uint64_t
elf_address(const struct boot_kernel *k, const Elf64_Phdr *ph)
{
	if (k->format != BOOT_FREEBSD)
		return ph->p_paddr;
	/* From the block's start, so that an address near 4 GiB does not come round. */
	return k->block + ((uint32_t)ph->p_vaddr - ((uint32_t)k->block + k->kva_offset));
}

static int
elf_segments(const struct boot_file *f, const Elf64_Ehdr *eh, uint64_t ram_gpa, uint64_t ram_size,
    struct boot_kernel *k, struct boot_error *e)
{
	bool found = false;
	Elf64_Phdr ph;

	for (uint64_t i = 0; i < eh->e_phnum; i++) {
		if (elf_program_header(f, eh, i, &ph, e) != 0)
			return -1;
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		if (elf_segment(f, &ph, elf_address(k, &ph), ram_gpa, ram_size, k, e) != 0)
			return -1;
		/* The entry is a virtual address, and the MMU is off. */
		if (!found && eh->e_entry >= ph.p_vaddr && eh->e_entry - ph.p_vaddr < ph.p_memsz) {
			k->entry = elf_address(k, &ph) + (eh->e_entry - ph.p_vaddr);
			found = true;
		}
	}
	if (k->nsegs == 0)
		return boot_fail(e, "%s: an ELF file with nothing to load", f->name);
	if (!found)
		return boot_fail(e, "%s: the ELF entry point 0x%llx is in no segment", f->name,
		    (unsigned long long)eh->e_entry);
	return 0;
}

/* False: the file ends within its header. */
static bool
elf_header(const uint8_t *head, uint64_t len, Elf64_Ehdr *eh)
{
	Elf32_Ehdr h;

	if (head[EI_CLASS] == ELFCLASS64) {
		memcpy(eh, head, sizeof(*eh));
		return len >= sizeof(*eh);
	}
	memcpy(&h, head, sizeof(h));
	*eh = (Elf64_Ehdr){
		.e_type = h.e_type,
		.e_machine = h.e_machine,
		.e_entry = h.e_entry,
		.e_phoff = h.e_phoff,
		.e_shoff = h.e_shoff,
		.e_phentsize = h.e_phentsize,
		.e_phnum = h.e_phnum,
		.e_shentsize = h.e_shentsize,
		.e_shnum = h.e_shnum,
	};
	memcpy(eh->e_ident, h.e_ident, EI_NIDENT);
	return len >= sizeof(h);
}

static int
elf_plan(const struct boot_file *f, const uint8_t *head, uint64_t len, uint64_t ram_gpa,
    uint64_t ram_size, struct boot_kernel *k, struct boot_error *e)
{
	Elf64_Ehdr eh;

	if (!elf_header(head, len, &eh))
		return boot_fail(e, "%s: truncated: %llu bytes of an ELF header", f->name,
		    (unsigned long long)len);
	if (elf_check(f, head, &eh, e) != 0)
		return -1;
	k->format = BOOT_ELF;
	k->is64 = eh.e_machine == EM_AARCH64;
	k->entry = eh.e_entry;
	if (!k->is64 && eh.e_ident[EI_OSABI] == ELFOSABI_FREEBSD &&
	    elf_is_freebsd(f, &eh, ram_gpa, k, e) != 0)
		return -1;
	return elf_segments(f, &eh, ram_gpa, ram_size, k, e);
}

/* ---- raw, and what we do not take ---- */

static int
raw_plan(const struct boot_file *f, uint64_t gpa, uint64_t ram_gpa, uint64_t ram_size,
    struct boot_kernel *k, struct boot_error *e)
{
	if (gpa % 4 != 0)
		return boot_fail(e, "%s: load address 0x%llx is not a multiple of 4", f->name,
		    (unsigned long long)gpa);
	if (!in_ram(gpa, f->size, ram_gpa, ram_size))
		return does_not_fit(f, gpa, f->size, ram_gpa, ram_size, e);
	k->format = BOOT_RAW;
	k->nsegs = 1;
	k->seg[0] = (struct boot_segment){ gpa, 0, f->size, f->size };
	k->entry = gpa;
	return 0;
}

static int
refuse(const struct boot_file *f, const uint8_t *head, struct boot_error *e)
{
	const char *what = NULL;

	if (le32(head + ARM64_MAGIC_OFF) == RISCV_MAGIC2)
		what = "a RISC-V kernel: guests here are 32-bit ARM or arm64";
	else if (le32(head + X86_MAGIC_OFF) == X86_MAGIC)
		what = "an x86 kernel: guests here are 32-bit ARM or arm64";
	else if (be32(head + ZIMAGE_MAGIC_OFF) == ZIMAGE_MAGIC)
		what = "a big-endian zImage: guests here are little-endian";
	else if (le32(head) == UIMAGE_MAGIC)
		what = "a U-Boot uImage: take the zImage in it (behind its 64 bytes of header)";
	else if (le32(head) == FDT_MAGIC_BE)
		what = "a device tree or FIT image, not a kernel";
	else if (head[0] == 0x1f && head[1] == 0x8b)
		what = "compressed with gzip: unpack it first";
	if (what != NULL)
		return boot_fail(e, "%s: %s", f->name, what);
	return boot_fail(e,
	    "%s: not a zImage, Image or ELF file; to load it as it is, give the "
	    "address: bhyveload -b ADDRESS, bhyve -o kernel.address=ADDRESS",
	    f->name);
}

int
boot_kernel_plan(const struct boot_file *f, uint64_t ram_gpa, uint64_t ram_size, uint64_t raw_gpa,
    struct boot_kernel *k, struct boot_error *e)
{
	uint8_t head[HEAD_BYTES] = { 0 };
	uint64_t len = f->size < sizeof(head) ? f->size : sizeof(head);

	memset(k, 0, sizeof(*k));
	if (f->size == 0)
		return boot_fail(e, "%s: the file is empty", f->name);
	if (raw_gpa != BOOT_NO_ADDRESS)
		return raw_plan(f, raw_gpa, ram_gpa, ram_size, k, e);
	if (boot_file_read(f, 0, head, len, e) != 0)
		return -1;
	if (memcmp(head, ELFMAG, SELFMAG) == 0)
		return elf_plan(f, head, len, ram_gpa, ram_size, k, e);
	if (le32(head + ARM64_MAGIC_OFF) == ARM64_MAGIC && len >= ARM64_HEADER)
		return image_plan(f, head, ram_gpa, ram_size, k, e);
	if (le32(head + ZIMAGE_MAGIC_OFF) != ZIMAGE_MAGIC)
		return refuse(f, head, e);
	if (len < ZIMAGE_HEADER)
		return boot_fail(e, "%s: truncated: %llu bytes of a zImage header", f->name,
		    (unsigned long long)len);
	return zimage_plan(f, head, ram_gpa, ram_size, k, e);
}

int
boot_kernel_load(const struct boot_file *f, const struct boot_kernel *k, const struct boot_mem *m,
    struct boot_error *e)
{
	const struct boot_segment *s;
	uint8_t *va;

	for (unsigned int i = 0; i < k->nsegs; i++) {
		s = &k->seg[i];
		va = boot_mem_at(m, s->gpa, s->mem_len);
		if (va == NULL)
			return does_not_fit(f, s->gpa, s->mem_len, m->gpa, m->size, e);
		if (boot_file_read(f, s->file_off, va, s->file_len, e) != 0)
			return -1;
		memset(va + s->file_len, 0, (size_t)(s->mem_len - s->file_len));
	}
	return 0;
}
