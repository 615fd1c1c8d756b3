/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What HYP makes of a trap or an interrupt that came while the guest ran.
 */
#ifndef ARM_HYP_VERDICT_H
#define ARM_HYP_VERDICT_H

enum hyp_verdict {
	HYP_REENTER, /* answered: straight back to the guest */
	HYP_TO_HOST, /* the host must look */
};

#endif /* ARM_HYP_VERDICT_H */
