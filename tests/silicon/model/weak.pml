/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Memory nearly as weak as the ARMv7 architecture lets it be: docs/silicon-model.md explains it,
 * and says what it leaves out.
 *
 * A model defines, before it includes this file:
 *	NOBS	how many observers there are: CPUs first, then at most one table walker
 *	NCPU	how many of them are CPUs: 2 or 3
 *	NVAR	how many variables, 3 to 5; they are numbered from 0
 *	SEES_n	the variables that observer n ever reads, as bits (the default: all)
 *	LOADS_n	those of them that CPU n reads with LDR, not only with LDREX (the default: the same)
 *
 * A store is seen by its own CPU at once and reaches every other observer by itself, in any
 * order: memory() carries it.  A value that has reached a CPU may be missed once more by a load
 * that was satisfied before: the CPU kept the older one (stale).  DMB waits until all that this
 * CPU has seen, its own stores or others', has reached all CPUs that look at it, and forgets what
 * it kept.  DSB waits for the table walker too.
 *
 * A variable has one store under way at a time; one that follows it at the same place takes its
 * place, or goes before it if nobody has seen it, or waits.
 */
#ifndef SEES_0
#define SEES_0 ALLV
#endif
#ifndef LOADS_0
#define LOADS_0 SEES_0
#endif
#ifndef SEES_1
#define SEES_1 ALLV
#endif
#ifndef LOADS_1
#define LOADS_1 SEES_1
#endif
#ifndef SEES_2
#define SEES_2 ALLV
#endif
#ifndef LOADS_2
#define LOADS_2 SEES_2
#endif

#define BIT(v) (1 << (v))
#define ALLV   (BIT(NVAR) - 1)

byte was[NVAR];		/* what an observer has that the last store has not reached */
byte val[NVAR];		/* what the last store stored */
short got[NOBS] = ALLV; /* the variables whose last store has reached this observer */
short fresh;		/* those whose last store has reached nobody but its CPU */
short excl;		/* those whose last store is a STREX's */
short stale[NCPU];	/* those of which a load may still give what was kept */
byte kept[NCPU * NVAR];
hidden byte w_i;

#define REACHED(o) (got[o] | (ALLV & ~(SEES_##o)))
#if NCPU == 2
#define AT_CPUS (REACHED(0) & REACHED(1))
#else
#define AT_CPUS (REACHED(0) & REACHED(1) & REACHED(2))
#endif
#if NOBS == NCPU
#define AT_ALL AT_CPUS
#elif NOBS == 3
#define AT_ALL (AT_CPUS & REACHED(2))
#endif

#define SETTLED(v) ((AT_ALL & BIT(v)) != 0)
#define HAS(me, v) ((got[me] & BIT(v)) != 0)
#define KEPT(me, v) kept[(me) * NVAR + (v)]

/* ---- how a store gets around ---- */

#define LOSE(o, me, v) \
	if \
	:: (o) != (me) -> got[o] = got[o] & ~BIT(v) \
	:: else \
	fi

/* Drop what me has kept of v, for good. */
inline forget(me, v)
{
	stale[me] = stale[me] & ~BIT(v);
	KEPT(me, v) = 0
}

/* The last store of v has reached all who look: it is over for the others as well. */
inline settle(v)
{
	if
	:: SETTLED(v) ->
		was[v] = val[v];
		fresh = fresh & ~BIT(v);
		excl = excl & ~BIT(v);
		got[0] = got[0] | BIT(v);
		got[1] = got[1] | BIT(v);
#if NOBS > 2
		got[2] = got[2] | BIT(v);
#endif
	:: else
	fi
}

/* In an atomic sequence; the last store of v is settled. */
inline launch(me, v, x)
{
	forget(me, v);
	if
	:: val[v] != (x) ->
		was[v] = val[v];
		val[v] = (x);
		fresh = fresh | BIT(v);
		LOSE(0, me, v);
		LOSE(1, me, v);
#if NOBS > 2
		LOSE(2, me, v);
#endif
		settle(v)
	:: else
	fi
}

inline arrive(o, v)
{
	got[o] = got[o] | BIT(v);
	fresh = fresh & ~BIT(v)
}

#define CARRY_TO_CPU(o, v) \
	:: atomic { (SEES_##o & BIT(v)) && !HAS(o, v) -> \
		arrive(o, v); \
		if \
		:: was[v] != val[v] && (LOADS_##o & BIT(v)) -> stale[o] = stale[o] | BIT(v); KEPT(o, v) = was[v] \
		:: true \
		fi; \
		settle(v); \
		printf("%d is in v%d for %d\n", val[v], v, o) \
	}

#define CARRY_TO_WALKER(o, v) \
	:: d_step { (SEES_##o & BIT(v)) && !HAS(o, v) -> \
		arrive(o, v); \
		settle(v); \
		printf("%d is in v%d for %d\n", val[v], v, o) \
	}

#if NVAR == 3
#define CARRY(to, o) to(o, 0) to(o, 1) to(o, 2)
#elif NVAR == 4
#define CARRY(to, o) to(o, 0) to(o, 1) to(o, 2) to(o, 3)
#elif NVAR == 5
#define CARRY(to, o) to(o, 0) to(o, 1) to(o, 2) to(o, 3) to(o, 4)
#endif

active proctype memory()
{
end:
	do
	CARRY(CARRY_TO_CPU, 0)
	CARRY(CARRY_TO_CPU, 1)
#if NCPU > 2
	CARRY(CARRY_TO_CPU, 2)
#elif NOBS > 2
	CARRY(CARRY_TO_WALKER, 2)
#endif
	od
}

/* ---- instructions ---- */

#define NOW(me, v) (HAS(me, v) -> val[v] : was[v])

/* LDR.  It may have been satisfied early. */
inline ld(me, v, r)
{
	atomic {
		if
		:: (stale[me] & BIT(v)) != 0 -> r = KEPT(me, v)
		:: true -> r = NOW(me, v); forget(me, v)
		fi;
		printf("CPU %d reads v%d: %d\n", me, v, r)
	}
}

/* STR */
inline st(me, v, x)
{
	atomic {
		if
		:: SETTLED(v) -> launch(me, v, x)
		/* ours, and in our buffer still: merged */
		:: !SETTLED(v) && HAS(me, v) && (fresh & ~excl & BIT(v)) ->
			val[v] = (x);
			forget(me, v)
		/* another's, in its buffer: ours comes before it */
		:: !HAS(me, v) && (fresh & ~excl & BIT(v)) ->
			was[v] = (x);
			forget(me, v)
		fi;
		printf("CPU %d stores v%d: %d\n", me, v, x)
	}
}

/* LDREX and a STREX that succeeds; x may use r. */
inline rmw(me, v, r, x)
{
	atomic {
		if
		:: SETTLED(v) ->
			r = val[v];
			printf("CPU %d changes v%d: %d to %d\n", me, v, r, x);
			launch(me, v, x);
			if
			:: !SETTLED(v) -> excl = excl | BIT(v)
			:: else
			fi
		:: !HAS(me, v) && (fresh & ~excl & BIT(v)) ->
			r = was[v];
			printf("CPU %d changes v%d: %d to %d\n", me, v, r, x);
			was[v] = (x);
			forget(me, v)
		fi
	}
}

inline forget_all(me)
{
	stale[me] = 0;
	w_i = 0;
	do
	:: w_i < NVAR -> KEPT(me, w_i) = 0; w_i++
	:: else -> break
	od;
	w_i = 0
}

inline dmb(me)
{
	d_step {
		(got[me] & ~AT_CPUS) == 0 -> forget_all(me)
	}
}

inline dsb(me)
{
	d_step {
		(got[me] & ~AT_ALL) == 0 -> forget_all(me)
	}
}

/* DSB ISHST: stores are complete, loads are not ordered. */
inline dsb_st(me)
{
	(got[me] & ~AT_ALL) == 0
}

/*
 * What the compiler makes of the C11 atomics for armv7-a: see the document.  An access and the
 * barrier behind it are one step, which hides nothing; a barrier and what follows it are not: a
 * later load may be satisfied in between.
 */
inline ld_acquire(me, v, r)    { atomic { ld(me, v, r); dmb(me) } }
inline ld_seqcst(me, v, r)     { dmb(me); atomic { ld(me, v, r); dmb(me) } }
inline st_release(me, v, x)    { dmb(me); st(me, v, x) }

/*
 * A barrier that can be taken out: the runner defines every NO_... of a model as 0 or 1.
 */
#define UNLESS(no, insn)  UNLESS1(no, insn)
#define UNLESS1(no, insn) UNLESS_##no(insn)
#define UNLESS_0(insn)	  insn
#define UNLESS_1(insn)	  skip
