/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What bhyve still needs of the world outside its sandbox once it is in it, by a small process that
 * stays outside: sockets' files are removed, a wire's other end is connected to, the VM is
 * destroyed.  It is asked by number: which files and peers there are was said before the sandbox
 * was entered (outside_seal()), and nothing can be added afterwards.
 *
 * Without that process (sandbox=off, unit tests) the same calls do it themselves.  There is one
 * sandbox a process, so the state is the process's.  Any thread may call, but for what says so.
 */
#ifndef BHYVE_OUTSIDE_H
#define BHYVE_OUTSIDE_H

#include <stdbool.h>

/* Makes the process; before any thread is made and any file opened.  -1 with errno. */
int outside_start(const char *vm_name);
/* From here on there are no new files and peers. */
void outside_seal(void);
/* The process's files are removed, and it has ended.  Last of all, main thread. */
void outside_end(void);

/*
 * The file of a socket that was made at path: a number for outside_remove(), and when bhyve is
 * killed it is removed, too.  -1 with errno.
 */
int outside_add_file(const char *path);
void outside_remove(int file);

/* A path that datagrams go to: a number, -1 with errno. */
int outside_add_peer(const char *path);
/* A datagram socket that is connected to it, CLOEXEC and not blocking; -1 with errno. */
int outside_connect(int peer);

/* vm_control_allowed() of the VM that was named at the start, or of vm_name without the process. */
bool outside_client_allowed(const char *vm_name, int fd);
int outside_destroy_vm(const char *vm_name); /* vm_destroy_name(), in the same way */

/*
 * This process makes connections of its own as it runs (libslirp): internet sockets are not taken
 * from it, and /etc/resolv.conf is there for it.  Before outside_seal().
 */
void outside_need_internet(void);
bool outside_needs_internet(void);
/* /etc/resolv.conf as it is now, open; -1 with errno.  Async-signal-safe once sealed. */
int outside_open_resolver(void);
#define OUTSIDE_RESOLVER "/etc/resolv.conf"

#endif /* BHYVE_OUTSIDE_H */
