/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A load whose results are checked: load SECONDS SEED.  On every CPU it keeps all VFP and
 * most core registers filled with patterns of SEED and looks whether they stay, computes in
 * floating point what must come out the same each time, sleeps on timers, and sends
 * IPIs (futex ping-pong across CPUs, membarrier).  Run with different seeds in host and
 * guests at once it shows that no register leaks from one world into another.
 * Prints counts; exit status 0 if nothing was wrong, 1 if something was, 2 on bad use.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load_os.h"

#define MAX_CPUS  8
#define REG_SPINS 20000u
#define TIMER_NS  1000000L

enum what { REGS, FLOAT, TIMERS, PINGS, BARRIERS, NWHAT };
static const char *const what_name[NWHAT] = { "regs", "float", "timers", "pings", "barriers" };

static uint64_t counts[NWHAT];
static uint32_t errors;
static volatile int stop;
static uint32_t seed;
static int ncpus;

static void
count(enum what w)
{
	__atomic_fetch_add(&counts[w], 1, __ATOMIC_RELAXED);
}

static void
wrong(const char *fmt, uint32_t a, uint32_t b)
{
	/* the first few say enough */
	if (__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED) < 10) {
		fprintf(stderr, "load: seed %u: ", seed);
		fprintf(stderr, fmt, a, b);
		fputc('\n', stderr);
	}
}

/*
 * Fill d0-d31 from pat, FPSCR's rounding mode and r4-r9; spin; store them to out and
 * back.  The kernel must bring all of them through every interrupt and switch.
 */
static void
spin_registers(
    const uint64_t *pat, uint64_t *out, const uint32_t *core, uint32_t *core_out, uint32_t spins)
{
#ifdef __arm__
	register const void *src __asm__("r0") = pat;
	register void *dst __asm__("r1") = out;
	register const void *csrc __asm__("r2") = core;
	register void *cdst __asm__("r3") = core_out;
	register uint32_t n __asm__("r12") = spins;

	__asm__ volatile(".fpu neon-vfpv4\n"
			 "vldmia %0!, {d0-d15}\n"
			 "vldmia %0!, {d16-d31}\n"
			 "ldmia %2, {r4, r5, r6, r8, r9, r10}\n"
			 "1: subs %4, %4, #1\n"
			 "bne 1b\n"
			 "stmia %3, {r4, r5, r6, r8, r9, r10}\n"
			 "vstmia %1!, {d0-d15}\n"
			 "vstmia %1!, {d16-d31}\n"
			 : "+r"(src), "+r"(dst), "+r"(csrc), "+r"(cdst), "+r"(n)
			 :
			 : "r4", "r5", "r6", "r8", "r9", "r10", "cc", "memory", "d0", "d1", "d2",
			 "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11", "d12", "d13",
			 "d14", "d15", "d16", "d17", "d18", "d19", "d20", "d21", "d22", "d23",
			 "d24", "d25", "d26", "d27", "d28", "d29", "d30", "d31");
#else
	(void)spins;
	memcpy(out, pat, 32 * sizeof(*out));
	memcpy(core_out, core, 6 * sizeof(*core_out));
#endif
}

static void *
regs_thread(void *arg)
{
	uint64_t pat[32], out[32];
	uint32_t core[6], core_out[6], round = 0, i;

	os_pin((int)(intptr_t)arg);
	while (!stop) {
		for (i = 0; i < 32; i++)
			pat[i] = ((uint64_t)seed << 48) ^ ((uint64_t)(uintptr_t)arg << 40) ^
			    ((uint64_t)round << 8) ^ i ^ 0x5a00000000000000ull;
		for (i = 0; i < 6; i++)
			core[i] = seed * 0x9e3779b9u + round * 16 + i;
		spin_registers(pat, out, core, core_out, REG_SPINS);
		for (i = 0; i < 32; i++)
			if (out[i] != pat[i])
				wrong("d%u changed: %#x", i, (uint32_t)(out[i] >> 32));
		for (i = 0; i < 6; i++)
			if (core_out[i] != core[i])
				wrong("core register %u changed: %#x", i, core_out[i]);
		round++;
		count(REGS);
	}
	return NULL;
}

/* A sum whose every bit is determined; computed again and again. */
static double
leibniz(uint32_t terms)
{
	double s = (double)seed, sign = 1.0;
	uint32_t i;

	for (i = 0; i < terms; i++, sign = -sign)
		s += sign / (2.0 * (double)i + 1.0);
	return s;
}

static void *
float_thread(void *arg)
{
	double first, again;

	os_pin((int)(intptr_t)arg);
	first = leibniz(20000);
	while (!stop) {
		again = leibniz(20000);
		if (memcmp(&first, &again, sizeof(first)) != 0)
			wrong("floating point sum differs", 0, 0);
		count(FLOAT);
	}
	return NULL;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *
timer_thread(void *arg)
{
	struct timespec t = { 0, TIMER_NS };
	int64_t before, after;

	os_pin((int)(intptr_t)arg);
	while (!stop) {
		before = now_ns();
		nanosleep(&t, NULL);
		after = now_ns();
		if (after - before < TIMER_NS)
			wrong(
			    "a timer came %u ns early", (uint32_t)(TIMER_NS - (after - before)), 0);
		count(TIMERS);
	}
	return NULL;
}

/* Two threads on two CPUs hand a number back and forth; each wake-up is an IPI. */
struct pair {
	uint32_t word;
	int cpu[2];
};

static void
ping_side(struct pair *p, uint32_t side)
{
	struct timespec limit = { 0, 100000000 };
	uint32_t v;

	while (!stop) {
		v = __atomic_load_n(&p->word, __ATOMIC_ACQUIRE);
		if ((v & 1) != side) {
			os_wait(&p->word, v, &limit);
			continue;
		}
		if (!__atomic_compare_exchange_n(
			&p->word, &v, v + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			wrong("ping-pong: the word changed under its owner: %u", v, 0);
		os_wake(&p->word);
		count(PINGS);
	}
}

static void *
ping_thread(void *arg)
{
	struct pair *p = arg;

	os_pin(p->cpu[0]);
	ping_side(p, 0);
	return NULL;
}

static void *
pong_thread(void *arg)
{
	struct pair *p = arg;

	os_pin(p->cpu[1]);
	ping_side(p, 1);
	return NULL;
}

static void *
barrier_thread(void *arg)
{
	struct timespec t = { 0, 200000 };

	(void)arg;
	if (!os_barrier_init())
		return NULL;
	while (!stop) {
		if (!os_barrier())
			wrong("membarrier failed: %u", (uint32_t)errno, 0);
		count(BARRIERS);
		nanosleep(&t, NULL);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	static struct pair pairs[MAX_CPUS];
	pthread_t t[MAX_CPUS * 5 + 1];
	char *end1, *end2;
	long seconds;
	int n = 0, i;

	if (argc != 3 || (seconds = strtol(argv[1], &end1, 0)) <= 0 || *end1 != 0 ||
	    (seed = (uint32_t)strtoul(argv[2], &end2, 0), *end2 != 0)) {
		fprintf(stderr, "usage: load SECONDS SEED\n");
		return 2;
	}
	ncpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (ncpus > MAX_CPUS)
		ncpus = MAX_CPUS;
	for (i = 0; i < ncpus; i++) {
		void *cpu = (void *)(intptr_t)i;

		pairs[i].cpu[0] = i;
		pairs[i].cpu[1] = (i + 1) % ncpus;
		pthread_create(&t[n++], NULL, regs_thread, cpu);
		pthread_create(&t[n++], NULL, float_thread, cpu);
		pthread_create(&t[n++], NULL, timer_thread, cpu);
		pthread_create(&t[n++], NULL, ping_thread, &pairs[i]);
		pthread_create(&t[n++], NULL, pong_thread, &pairs[i]);
	}
	pthread_create(&t[n++], NULL, barrier_thread, NULL);
	sleep((unsigned int)seconds);
	stop = 1;
	while (n > 0)
		pthread_join(t[--n], NULL);
	printf("load: seed %u cpus %d", seed, ncpus);
	for (i = 0; i < NWHAT; i++) {
		printf(" %s %llu", what_name[i], (unsigned long long)counts[i]);
		if (counts[i] == 0 && i != BARRIERS)
			wrong("nothing done: %u", (uint32_t)i, 0);
	}
	printf(" errors %u\n", errors);
	return errors != 0;
}
