/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Reports: one line of JSON each, the first time that an instruction and the one before it
 * break a rule in an epoch; how often, at its end.  report.py gives them names and lines.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "silicon.h"

#define MAX_REPORTS 4096u
#define BUCKETS	    (4 * MAX_REPORTS)

static const struct {
	const char *name, *section, *fix;
	bool strict;
} rules[NRULES] = {
#define RULE(id, name, section, fix)	    { name, section, fix, false },
#define STRICT_RULE(id, name, section, fix) { name, section, fix, true },
#include "rules_list.h"
#undef RULE
};

static const char *const mode_names[] = { "pl0", "pl1", "hyp", "guest" };

static const char *const counter_names[NCOUNTERS] = {
	[N_DC] = "dc",
	[N_IC] = "ic",
	[N_SETWAY] = "setway",
	[N_DSB] = "dsb",
	[N_ISB] = "isb",
	[N_TLBI] = "tlbi",
	[N_AT] = "at",
	[N_HYP_ENTRY] = "hyp_entry",
	[N_GUEST_ENTRY] = "guest_entry",
	[N_HYP_EXIT] = "hyp_exit",
	[N_HYP_SYSREG] = "hyp_sysreg",
	[N_TABLE_STORE] = "table_store",
	[N_NOCACHE_BLOCK] = "nocache_block",
	[N_ROOTS] = "roots",
	[N_TABLES] = "tables",
	[N_BREAKS] = "breaks",
};

uint64_t counters[NCOUNTERS];
bool strict;

struct seen {
	uint8_t rule;
	uint32_t pc, other;
	uint64_t times;
};

static FILE *out;
static uint32_t epoch, nseen, lost;
static struct seen seen[MAX_REPORTS];
static uint16_t buckets[BUCKETS]; /* index into seen, + 1 */

void
report_open(const char *path)
{
	out = fopen(path, "w");
	if (out == NULL) {
		fprintf(stderr, "silicon: cannot write %s\n", path);
		exit(1);
	}
}

static void
report_counts(void)
{
	uint32_t i;

	for (i = 0; i < nseen; i++)
		fprintf(out,
		    "{\"epoch\":%u,\"count\":%llu,\"rule\":\"%s\",\"pc\":\"0x%08x\","
		    "\"other\":\"0x%08x\"}\n",
		    epoch, (unsigned long long)seen[i].times, rules[seen[i].rule].name, seen[i].pc,
		    seen[i].other);
	if (lost != 0)
		fprintf(out, "{\"epoch\":%u,\"lost\":%u}\n", epoch, lost);
	fflush(out);
}

void
report_epoch(uint32_t number)
{
	report_counts();
	nseen = lost = 0;
	memset(buckets, 0, sizeof(buckets));
	epoch = number;
	fprintf(out, "{\"epoch\":%u,\"begins\":true}\n", epoch);
	fflush(out);
}

void
report_close(void)
{
	unsigned int i;

	report_counts();
	fprintf(out, "{\"summary\":{");
	for (i = 0; i < NCOUNTERS; i++)
		fprintf(out, "%s\"%s\":%llu", i != 0 ? "," : "", counter_names[i],
		    (unsigned long long)counters[i]);
	fprintf(out, "}}\n");
	fclose(out);
}

/* Is it the first of its kind?  Counts it. */
static bool
report_is_new(enum rule rule, uint32_t pc, uint32_t other)
{
	uint32_t h = (pc * 2654435761u ^ other * 40503u ^ (uint32_t)rule * 97u) % BUCKETS;
	struct seen *s;

	for (; buckets[h] != 0; h = (h + 1) % BUCKETS) {
		s = &seen[buckets[h] - 1];
		if (s->rule == rule && s->pc == pc && s->other == other) {
			s->times++;
			return false;
		}
	}
	if (nseen == MAX_REPORTS) {
		lost++;
		return false;
	}
	seen[nseen] = (struct seen){ (uint8_t)rule, pc, other, 1 };
	buckets[h] = (uint16_t)++nseen;
	return true;
}

void
report_lost(void)
{
	lost++;
}

void
report(enum rule rule, const struct cpu *c, uint32_t pc, const struct where *other, uint64_t addr,
    const char *fmt, ...)
{
	static const struct where nobody;
	va_list args;

	if (other == NULL)
		other = &nobody;
	if ((rules[rule].strict && !strict) || !report_is_new(rule, pc, other->pc))
		return;
	fprintf(out,
	    "{\"epoch\":%u,\"rule\":\"%s\",\"section\":\"%s\",\"cpu\":%u,\"mode\":\"%s\","
	    "\"pc\":\"0x%08x\",\"lr\":\"0x%08x\",\"other\":\"0x%08x\",\"ocpu\":%u,"
	    "\"omode\":\"%s\",\"addr\":\"0x%08llx\",\"text\":\"",
	    epoch, rules[rule].name, rules[rule].section, c->id, mode_names[c->mode], pc,
	    (uint32_t)reg_read(c, REG_LR), other->pc, other->cpu, mode_names[other->mode],
	    (unsigned long long)addr);
	va_start(args, fmt);
	vfprintf(out, fmt, args);
	va_end(args);
	fprintf(out, "\",\"fix\":\"%s\"}\n", rules[rule].fix);
	fflush(out);
}
