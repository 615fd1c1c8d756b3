/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The worker of a virtio device without its thread: it works when the test says so, so that what
 * happened once happens again.
 */
#ifndef FAKE_WORKER_H
#define FAKE_WORKER_H

/* Up to n looks at the queues, as long as the device asks for more at once. */
void fake_worker_run(unsigned int n);

#endif /* FAKE_WORKER_H */
