/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * VFP and Advanced SIMD: off at reset, all registers kept over exits of every kind.
 */
#include "guest.h"

/* d0-d31 from and to 64-bit words */
__attribute__((naked, noinline)) static void
vfp_load(const uint64_t *words)
{
	__asm__ volatile(".fpu neon\n vldmia r0!, {d0-d15}\n vldmia r0!, {d16-d31}\n bx lr\n");
	(void)words;
}

__attribute__((naked, noinline)) static void
vfp_store(uint64_t *words)
{
	__asm__ volatile(".fpu neon\n vstmia r0!, {d0-d15}\n vstmia r0!, {d16-d31}\n bx lr\n");
	(void)words;
}

static uint64_t in[32] __attribute__((aligned(8))), out[32] __attribute__((aligned(8)));

static void
handler(uint32_t intid)
{
	(void)intid;
	cntv_set(0, 0);
}

static void
disturb(uint32_t n)
{
	(void)hvc(PSCI_VERSION, 0, 0, 0);
	(void)rd32(UART_FR);
	(void)rd32(GICD_IIDR);
	cntv_set(cntvct() + cntfrq() / 2000, 1);
	while (irq_count[INTID_VTIMER] < n)
		wfi();
}

void
test_main(void)
{
	uint32_t cpacr, fpscr, i, n;

	catch_begin();
	__asm__ volatile(".fpu neon\n vmrs r0, fpscr" : : : "r0");
	check_eq(catch_end(), 1); /* CPACR denies it */
	cpacr = mrc(0, c1, c0, 2);
	mcr(0, c1, c0, 2, cpacr | 0xf00000);
	isb();
	__asm__ volatile(".fpu neon\n vmsr fpexc, %0" : : "r"(0x40000000));
	__asm__ volatile(".fpu neon\n vmrs %0, mvfr0" : "=r"(i));
	check_eq(i & 0xf, 2); /* 32 doublewords */
	gic_init();
	irq_handler[INTID_VTIMER] = handler;
	gic_enable(INTID_VTIMER);
	irq_on();
	for (n = 1; n <= 20; n++) {
		for (i = 0; i < 32; i++)
			in[i] = (uint64_t)(n * 2654435761u) << 32 | (i * 40503u + n);
		__asm__ volatile(".fpu neon\n vmsr fpscr, %0" : : "r"(n << 28 | 0x01000000));
		vfp_load(in);
		disturb(n);
		vfp_store(out);
		for (i = 0; i < 32; i++)
			if (in[i] != out[i])
				fail("d%u is %x %x", i, (uint32_t)(out[i] >> 32), (uint32_t)out[i]);
		__asm__ volatile(".fpu neon\n vmrs %0, fpscr" : "=r"(fpscr));
		check_eq(fpscr, n << 28 | 0x01000000);
	}
	__asm__ volatile(".fpu neon\n vmov.i32 q0, #3\n vmov.i32 q1, #5\n vmul.i32 q2, q0, q1\n"
			 "vmov.32 %0, d5[1]\n"
			 : "=r"(i));
	check_eq(i, 15);
}
