/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Where the guest's serial console goes.
 */
#ifndef BHYVE_CONSOLE_H
#define BHYVE_CONSOLE_H

#include "chardev.h"
#include "event.h"

/* where: stdio, pty, unix:PATH, file:PATH or none.  NULL, and a line was said. */
struct chardev *console_open(struct ev_loop *loop, const char *where);
/* Begin to pass input on: once a device is attached. */
void console_start(struct chardev *cd);
/* Writes out what is left, as long as somebody takes it; then closes and frees. */
void console_close(struct chardev *cd);

/* ---- the terminal (tty.c) ---- */

/* Raw mode on descriptor 0, until exit or a deadly signal.  Not in the background. */
void tty_raw(void);
void tty_restore(void);
/* After the process was stopped and continued. */
void tty_again(void);

#endif /* BHYVE_CONSOLE_H */
