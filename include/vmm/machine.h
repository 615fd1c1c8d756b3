/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The guest's machine: QEMU virt's map, so that firmware and images made for it
 * run unmodified.  This is the one table; the device tree and the emulation are
 * both made from it.  Interrupts are SPI numbers: INTID = 32 + SPI.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <stdint.h>

/* X(NAME, base, size, spi or -1) */
#define MACHINE_MAP(X)                                   \
	X(FLASH0, 0x00000000ull, 0x04000000ull, -1)      \
	X(FLASH1, 0x04000000ull, 0x04000000ull, -1)      \
	X(GICD, 0x08000000ull, 0x00010000ull, -1)        \
	X(GICC, 0x08010000ull, 0x00010000ull, -1)        \
	X(GICV2M, 0x08020000ull, 0x00001000ull, 48)      \
	X(ITS, 0x08080000ull, 0x00020000ull, -1)         \
	X(GICR, 0x080a0000ull, 0x00f60000ull, -1)        \
	X(PL011, 0x09000000ull, 0x00001000ull, 1)        \
	X(PL031, 0x09010000ull, 0x00001000ull, 2)        \
	X(FW_CFG, 0x09020000ull, 0x00000018ull, -1)      \
	X(PL061, 0x09030000ull, 0x00001000ull, 7)        \
	X(VIRTIO_MMIO, 0x0a000000ull, 0x00004000ull, 16) \
	X(PCI_MMIO, 0x10000000ull, 0x2eff0000ull, -1)    \
	X(PCI_PIO, 0x3eff0000ull, 0x00010000ull, -1)     \
	X(PCI_ECAM, 0x3f000000ull, 0x01000000ull, 3)     \
	X(RAM, 0x40000000ull, 0xc0000000ull, -1)

#define MACHINE_ENUM(name, base, size, spi) \
	MACHINE_##name##_BASE = (base), MACHINE_##name##_SIZE = (size),
enum machine_addr { MACHINE_MAP(MACHINE_ENUM) };
#undef MACHINE_ENUM

#define MACHINE_SPI(name, base, size, spi) MACHINE_##name##_SPI = (spi),
enum machine_spi { MACHINE_MAP(MACHINE_SPI) };
#undef MACHINE_SPI

#define MACHINE_NIRQS	      288u /* 32 private INTIDs and 256 SPIs */
#define MACHINE_GICV2M_NSPIS  64u  /* SPI 48..111 */
#define MACHINE_VIRTIO_STRIDE 0x200u
#define MACHINE_VIRTIO_COUNT  32u
#define MACHINE_GICC_MAPPED   0x2000u /* what GICV really answers, IHI 0048B 5.3 */

/* PPIs of the timer node in its binding's order, INTIDs. */
#define MACHINE_PPI_SEC_PHYS 29u
#define MACHINE_PPI_PHYS     30u
#define MACHINE_PPI_VIRT     27u
#define MACHINE_PPI_HYP	     26u

#endif /* VMM_MACHINE_H */
