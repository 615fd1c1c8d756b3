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
/*
 * The same for an option of another name, label, which is for messages.  Not a terminal: a stream
 * of data, of which nothing is lost while a client is connected, however slow, and nothing is kept
 * for the next one.
 */
struct chardev *console_open_port(
    struct ev_loop *loop, const char *label, const char *where, bool terminal);
/* NULL, or what is wrong with where of a port; a path alone is unix:PATH. */
const char *console_port_wrong(const char *where);
/* Begin to pass input on: once a device is attached. */
void console_start(struct chardev *cd);
/* Writes out what is left, as long as somebody takes it; then closes and frees. */
void console_close(struct chardev *cd);

/* ---- the terminal (tty.c) ---- */

/* Raw mode is wanted on descriptor 0: from tty_again() on, until exit or a deadly signal. */
void tty_want_raw(void);
void tty_restore(void);
/* When it may begin, and after the process was stopped and continued.  Not in the background. */
void tty_again(void);

#endif /* BHYVE_CONSOLE_H */
