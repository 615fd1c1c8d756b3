# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
#
# What hyp.o is made of.  Read by GNU make (hyp.mk) and by bmake (os/freebsd/Makefile).
# Those of sys/arm, and regs.c are compiled once more for the host.
hyp-c := aarch64/hyp_run aarch64/regs aarch64/sysreg_fast arm/hyp_lib \
	 arm/hyp_fast arm/psci_fast arm/vgic arm/vgic_mmio arm/vgic_hw_hyp arm/vtimer_hyp arm/cntp
hyp-asm := aarch64/hyp_vectors aarch64/hyp_init aarch64/hyp_switch
# These run at EL2 alone, or only make the assembler's offsets.
hyp-only := hyp_fast vgic_hw_hyp vtimer_hyp sysreg_fast hyp_run hyp_lib offsets
# The processor, for Kbuild's compiler.  x18 is whatever the host's kernel makes of it.
hyp-machine := -march=armv8-a -mgeneral-regs-only -mstrict-align -mno-outline-atomics -ffixed-x18 \
	-mcmodel=small -mbranch-protection=none
# EL2 runs this elsewhere than the kernel's module loader believes (hyp_va.h): of absolute addresses
# there are functions in read-only tables, for HYP_FN, and no others.
hyp-check = ; if $(READELF) -rW $@ | \
	sed -n '/\.rela\.hyp\.\(text\|data\)/,/^$$/p' | grep R_AARCH64_ABS >&2; then \
	echo "hyp.o: absolute addresses (above)" >&2; rm -f $@; false; fi
