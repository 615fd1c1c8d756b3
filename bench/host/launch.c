/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * launch PROGRAM ARGUMENT...: runs it to its end, then says "launched N", CNTVCT as it was just
 * before execve(): the count that trace records have, too.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static uint64_t
cntvct(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrrc p15, 1, %Q0, %R0, c14" : "=r"(t)::"memory");
	return t;
}

int
main(int argc, char **argv)
{
	volatile uint64_t *began = mmap(
	    NULL, sizeof(*began), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (argc < 2 || began == MAP_FAILED || (pid = fork()) < 0)
		return 1;
	if (pid == 0) {
		*began = cntvct();
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	printf("launched %llu\n", (unsigned long long)*began);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
