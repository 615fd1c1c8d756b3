/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The terminal's mode.  It is the process's, so its state is global: it must be put back from
 * atexit() and from the handlers of deadly signals.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "console.h"
#include "debug.h"

static struct termios saved_mode;
static volatile sig_atomic_t is_raw;
static bool wanted;

void
tty_restore(void)
{
	if (is_raw) {
		is_raw = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &saved_mode);
	}
}

static void
deadly(int signo)
{
	tty_restore();
	/* SA_RESETHAND: this one kills. */
	raise(signo);
}

static void
set_raw(void)
{
	struct termios mode = saved_mode;

	cfmakeraw(&mode);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0)
		is_raw = 1;
}

void
tty_want_raw(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT };
	struct sigaction sa = { .sa_handler = deadly,
		.sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

	if (wanted || !isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved_mode) != 0)
		return;
	wanted = true;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
	atexit(tty_restore);
}

void
tty_again(void)
{
	/* A background process that sets the mode would be stopped. */
	if (wanted && tcgetpgrp(STDIN_FILENO) == getpgrp())
		set_raw();
}

void
say(const char *fmt, ...)
{
	char line[512];
	size_t len;
	va_list ap;
	int n;

	len = (size_t)snprintf(line, sizeof(line), "bhyve: ");
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 2, fmt, ap);
	va_end(ap);
	if (n > 0)
		len = strlen(line);
	memcpy(line + len, is_raw ? "\r\n" : "\n", is_raw ? 2 : 1);
	len += is_raw ? 2 : 1;
	/* One write a line, so that threads do not mix theirs. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
