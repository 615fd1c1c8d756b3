/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HYP mode of the unit tests: sys/arm runs over these instead of sys/armv7's microvisor.
 */
#ifndef FAKE_FAKE_HYP_H
#define FAKE_FAKE_HYP_H

#include <hyp.h>

/* The world switch of this test: plays the guest, fills trap and exit.  NULL: HYP_EXIT_REQ. */
extern void (*fake_vcpu_run)(struct hyp_vcpu *v);
/* Every HYP call is shown to it, with its result; NULL: all answer 0. */
extern uint32_t (*fake_hyp_call)(uint32_t call, uintptr_t a1);
unsigned long fake_hyp_calls(uint32_t call); /* how often, since fake_hyp_reset */
bool fake_hyp_is_mapped(const void *va);
void fake_hyp_reset(void); /* also registers, hooks, arm_nlrs and the like */

#endif /* FAKE_FAKE_HYP_H */
