/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * mktap NAME: makes a tap of one queue that stays, as `ip tuntap add dev NAME mode tap vnet_hdr`.
 */
#include <sys/ioctl.h>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (argc != 2 || strlen(argv[1]) >= sizeof(ifr.ifr_name)) {
		fprintf(stderr, "usage: mktap NAME\n");
		return 2;
	}
	strcpy(ifr.ifr_name, argv[1]);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0 || ioctl(fd, TUNSETPERSIST, 1) != 0) {
		perror("mktap");
		return 1;
	}
	close(fd);
	return 0;
}
