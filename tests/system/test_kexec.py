# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""kexec with the module loaded: the next kernel starts in HYP mode again, and vmm loads there."""
import pytest

from conftest import need_module
from labhost import TOP, LabHost, hostlib

KEXEC = TOP / "build/armhf/tests/load/kexec"
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
dmesg | grep -o 'started in [A-Z]* mode'
insmod /vmm.ko && [ -c /dev/vmmctl ] && echo second kernel: vmm is loaded
dmesg | grep vmm
poweroff -f
"""


def second_initrd(tmp_path):
    script = tmp_path / "init"
    script.write_text(INIT)
    cpio = hostlib.busybox_root(script)
    cpio.file("vmm.ko", hostlib.module_path("armmp"))
    second = tmp_path / "initrd"
    second.write_bytes(cpio.bytes())
    return second


def booted(tmp_path, cpus, **more):
    need_module("armmp")
    if not KEXEC.exists():
        pytest.skip("tests/load/kexec has not been built")
    return LabHost(cpus=cpus, module=True,
                   add=[(KEXEC, "/kexec"), (second_initrd(tmp_path), "/initrd2")], **more)


def second_kernel(host):
    host.expect("started in HYP mode", timeout=60)
    host.expect("second kernel: vmm is loaded", timeout=30)


@pytest.mark.parametrize("cpus", [1, 2])
def test_kexec(tmp_path, cpus):
    with booted(tmp_path, cpus) as host:
        host.ok("[ -c /dev/vmmctl ]")
        host.start("/kexec /guest/vmlinuz /initrd2")
        second_kernel(host)


def test_crash_kernel(tmp_path):
    """A host that panics leaves HYP mode as its crash kernel wants it, a guest running or not."""
    with booted(tmp_path, 2, append="crashkernel=96M") as host:
        host.ok("(while :; do bhyve -m 64M -o console=stdio -o kernel=/guest/tests/vtimer.elf v; "
                "done) </dev/null >/dev/null 2>&1 &")
        host.ok("until [ -c /dev/vmm/v ]; do sleep 0.1; done")
        host.ok("/kexec -p /guest/vmlinuz /initrd2")
        host.start("echo c >/proc/sysrq-trigger")
        second_kernel(host)
