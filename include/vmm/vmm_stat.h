/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Counters of a vCPU, one line each: enum name, name shown, description.  They
 * live in a page that HYP maps, so that both worlds count: add at the end.
 */
#ifndef VMM_VMM_STAT_H
#define VMM_VMM_STAT_H

#define VMM_STAT_LIST(X)                                                                         \
	X(EXITS, "exits", "exits to the host kernel")                                            \
	X(EXIT_IRQ, "exit_irq", "exits because of a host interrupt")                             \
	X(EXIT_HVC, "exit_hvc", "HVC calls that reached the host kernel")                        \
	X(EXIT_WFI, "exit_wfi", "WFI")                                                           \
	X(EXIT_WFE, "exit_wfe", "WFE")                                                           \
	X(EXIT_CP15, "exit_cp15", "trapped system register accesses")                            \
	X(EXIT_CP14, "exit_cp14", "trapped debug and trace register accesses")                   \
	X(EXIT_DABT, "exit_dabt", "data aborts from stage 2")                                    \
	X(EXIT_IABT, "exit_iabt", "instruction aborts from stage 2")                             \
	X(EXIT_OTHER, "exit_other", "other traps")                                               \
	X(EXIT_SERROR, "exit_serror", "asynchronous aborts taken while the guest ran")           \
	X(EXIT_USER, "exit_user", "returns to user space")                                       \
	X(EXIT_MMIO, "exit_mmio", "accesses answered by user space")                             \
	X(HYP_HVC, "hyp_hvc", "HVC calls answered in HYP mode")                                  \
	X(HYP_GICD, "hyp_gicd", "distributor accesses answered in HYP mode")                     \
	X(HYP_CP15, "hyp_cp15", "system register accesses answered in HYP mode")                 \
	X(HYP_VTIMER, "hyp_vtimer", "virtual timer interrupts forwarded in HYP mode")            \
	X(HYP_MAINT, "hyp_maint", "maintenance interrupts answered in HYP mode")                 \
	X(HYP_VFP, "hyp_vfp", "VFP register files switched in on first use")                     \
	X(GICD_HOST, "gicd_host", "distributor accesses answered in the host kernel")            \
	X(FAULTS, "faults", "guest pages mapped on demand")                                      \
	X(FAULT_BLOCKS, "fault_blocks", "of them 2 MiB blocks")                                  \
	X(INST_FETCH, "inst_fetch", "instructions fetched and decoded for want of a syndrome")   \
	X(ABT_UNMAPPED, "abt_unmapped", "accesses to unmapped addresses answered with an abort") \
	X(ABT_UNDECODED, "abt_undecoded",                                                        \
	    "accesses that cannot be emulated, answered with an abort")                          \
	X(UNDEF_INJECTED, "undef_injected", "Undefined Instruction exceptions injected")         \
	X(SMCCC_UNKNOWN, "smccc_unknown", "unknown SMCCC calls")                                 \
	X(CP15_UNKNOWN, "cp15_unknown", "accesses to system registers nobody knows")             \
	X(SETWAY, "setway", "set/way cache operations and cache switches that flushed stage 2")  \
	X(SGI_SENT, "sgi_sent", "software generated interrupts sent")                            \
	X(IRQ_INJECTED, "irq_injected", "interrupts put in a list register")                     \
	X(LR_OVERFLOW, "lr_overflow", "times more interrupts were pending than list registers")  \
	X(VTIMER_SLEEP, "vtimer_sleep", "host timers armed for a sleeping vCPU")                 \
	X(PTIMER, "ptimer", "CNTP interrupts emulated")                                          \
	X(KICKS, "kicks", "kicks received while in the guest")                                   \
	X(TLB_FLUSHES, "tlb_flushes", "stage 2 TLB invalidations")                               \
	X(RUN_NS, "run_ns", "host time spent in the guest, ns")                                  \
	X(HALT_NS, "halt_ns", "host time asleep in WFI, ns")                                     \
	X(DOORBELLS, "doorbells", "stores that rang a doorbell in the host kernel")              \
	X(RESAMPLES, "resamples", "ends of interrupts told to bound descriptors")

#define VMM_STAT_ENUM(id, name, desc) VMM_STAT_##id,
enum vmm_stat { VMM_STAT_LIST(VMM_STAT_ENUM) VMM_STAT_COUNT };
#undef VMM_STAT_ENUM

/* Events of the trace ring: id, name, meaning of a and b. */
#define VMM_TRACE_LIST(X)                       \
	X(ENTER, "enter", "cpsr, pc")           \
	X(EXIT, "exit", "HSR or ESR_EL2, pc")   \
	X(MMIO, "mmio", "size|dir<<8, gpa")     \
	X(FAULT, "fault", "size, gpa")          \
	X(IRQ, "irq", "INTID, level")           \
	X(WFI, "wfi", "-, ns slept")            \
	X(PSCI, "psci", "function, argument 1") \
	X(INJECT, "inject", "vector, pc")       \
	X(STATE, "state", "new state, -")       \
	X(USER, "user", "exit code, pc")        \
	X(DOORBELL, "doorbell", "size, gpa")

#define VMM_TRACE_ENUM(id, name, desc) VMM_TRACE_##id,
enum vmm_trace_event { VMM_TRACE_LIST(VMM_TRACE_ENUM) VMM_TRACE_COUNT };
#undef VMM_TRACE_ENUM

#endif /* VMM_VMM_STAT_H */
