# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""A whole Debian from a disk, as people run it: to a login prompt, in by ssh, and off in order."""
import socket
import subprocess

import debian
import pytest
from labhost import TOP, LabHost

ARGS = "root=LABEL=guest-root ro console=ttyAMA0 quiet systemd.show_status=1"
NETWORK = (TOP / "bhyve/dev/virtio_net.c").exists()


@pytest.fixture
def disk(tmp_path):
    return debian.copy(tmp_path / "disk.img")


def ssh(port, command):
    done = subprocess.run(
        ["ssh", "-i", debian.CACHE / "ssh-key", "-p", str(port),
         "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
         "-o", "BatchMode=yes", "-o", "ConnectTimeout=300", "root@127.0.0.1", command],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.all
def test_debian_boots_from_a_disk_and_leaves_it_clean(disk):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    net = "-s 6,virtio-net,slirp,hostfwd=tcp::2222-:22" if NETWORK else ""
    with LabHost(cpus=1, memory=1024, module=True, drives=[disk], forward={port: 2222},
                 add=[(debian.CACHE / "vmlinuz", "/disk/vmlinuz"),
                      (debian.CACHE / "initrd", "/disk/initrd")],
                 log=TOP / "build/system/disk-guest.log") as host:
        host.start("bhyve -m 384M -o kernel=/disk/vmlinuz -o initrd=/disk/initrd "
                   f"-o console=stdio -o fdt.bootargs='{ARGS}' -s 4,virtio-blk,/dev/vda "
                   f"-s 5,virtio-rnd {net} guest")
        debian.log_in(host)
        said = debian.shell(host, "systemctl is-system-running --wait; "
                                  "findmnt -no SOURCE,FSTYPE /; date >~/was-here")
        assert "running" in said, said
        assert "/dev/vda2 ext4" in " ".join(said.split())
        if NETWORK:
            assert ssh(port, "hostname; cat ~/was-here | wc -l") == "guest\n1\n"
        host.send("poweroff\n")
        status, _ = host.wait(600)
        assert status == 1
        assert not host.complaints()
        host.ok("sync")
    debian.assert_clean(disk)
