/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * That weak.pml is neither stronger than ARMv7 where our models count on it, nor weaker: small
 * programs of which the architecture says what they may read (DDI 0406C A3.8).  One of
 * them is run; r0 and r1 are what its observer read.
 */
#define X    0
#define Y    1
#define Z    2 /* weak.pml wants three */
#define NVAR 3
#define NCPU 3
#define NOBS 3
#include "weak.pml"

mtype = { MESSAGE, STORES, CAUSE, ORDER };
mtype which;
byte r0, r1, r2;
byte done;

#define NEW_THEN_OLD (r0 == 1 && r1 == 0)

/* A message: data, then flag. */
inline message0() { st(0, X, 1); UNLESS(NO_DMB_WRITER, dmb(0)); st(0, Y, 1) }
inline message1()
{
	ld(1, Y, r0);
	UNLESS(NO_DMB_READER, dmb(1));
	ld(1, X, r1);
	assert(!NEW_THEN_OLD)
}

/* Each stores and then reads what the other stored: one at least sees it. */
inline stores0() { st(0, X, 1); UNLESS(NO_DMB_STORES_0, dmb(0)); ld(0, Y, r0) }
inline stores1() { st(1, Y, 1); UNLESS(NO_DMB_STORES_1, dmb(1)); ld(1, X, r1) }

/* CPU 1 saw X and passes on that it did: a DMB is cumulative. */
inline cause1() { ld(1, X, r2); UNLESS(NO_DMB_CAUSE, dmb(1)); st(1, Y, r2) }
inline cause2()
{
	ld(2, Y, r0);
	UNLESS(NO_DMB_EFFECT, dmb(2));
	ld(2, X, r1);
	assert(!NEW_THEN_OLD)
}

/* One place goes forward only, without barriers: nobody reads the new value and then the old. */
inline order1() { ld(1, X, r0); ld(1, X, r1); assert(!NEW_THEN_OLD) }

proctype cpu0()
{
	if
	:: which == MESSAGE -> message0()
	:: which == STORES -> stores0()
	:: else -> st(0, X, 1)
	fi;
	done++
}

proctype cpu1()
{
	if
	:: which == MESSAGE -> message1()
	:: which == STORES -> stores1()
	:: which == CAUSE -> cause1()
	:: which == ORDER -> order1()
	fi;
	done++
}

proctype cpu2()
{
	if
	:: which == CAUSE -> cause2()
	:: else
	fi;
	done == 2;
	assert(which != STORES || r0 == 1 || r1 == 1)
}

init {
	if
	:: which = MESSAGE
	:: which = STORES
	:: which = CAUSE
	:: which = ORDER
	fi;
	atomic { run cpu0(); run cpu1(); run cpu2() }
}
