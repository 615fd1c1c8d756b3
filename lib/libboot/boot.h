/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Loading a kernel, an initial RAM disk and a device tree into a VM's memory; what
 * bhyveload and bhyve's direct boot share.  Files are hostile: every length in them is
 * checked against the file and against guest memory before it is used.
 *
 * Calls return 0, or -1 with a line for people in struct boot_error.
 */
#ifndef BOOT_H
#define BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm/machine.h>
#include <vmm/vmm.h>

struct vmctx;
struct vm_topology;

#define BOOT_MAX_OVERLAYS  8
#define BOOT_MAX_ENV	   64	 /* variables for FreeBSD's kernel */
#define BOOT_MAX_SEGMENTS  16	 /* PT_LOADs of an ELF file */
#define BOOT_CMDLINE_MAX   2047u /* what an ELF or raw guest may take; Linux on ARM keeps 1023 */
#define BOOT_CMDLINE_LINUX 1023u
#define BOOT_MAX_DTB	   (1u << 20) /* a device tree as large as this is refused */
#define BOOT_NO_ADDRESS	   (~0ull)

/* One line, without newline, with the file's name where one is at fault. */
struct boot_error {
	char text[320];
};
__attribute__((format(printf, 2, 3))) int boot_fail(struct boot_error *e, const char *fmt, ...);

/* The guest's memory as this process sees it. */
struct boot_mem {
	uint8_t *va;
	uint64_t gpa;
	uint64_t size;
};
/* Where [gpa, gpa + len) is; NULL if it is not all memory. */
void *boot_mem_at(const struct boot_mem *m, uint64_t gpa, uint64_t len);

/* ---- files (file.c) ---- */
struct boot_file {
	int fd;
	const char *name;
	uint64_t size;
	bool progress; /* show how far a large read has come */
};
int boot_file_open(struct boot_file *f, const char *name, struct boot_error *e);
void boot_file_close(struct boot_file *f);
/* All of [off, off + len) into dst, or an error. */
int boot_file_read(
    const struct boot_file *f, uint64_t off, void *dst, uint64_t len, struct boot_error *e);

/* ---- kernels (kernel.c) ---- */
enum boot_format { BOOT_ZIMAGE, BOOT_ELF, BOOT_RAW, BOOT_FREEBSD, BOOT_IMAGE };

/* A piece of the file, and where it goes. */
struct boot_segment {
	uint64_t gpa;
	uint64_t file_off;
	uint64_t file_len;
	uint64_t mem_len; /* what is beyond file_len is zeroed */
};

/* A table of an ELF file that is no part of a segment. */
struct boot_table {
	uint64_t file_off;
	uint64_t len; /* 0: the file has none */
};

struct boot_kernel {
	enum boot_format format;
	struct boot_segment seg[BOOT_MAX_SEGMENTS];
	unsigned int nsegs;
	bool is64;	/* for AArch64; not known of BOOT_RAW */
	uint64_t entry; /* bit 0: Thumb */
	/* Free of other things from the RAM's start to here: a zImage unpacks itself there. */
	uint64_t reserved_end; /* gpa; 0: nothing */
	/* FreeBSD's kernel: where the block is that its lowest address lies in... */
	uint64_t block;
	uint32_t kva_offset; /* ...and what makes a kernel's address of a gpa */
	struct boot_table symtab, strtab;
};
/*
 * Recognise the file and plan where its parts go in a memory of ram_size bytes at ram_gpa.
 * raw_gpa: load the whole file there as it is, or BOOT_NO_ADDRESS.  Nothing is loaded yet.
 */
int boot_kernel_plan(const struct boot_file *f, uint64_t ram_gpa, uint64_t ram_size,
    uint64_t raw_gpa, struct boot_kernel *k, struct boot_error *e);
int boot_kernel_load(const struct boot_file *f, const struct boot_kernel *k,
    const struct boot_mem *m, struct boot_error *e);

/* ---- places for the device tree and the RAM disk (place.c) ---- */
struct boot_places {
	uint64_t dtb;
	uint64_t initrd; /* 0 where there is none */
};
int boot_place(const struct boot_kernel *k, uint64_t ram_gpa, uint64_t ram_size, uint64_t dtb_size,
    uint64_t initrd_size, struct boot_places *p, struct boot_error *e);

/* ---- device trees (fdt.c) ---- */
struct boot_machine {
	bool is64; /* AArch64 */
	uint32_t vcpus;
	uint32_t midr;		   /* 0: not known */
	uint32_t mpidr[VM_MAXCPU]; /* affinity fields, as the guest reads them */
	uint64_t ram_size;	   /* at MACHINE_RAM_BASE */
	uint32_t virtio_mmio;	   /* bit n: there is a device in slot n */
	bool pci;		   /* there is a PCI bus, with the GICv2m frame */
	bool flash;		   /* it has the two flash banks... */
	bool fw_cfg;		   /* ...and fw_cfg */
};
/* The tree of our machine, made from <vmm/machine.h>.  buf holds cap bytes. */
int boot_fdt_generate(void *buf, uint32_t cap, const struct boot_machine *m, struct boot_error *e);
/*
 * Take the user's tree in place of ours.  It is checked as a whole; buf holds cap bytes.
 */
int boot_fdt_read(void *buf, uint32_t cap, const char *file, struct boot_error *e);
int boot_fdt_overlay(void *buf, const char *file, struct boot_error *e);
/* Memory, command line (NULL: leave it) and RAM disk (size 0: none) into the tree; then pack it. */
int boot_fdt_finish(void *buf, const struct boot_machine *m, const char *cmdline, uint64_t initrd,
    uint64_t initrd_size, struct boot_error *e);

/* ---- trees of others (fdt_find.c) ---- */

/* Whole, and of version 16 or later: 0, or libfdt's error.  libfdt may trust what passes. */
int boot_fdt_check(const void *fdt, size_t size);

/*
 * The tree at gpa in the guest's memory into buf, of BOOT_MAX_DTB bytes.  False: there is none that
 * is whole.
 */
bool boot_fdt_copy(void *buf, const struct boot_mem *m, uint64_t gpa);
/* Is there such a device at that address?  fdt is a whole tree. */
bool boot_fdt_has(const void *fdt, const char *compatible, uint64_t address);

/* ---- all of it (boot.c) ---- */
struct boot_config {
	bool is64;	     /* guests of this host are AArch64: boot_host_is64() */
	const char *kernel;  /* NULL only with firmware */
	bool firmware;	     /* start in flash; kernel and initrd are for firmware to load */
	bool fw_cfg;	     /* the machine has it */
	const char *initrd;  /* NULL: none */
	const char *cmdline; /* NULL: none */
	const char *dtb;     /* NULL: the generated one */
	const char *overlays[BOOT_MAX_OVERLAYS];
	unsigned int noverlays;
	const char *env[BOOT_MAX_ENV]; /* NAME=VALUE, for FreeBSD's kernel */
	unsigned int nenv;
	uint64_t raw_gpa;     /* BOOT_NO_ADDRESS: by the file's format */
	uint32_t virtio_mmio; /* as in struct boot_machine, and so is the next */
	bool pci;
	bool progress;
};
/* What vCPU 0 starts with, R0.. or X0..; the other registers are as at reset. */
struct boot_entry {
	bool is64;
	uint64_t pc; /* bit 0: Thumb */
	uint64_t r0, r1, r2;
};
int boot_load(const struct boot_config *c, const struct boot_machine *machine,
    const struct boot_mem *m, struct boot_entry *entry, struct boot_error *e);
/* The files are there and the kernel is one for this machine: to be asked before a VM is made. */
int boot_check(const struct boot_config *c, uint64_t ram_size, struct boot_error *e);

/* ---- into a VM (vm.c) ---- */
/* What the vmm of this host makes of a guest: AArch64, or 32-bit ARM (also if there is no vmm). */
bool boot_host_is64(void);
struct boot_vm {
	uint64_t memory; /* bytes */
	uint32_t vcpus;
	const struct vm_topology *topology;
};
/*
 * Make an open VM ready to run: memory, vCPUs, vGIC, everything loaded, vCPU 0's registers
 * set.  A VM that ran before is reinitialised first.
 */
int boot_vm_prepare(
    struct vmctx *ctx, const struct boot_vm *v, const struct boot_config *c, struct boot_error *e);

#endif /* BOOT_H */
