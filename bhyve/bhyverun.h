/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * One running VM, as the parts of bhyve's main program share it.
 */
#ifndef BHYVERUN_H
#define BHYVERUN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "mmio.h"
#include "vmmapi.h"

#define SPI_INTID(n) (32u + (uint32_t)(n))

/* bhyve(8)'s exit codes; 3, a triple fault, is x86's. */
enum bhyve_status {
	BHYVE_RESET = 0,
	BHYVE_POWEROFF = 1,
	BHYVE_HALT = 2,
	BHYVE_ERROR = 4,
	BHYVE_RUNNING = -1,
};

struct run {
	struct vmctx *ctx; /* immutable, and so are the next */
	struct mmio_map *mmio;
	struct ev_loop *loop;
	struct gdb *gdb;      /* NULL: no debugger's server */
	pthread_mutex_t gate; /* vCPU threads go through it before anything else */
	pthread_mutex_t lock;
	enum bhyve_status status; /* [lock] the first reason to end stays */
	unsigned int threads;	  /* [lock] vCPU threads that have not ended */
};

/* One vCPU's; only its thread uses it. */
struct run_vcpu {
	struct run *run;
	struct vcpu *vcpu;
	pthread_t thread;
	int pin; /* host CPU, or -1 */
};

/* Why the VM ends; the first call counts. */
void run_end(struct run *run, enum bhyve_status status);

/* ---- vmexit.c ---- */

/* Runs the vCPU until the VM ends; a thread's main function, arg is a struct run_vcpu. */
void *vcpu_main(void *arg);

enum vmexit_result {
	VMEXIT_CONTINUE,
	VMEXIT_END, /* this vCPU is done; run_end() was called */
};
/* Answers one exit; *next holds what vm_run() gave and is what it gets next. */
enum vmexit_result vmexit_handle(struct run_vcpu *v, struct vm_run *next);

/* ---- guest_error.c ---- */

/* The vCPU cannot go on: says why, with its registers. */
void guest_error(struct vcpu *vcpu, const struct vm_exit *vme, const char *why);
const char *hsr_class_name(uint32_t hsr);
const char *cpsr_mode_name(uint32_t cpsr);

#endif /* BHYVERUN_H */
