# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Debian's kernel as a guest of Debian's kernel: host machines, kernels and CPUs by guest kernels
and vCPUs. Four cells in `make check`, all of them in `make check-all`."""
import itertools

import guests
import pytest

from conftest import need_tools
from labhost import hostlib

TWO = "two"  # two guests side by side
CHECK = {("virt", "armmp", 1, "armmp", 1), ("virt", "armmp", 2, "armmp", 4),
         ("vexpress-a15", "armmp-lpae", 2, "armmp-lpae", 2),
         ("virt", "armmp-lpae", 2, "armmp", TWO)}


def cells():
    for machine, kernel, cpus in itertools.product(("virt", "vexpress-a15"),
                                                   ("armmp", "armmp-lpae"), (1, 2)):
        for gkernel, vcpus in [*itertools.product(("armmp", "armmp-lpae"), (1, 2, 4)),
                               ("armmp", TWO)]:
            cell = (machine, kernel, cpus, gkernel, vcpus)
            mark = () if cell in CHECK else pytest.mark.all
            yield pytest.param(*cell, marks=mark,
                               id=f"{machine}-{kernel}-{cpus}cpu-guest-{gkernel}-{vcpus}")


@pytest.mark.parametrize("machine,kernel,cpus,gkernel,vcpus", cells())
def test_guest(hosts, machine, kernel, cpus, gkernel, vcpus):
    need_tools()
    host = hosts.get(machine=machine, kernel=kernel, cpus=cpus, guest_lpae=True, memory=1024,
                     files=[("/guest/report", hostlib.guest_initrd(guests.REPORT))])
    host.clear_dmesg()
    if vcpus == TWO:
        two_guests(host, gkernel)
    else:
        status, text = guests.run(host, vcpus=vcpus, kernel=gkernel, initrd="/guest/report")
        assert status == 1, f"bhyve ended with {status}, not 1 (powered off):\n{text[-3000:]}"
        guests.check_boot(text, vcpus, gkernel)
    assert host.ok("bhyvectl --list | tail -n +2").strip() == ""
    assert not host.complaints()


def two_guests(host, kernel):
    """Both run at once: each waits for the other's file to grow before it may end."""
    for name in ("a", "b"):
        host.ok(guests.command(name, vcpus=2, kernel=kernel, initrd="/guest/report",
                               console=f"file:/tmp/{name}.log", memory="160M") +
                f" </dev/null >/tmp/{name}.out 2>&1 & echo $! >/tmp/{name}.pid")
    host.ok("sleep 1; [ $(bhyvectl --list | tail -n +2 | wc -l) = 2 ]")
    for name in ("a", "b"):
        host.ok(f"n=0; while kill -0 $(cat /tmp/{name}.pid) 2>/dev/null; do sleep 0.2; "
                "n=$((n+1)); [ $n -lt 900 ] || exit 1; done", timeout=200)
        text = host.ok(f"cat /tmp/{name}.log; cat /tmp/{name}.out >&2; rm /tmp/{name}.log")
        guests.check_boot(text, 2, kernel)
