/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The rules: RULE(id, name in reports, where the manual (DDI 0406C) has the duty, what to do).
 * docs/silicon.md has a row for each; tests/tools/test_silicon_rules.py sees to that.
 *
 * STRICT_RULE: other good hypervisors live without it, or it supposes a host that maps all memory
 * write-back; in force with the plugin's argument strict=on.
 */
#ifndef STRICT_RULE
#define STRICT_RULE RULE
#endif
/* 1. What is written through a cache and read past it, and the reverse. */
RULE(POC_READ, "poc-read", "A3.5, B2.2.7",
    "clean the line to the point of coherency (DCCMVAC), then DSB, before anything reads it with "
    "caches off")
RULE(POC_FETCH, "poc-fetch", "A3.5, B2.2.7",
    "clean the code to the point of coherency (DCCMVAC), then DSB, before it runs with caches off")
RULE(POC_WALK, "poc-walk", "B3.10.1",
    "clean the descriptor to the point of coherency, then DSB; or make the walks cacheable")
RULE(POC_DSB, "poc-dsb", "B2.2.7",
    "put a DSB between the clean and what relies on it, of a domain that has the reader in it")
RULE(POC_OVERWRITE, "poc-overwrite", "A3.5, mismatched attributes",
    "clean and invalidate the line before it is written with caches off: its eviction would undo "
    "the write")
RULE(POC_DISCARD, "poc-discard", "B2.2.7",
    "use clean and invalidate (DCCIMVAC): a plain invalidate loses what was written")
RULE(POC_STALE, "poc-stale", "A3.5, mismatched attributes",
    "invalidate the line (DCIMVAC, DCCIMVAC) and DSB before what was written with caches off "
    "is read through the cache")
STRICT_RULE(MAP_DIRTY, "map-dirty", "B2.2.7",
    "clean a page to the point of coherency, then DSB, before stage 2 maps it: guests start with "
    "caches off")
/* 2. Code that was written. */
RULE(POU_CLEAN, "pou-clean", "B2.2.7",
    "clean to the point of unification (DCCMVAU), DSB, invalidate the I-cache, DSB, ISB")
RULE(
    POU_DSB, "pou-dsb", "B2.2.7", "put a DSB between the clean and the invalidation of the I-cache")
RULE(POU_INVALIDATE, "pou-invalidate", "B2.2.7",
    "invalidate the I-cache (ICIMVAU, ICIALLUIS) after the clean is complete")
RULE(POU_COMPLETE, "pou-complete", "B2.2.7", "put a DSB after the invalidation of the I-cache")
RULE(POU_ISB, "pou-isb", "A3.8.3",
    "put an ISB after the DSB that completes the I-cache's invalidation")
STRICT_RULE(MAP_CODE, "map-code", "B2.2.7",
    "clean a page, DSB, invalidate the I-caches (ICIALLUIS), DSB before stage 2 maps it executable")
/* 3. Tables that somebody may be walking. */
RULE(BBM, "bbm", "B3.10.1",
    "write zero first, DSB, TLBI, DSB, and only then the new descriptor (break-before-make)")
RULE(BBM_EARLY, "bbm-early", "B3.10.1",
    "complete the break - DSB, TLBI, DSB - before the entry is made valid again")
RULE(
    TLBI_MISSING, "tlbi-missing", "B3.10.1", "invalidate the TLB entry after the table was changed")
RULE(TLBI_EARLY, "tlbi-early", "B3.10.1", "put a DSB between the store to the table and the TLBI")
RULE(TLBI_DSB, "tlbi-dsb", "B3.10.1",
    "put a DSB (both reads and writes, the domain of the TLBI) after the TLBI")
RULE(ENTRY_DSB, "entry-dsb", "B3.10.1",
    "put a DSB between the store of a new descriptor and what relies on it")
RULE(LINK_DSB, "link-dsb", "B3.10.1",
    "put a DSB between the last store to a new table and the link to it")
RULE(TORN, "torn", "A3.5.3", "write a 64-bit descriptor with one STRD")
RULE(TABLE_FREED, "table-freed", "B3.10.1",
    "free a table only when the entry that led to it is out of all TLBs")
RULE(FORGOTTEN, "forgotten", "B3.10.1", "finish the change of the table: DSB, TLBI, DSB")
STRICT_RULE(TLBI_ORDER, "tlbi-order", "A3.8.3",
    "put a DSB between the entry to HYP mode and the TLBI: a DMB does not order TLBIs after the "
    "stores and loads that decide about them")
/* 4. The right TLB entries, on all CPUs that may have them. */
RULE(TLBI_SCOPE, "tlbi-scope", "B3.10.6",
    "invalidate with the VMID, the level and the shareability of what was changed")
RULE(VMID_REUSE, "vmid-reuse", "B3.9",
    "invalidate the VMID's entries before it is given to another VM")
STRICT_RULE(VMID_ICACHE, "vmid-icache", "B3.11.2",
    "invalidate the I-cache too (ICIALLU, ICIALLUIS) before a VMID goes to another VM: it may be "
    "tagged with the VMID")
STRICT_RULE(VMID_UNKNOWN, "vmid-unknown", "B3.9.3",
    "invalidate the TLBs of a CPU that comes up (TLBIALLNSNH) before a guest runs there: reset "
    "need not, and broadcasts were not heard")
RULE(VCPU_SHARE, "vcpu-share", "B3.9",
    "invalidate the VMID's entries on this CPU (TLBIALL) when another vCPU of the VM ran here last")
RULE(HYP_TLB_STALE, "hyp-tlb-stale", "B3.9.3",
    "TLBIALLH, DSB, ISB before the MMU of HYP mode is turned on")
RULE(HYP_TLB_LEFT, "hyp-tlb-left", "B3.10.1",
    "TLBIALLH, DSB after the MMU of HYP mode was turned off: the tables are about to be freed")
/* 5. System registers used before they are in force. */
RULE(CTX_MEM, "ctx-mem", "B3.15.5",
    "put an ISB between the write of the translation's registers and the access")
RULE(CTX_ENABLE, "ctx-enable", "B3.15.5",
    "put an ISB before the MMU is turned on: HTTBR, HTCR and HMAIR may come later than HSCTLR")
RULE(CTX_TLBI, "ctx-tlbi", "B3.15.5",
    "put an ISB before the TLBI: it acts on the registers as they are in force")
RULE(CTX_AT, "ctx-at", "B3.14, B3.15.5",
    "put an ISB between the registers and the address translation, and before PAR is read")
RULE(CTX_VFP, "ctx-vfp", "B4.1.64, B3.15.5",
    "put an ISB between the write of HCPTR and the VFP instruction")
STRICT_RULE(CTX_EAE, "ctx-eae", "B3.15.5",
    "put an ISB after TTBCR: its EAE bit gives PRRR/MAIR0 and NMRR/MAIR1 their meaning")
RULE(CTX_COUNTER, "ctx-counter", "B8.1.3",
    "put an ISB before the counter is read: CNTVOFF is not in force, or the read is speculated")
STRICT_RULE(CTX_CNTPCT, "ctx-cntpct", "B8.1.2",
    "put an ISB before CNTPCT is read: it may be read ahead of what it is to time")
STRICT_RULE(CTX_TIMER, "ctx-timer", "B8.1.5",
    "put an ISB between the write that lowers the timer's line and the write to the GIC, or the "
    "return to the host, which would see the line")
/* 6. One page, two kinds of memory. */
STRICT_RULE(ATTR, "attr", "A3.5, mismatched attributes",
    "map memory with one cacheability and shareability everywhere it is in use")
/* What belongs to none of these. */
STRICT_RULE(WALKS, "walks", "B3.10.3",
    "put a DSB between the entry to HYP mode and the write of VTTBR: walks that began before the "
    "exception may still be under way")
STRICT_RULE(DEVICE_DSB, "device-dsb", "A3.8.3",
    "put a DSB (sy, osh) between the write of the distributor and the ERET: the interrupt is still "
    "signalled")
STRICT_RULE(PREDICTORS, "predictors", "CVE-2017-5715",
    "ICIALLU or BPIALL between the guest and the host on Cortex-A12, A15, A17: what the guest "
    "taught the branch predictors steers the host")
#undef STRICT_RULE
