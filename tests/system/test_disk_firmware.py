# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""The whole Debian's disk under Debian's firmware, from reset to the login prompt; what the
firmware keeps for it is there when bhyve runs again. The variables lie on a disk of the host."""
import subprocess
import time

import debian
import pytest
from labhost import TOP, LabHost

GUID = "6d15c000-0000-4000-8000-000000000001"  # of nobody's
VARIABLE = f"/sys/firmware/efi/efivars/Kept-{GUID}"


@pytest.fixture
def disk(tmp_path):
    return debian.copy(tmp_path / "disk.img")


def firmware(path, name):
    subprocess.run([TOP / "lab/firmware-packages", "-q", "--disk", path, name], check=True)
    return path


def host_with(disk, store, name):
    return LabHost(cpus=1, memory=1024, module=True, drives=[disk, store],
                   modules=["crc32c_generic", "ext4"], log=TOP / f"build/system/disk-{name}.log")


def start(host):
    host.start("bhyve -m 384M -l bootrom,/fw/rom,/fw/vars -o console=stdio "
               "-s 4,virtio-blk,/dev/vda -s 5,virtio-rnd guest")
    return time.monotonic()


def power_off(host):
    host.send("poweroff\n")
    status, _ = host.wait(600)
    assert status == 1
    assert not host.complaints()


def mount(host):
    host.ok("mkdir -p /fw; mount -t ext4 /dev/vdb /fw")


@pytest.mark.all
def test_edk2_boots_debian_which_sets_variables(disk, tmp_path):
    store = firmware(tmp_path / "edk2.img", "edk2")
    with host_with(disk, store, "edk2") as host:
        mount(host)
        began = start(host)
        host.expect("EFI stub: ", 600)
        print(f"EDK2 to the kernel: {time.monotonic() - began:.0f} s")
        debian.log_in(host)
        print(f"to the prompt: {time.monotonic() - began:.0f} s")
        assert "running" in debian.shell(host, "systemctl is-system-running --wait")
        # Attributes: kept, for boot services and at run time.
        debian.shell(host, rf"printf '\7\0\0\0kept' >{VARIABLE}")
        said = debian.shell(host, r"efibootmgr -q -c -d /dev/vda -p 1 -L by-debian "
                                  r"-l '\EFI\systemd\systemd-bootarm.efi'; efibootmgr")
        assert "by-debian" in said
        power_off(host)
    # A new host: nothing is left of the first but its disks.
    with host_with(disk, store, "edk2-again") as host:
        mount(host)
        start(host)
        host.expect(r'BdsDxe: starting Boot\d+ "by-debian"', 600)
        debian.log_in(host)
        assert "kept" in debian.shell(host, f"tail -c 4 {VARIABLE}; echo")
        said = debian.shell(host, "efibootmgr")
        current = next(line.split()[1] for line in said.splitlines() if "BootCurrent" in line)
        assert f"Boot{current}* by-debian" in said
        power_off(host)
        host.ok("umount /fw")
    debian.assert_clean(disk)


@pytest.mark.all
def test_uboot_boots_debian_and_keeps_its_environment(disk, tmp_path):
    store = firmware(tmp_path / "u-boot.img", "u-boot")
    with host_with(disk, store, "u-boot") as host:
        mount(host)
        start(host)
        host.expect("Hit any key to stop autoboot", 120)
        host.send("\n")
        host.expect("=> ")
        # What Debian then shows that the firmware has kept and used.
        host.send("setenv bootargs_kept kept=by-u-boot; saveenv\n")
        host.expect(r"OK\r*\n=> ", 600)
        host.send("reset\n")
        status, _ = host.wait(60)
        assert status == 0
    with host_with(disk, store, "u-boot-again") as host:
        mount(host)
        began = start(host)
        host.expect("Hit any key to stop autoboot", 120)
        host.send("\n")
        host.expect("=> ")
        host.send("printenv bootargs_kept; boot\n")
        host.expect("bootargs_kept=kept=by-u-boot", 30)
        host.expect("EFI stub: ", 600)
        print(f"U-Boot to the kernel: {time.monotonic() - began:.0f} s")
        debian.log_in(host)
        print(f"to the prompt: {time.monotonic() - began:.0f} s")
        assert "running" in debian.shell(host, "systemctl is-system-running --wait")
        said = debian.shell(host, "findmnt -no SOURCE,FSTYPE /; ls /proc/device-tree")
        assert "/dev/vda2 ext4" in " ".join(said.split()) and "fw-cfg@9020000" in said
        power_off(host)
        host.ok("umount /fw")
    debian.assert_clean(disk)
