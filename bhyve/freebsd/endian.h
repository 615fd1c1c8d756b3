/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <endian.h> of POSIX 2024, which FreeBSD has under another name only before 14.
 */
#ifndef BHYVE_FREEBSD_ENDIAN_H
#define BHYVE_FREEBSD_ENDIAN_H

#include <sys/endian.h>

#endif /* BHYVE_FREEBSD_ENDIAN_H */
