# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""FreeBSD's kernel as a guest. What its loader leaves for it is shown by a guest of ours that walks
the list as the kernel does. No file of FreeBSD is in this tree: FREEBSD_GUEST_KERNEL names an armv7
kernel (the ELF file), FREEBSD_GUEST_ROOT an FFS image with /sbin/init, /bin/sh, /sbin/mount,
/sbin/halt and /sbin/reboot in it, whose /etc/rc is `eval "$(kenv lab.run)"` or more; without them
these tests are skipped and say so."""
import os
import re
from pathlib import Path

import programs
import pytest
from conftest import need_tools

LIST = programs.BUILT / "freebsd-list.kernel"
KERNEL = os.environ.get("FREEBSD_GUEST_KERNEL")
ROOT = os.environ.get("FREEBSD_GUEST_ROOT")
IMAGE = bytes(range(256)) * 20 + b"end"
POWERED_OFF, RESET = 1, 0


def host_files():
    files = [("/guest/image", IMAGE)]
    for there, here in (("/guest/list", LIST), ("/guest/freebsd", KERNEL), ("/guest/root", ROOT)):
        if here and Path(here).exists():
            files.append((there, Path(here).read_bytes()))
    return files


HOST = dict(cpus=2, files=host_files())
needs_freebsd = pytest.mark.skipif(
    not (KERNEL and ROOT), reason="FREEBSD_GUEST_KERNEL and FREEBSD_GUEST_ROOT name no FreeBSD")


@pytest.fixture(autouse=True)
def built():
    need_tools()
    if not LIST.exists():
        pytest.skip("tests/guest has not been built")


def run(host, load, seconds, bhyve=""):
    """bhyveload with these options, then bhyve: its status and the guest's console."""
    status, text = host.run(f"bhyveload {load} f && timeout {seconds} bhyve {bhyve} f </dev/null; "
                            "s=$?; bhyvectl --destroy --vm=f; exit $s", timeout=seconds + 60)
    return status, text.replace("\r", "")


def test_list(host):
    status, text = run(host, "-m 64M -k /guest/list -i /guest/image -a '-v kern.a=1' "
                       "-e kern.b='2 3' -e boot_single=YES", 60)
    assert status == POWERED_OFF, text
    assert "kernel, elf kernel: flags 0x802\n" in text
    assert "arguments: -v kern.a=1\n" in text
    assert re.findall("variable: (.*)", text) == ["kern.a=1", "kern.b=2 3", "boot_single=YES"]
    assert re.search(r"symbols: [1-9]\d* bytes\n", text)
    assert f"image, md_image: {len(IMAGE)} bytes, sum {sum(IMAGE):#x}\n" in text
    assert "PASS freebsd-list\n" in text


def test_list_by_bhyve(host):
    """The same by bhyve's own loader, and a little memory."""
    status, text = host.run("timeout 60 bhyve -m 8M -o kernel=/guest/list -o kenv.x.y=z "
                            "-o fdt.bootargs=FreeBSD:-s f </dev/null", timeout=90)
    text = text.replace("\r", "")
    assert status == POWERED_OFF, text
    assert "flags 0x2\n" in text and "variable: x.y=z\n" in text and "no image\n" in text


def test_refused(host):
    for options, words in (("-k /guest/list -i /guest/vmlinuz -m 6M", "do not fit"),
                           ("-k /guest/vmlinuz -e a=b", "bhyveload -e"),
                           ("-k /guest/list -a -z", "no flag -z")):
        status, text = host.run(f"bhyveload {options} f")
        assert status == 1 and words in text, text
        assert host.run("bhyvectl --info --vm=f")[0] != 0  # none was made


@pytest.mark.all
@needs_freebsd
@pytest.mark.parametrize("vcpus", [1, 2])
def test_root_in_memory(host, vcpus):
    """To init and its shell; what it does at its end ends bhyve as it should."""
    what = "echo cpus `sysctl -n hw.ncpu`; mount; halt -p"
    status, text = run(host, f"-c {vcpus} -m 128M -k /guest/freebsd -i /guest/root "
                       f"-e vfs.root.mountfrom=ufs:/dev/md0 -e lab.run='{what}'", 400)
    assert f"cpus {vcpus}\n" in text and "/dev/md0 on /" in text, text[-3000:]
    assert status == POWERED_OFF, text[-2000:]


@pytest.mark.all
@needs_freebsd
def test_root_on_disk(host):
    """virtio-mmio before 1.0: FreeBSD before 13 knows no other."""
    what = ("mount; mount -u -o rw /; ifconfig vtnet0 inet 10.0.2.15/24; sleep 1; "
            "ping -c 2 10.0.2.2; dd if=/dev/zero of=/file bs=64k count=4; sync; reboot")
    status, text = run(
        host, "-m 128M -k /guest/freebsd -s mmio:0 -s mmio:1 "
        f"-e vfs.root.mountfrom=ufs:/dev/vtbd0 -e lab.run='{what}'", 400,
        "-s mmio:0,virtio-blk,/guest/root -s mmio:1,virtio-net,slirp")
    assert "/dev/vtbd0 on /" in text, text[-3000:]
    assert "2 packets transmitted, 2 packets received" in text, text[-3000:]
    assert status == RESET, text[-2000:]
