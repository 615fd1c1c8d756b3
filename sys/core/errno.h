/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Error numbers of the module.  They are the ones Linux and FreeBSD share; where
 * the two differ the glue translates on the way out.
 */
#ifndef CORE_ERRNO_H
#define CORE_ERRNO_H

#ifndef EPERM
#define EPERM  1
#define ENOENT 2
#define EINTR  4
#define EIO    5
#define ENXIO  6
#define E2BIG  7
#define EBADF  9
#define EAGAIN 11 /* Linux's */
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY  16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ERANGE 34
#endif
#ifndef ENOTTY
#define ENOTTY 25
#endif
#ifndef ENAMETOOLONG
#define ENAMETOOLONG 36 /* Linux's */
#endif
#ifndef EOPNOTSUPP
#define EOPNOTSUPP 95 /* Linux's */
#endif

#endif /* CORE_ERRNO_H */
