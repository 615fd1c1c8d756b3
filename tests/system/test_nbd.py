# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""A guest's disk that an NBD server has: a qcow2 image, served by this machine's qemu-nbd, through
libnbd in a bhyve that is in its sandbox."""
import hashlib
import socket
import subprocess
import time

import guests
import pytest

from conftest import need_module, need_tools
from labhost import TOP, LabHost, hostlib

MODULES = ("virtio_pci", "virtio_blk")
MIB = 1 << 20
PORT = 10809  # of the ARM host's view
SCRIPT = """
echo "size $(cat /sys/block/vda/size)"
echo "read $(md5sum </dev/vda)"
dd if=/dev/zero bs=64k count=16 2>/dev/null | tr '\\0' z | dd of=/dev/vda bs=64k seek=32 2>/dev/null
sync
echo 3 >/proc/sys/vm/drop_caches
echo "again $(dd if=/dev/vda bs=64k skip=32 count=16 2>/dev/null | md5sum)"
echo server-may-go
n=0
while dd if=/dev/vda of=/dev/null bs=4k count=1 skip=$n iflag=direct 2>/tmp/said; do
	n=$((n+1))
	sleep 0.2
done
echo "failed: $(tail -n 1 /tmp/said)"
(echo lost >/dev/vda) 2>/dev/null; sync
echo "alive $(cat /proc/sys/kernel/ostype)"
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """qemu-nbd with a qcow2 image that has this content."""

    def __init__(self, where, content):
        self.image = where / "disk.qcow2"
        (where / "raw").write_bytes(content)
        subprocess.run(["qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", where / "raw",
                        self.image], check=True)
        self.port = free_port()
        self.process = subprocess.Popen(
            ["qemu-nbd", "--bind=127.0.0.1", f"--port={self.port}", "--persistent", "--shared=4",
             "--format=qcow2", "--cache=writeback", self.image], stdin=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError("qemu-nbd does not listen")

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.terminate()
        self.process.wait()

    def content(self):
        """Of the image, once the server has ended."""
        raw = self.image.with_suffix(".raw")
        subprocess.run(["qemu-img", "convert", "-q", "-O", "raw", self.image, raw], check=True)
        return raw.read_bytes()


@pytest.fixture(autouse=True)
def needs():
    need_tools()
    need_module("armmp")
    if not (TOP / "build/armhf" / hostlib.NBD_TOOL).exists():
        pytest.skip("bhyve-nbd has not been built")


def until(host, word, seconds=150):
    host.ok(f"n=0; until grep -q '{word}' /tmp/console; do sleep 0.2; n=$((n+1)); "
            f"[ $n -lt {5 * seconds} ] || {{ cat /tmp/out /tmp/console; exit 1; }}; done",
            timeout=seconds + 60)


def test_qcow2_over_nbd(tmp_path):
    content = b"".join(hashlib.sha256(b"%d" % n).digest() * 128 for n in range(4 * 256))
    assert len(content) == 4 * MIB
    (tmp_path / "initrd").write_bytes(hostlib.guest_initrd(script=SCRIPT, modules=MODULES))
    with Server(tmp_path, content) as server, \
            LabHost(module=True, nbd=True, reach={PORT: server.port},
                    add=[(tmp_path / "initrd", "/initrd")]) as host:
        uri = f"nbd://{hostlib.REACHED}:{PORT}"
        run = guests.command("g", initrd="/initrd", console="file:/tmp/console",
                             options=f"-s 4,virtio-blk,{uri}")
        host.ok(f"({run}; echo $? >/tmp/status) </dev/null >/tmp/out 2>&1 &")
        until(host, "server-may-go")
        assert "Seccomp:\t2" in host.ok(
            "for t in /proc/$(pidof bhyve | tr ' ' '\\n' | sort -n | head -n 1)/task/*/status; do "
            "grep Seccomp: $t; done | sort -u").splitlines()
        server.end()
        until(host, "guest: exit")
        said = host.ok("cat /tmp/console").replace("\r", "")
        host.ok("until [ -f /tmp/status ]; do sleep 0.1; done")
        assert host.ok("cat /tmp/status").strip() == "1"  # powered off
        assert "the NBD server has gone; its disk fails from now on" in host.ok("cat /tmp/out")
        # A server that is not there is said, and no VM is made.
        status, text = host.run(run)
        assert status == 4 and uri in text, text
        assert not host.complaints()
    assert f"size {len(content) // 512}" in said
    assert f"read {hashlib.md5(content).hexdigest()}" in said
    written = b"z" * MIB
    assert f"again {hashlib.md5(written).hexdigest()}" in said
    assert "failed: " in said and "error" in said.split("failed: ")[1].splitlines()[0].lower()
    assert "alive Linux" in said
    assert server.content() == content[:2 * MIB] + written + content[3 * MIB:]
