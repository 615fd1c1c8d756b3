# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
#
# What hyp.o is made of.  Read by GNU make (hyp.mk) and by bmake (os/freebsd/Makefile).
# Those of sys/arm and regs.c are compiled once more for the host.
hyp-c := armv7/hyp_run armv7/regs armv7/sysreg_fast arm/hyp_lib \
	 arm/hyp_fast arm/psci_fast arm/vgic arm/vgic_mmio arm/vgic_hw_hyp arm/vtimer_hyp arm/cntp
hyp-asm := armv7/hyp_vectors armv7/hyp_init armv7/hyp_switch
# These run in HYP mode alone, or only make the assembler's offsets.
hyp-only := hyp_fast vgic_hw_hyp vtimer_hyp sysreg_fast hyp_run hyp_lib offsets
# The processor, for Kbuild's compiler.
hyp-machine := -marm -march=armv7ve -mfloat-abi=soft -mabi=aapcs-linux -mno-unaligned-access
