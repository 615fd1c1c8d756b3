/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The registers of a vCPU's physical timer, CNTP (DDI 0406C B4.1.28 to B4.1.31, B8.1.5), which is
 * emulated: CNTHCTL keeps the host's own from the guest.  Built for the host and for HYP; state
 * alone, its interrupt and the host's timer are vtimer.c's and vtimer_hyp.c's.
 */
#include "vtimer.h"

uint64_t
cntp_get(const struct vtimer *t, enum cntp_reg reg, uint64_t now)
{
	switch (reg) {
	case CNTP_CTL:
		/* ISTATUS is UNKNOWN while disabled, and does not heed IMASK. */
		if ((t->cntp_ctl & CNT_CTL_ENABLE) && now >= t->cntp_cval)
			return t->cntp_ctl | CNT_CTL_ISTATUS;
		return t->cntp_ctl;
	case CNTP_TVAL:
		return (uint32_t)(t->cntp_cval - now);
	case CNTP_CVAL:
		return t->cntp_cval;
	}
	return 0;
}

void
cntp_set(struct vtimer *t, enum cntp_reg reg, uint64_t val, uint64_t now)
{
	switch (reg) {
	case CNTP_CTL:
		t->cntp_ctl = (uint32_t)val & (CNT_CTL_ENABLE | CNT_CTL_IMASK);
		break;
	case CNTP_TVAL:
		t->cntp_cval = now + (uint64_t)(int64_t)(int32_t)val;
		break;
	case CNTP_CVAL:
		t->cntp_cval = val;
		break;
	}
}
