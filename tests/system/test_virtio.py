# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Debian's kernel as a guest with devices on PCI and in virtio-mmio: it finds them, they work, and
what it asks of a disk does not come through the run loop."""
import hashlib
import json
import time

import guests
import pytest

from conftest import need_module, need_tools
from labhost import LabHost, hostlib

MODULES = ("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_rng", "virtio_balloon",
           "virtio_console")
DISK_MIB = 32
SCRIPT = """
for device in /sys/bus/virtio/devices/*; do
	driver=$(basename $(readlink $device/driver))
	echo "device $(cat $device/device) $driver $(readlink -f $device)"
done
echo "random $(dd if=/dev/hwrng bs=16 count=4 2>/dev/null | wc -c)"
echo "disk $(md5sum </dev/vda)"
echo 3 >/proc/sys/vm/drop_caches
echo begin-io
sleep 3
cat /dev/vda >/dev/null
echo end-io
sleep 3
echo "serial $(cat /sys/block/vda/serial) ro $(cat /sys/block/vdb/ro)"
echo written >/dev/vda
sync
(echo written >/dev/vdb) 2>/dev/null || echo vdb is read-only
grep virtio /proc/interrupts
"""


@pytest.fixture(autouse=True)
def needs():
    need_tools()
    need_module("armmp")


def stats(host):
    """The VM's counters, vCPU 0's."""
    return {words[0]: int(words[1]) for words in
            (line.split() for line in host.ok("bhyvectl --vm=g --get-stats").splitlines())
            if len(words) > 1 and words[1].isdecimal()}


def until(host, word, seconds=150):
    host.ok(f"n=0; until grep -q '{word}' /tmp/console 2>/dev/null; do sleep 0.2; n=$((n+1)); "
            f"[ $n -lt {5 * seconds} ] || {{ cat /tmp/out; tail /tmp/console; exit 1; }}; done",
            timeout=2 * seconds + 60)


def test_devices_work_and_io_stays_out_of_the_run_loop(tmp_path):
    content = bytes(range(251)) * (DISK_MIB * (1 << 20) // 251)
    content += bytes(DISK_MIB * (1 << 20) - len(content))
    (tmp_path / "disk").write_bytes(content)
    (tmp_path / "initrd").write_bytes(hostlib.guest_initrd(script=SCRIPT, modules=MODULES))
    with LabHost(cpus=1, module=True, memory=768, add=[
            (tmp_path / "disk", "/disk"), (tmp_path / "initrd", "/initrd")]) as host:
        host.ok("cp /disk /tmp/a; cp /disk /tmp/b; chmod 444 /tmp/b")
        run = guests.command(
            "g", initrd="/initrd", console="file:/tmp/console", options="-s 3,virtio-rnd "
            "-s 4,virtio-blk,/tmp/a,serial=ABC123 -s 4:1,virtio-blk,/tmp/b,ro "
            "-s 5,virtio-balloon -s mmio:3,virtio-rnd")
        host.ok(f"({run}; echo $? >/tmp/status) </dev/null >/tmp/out 2>&1 &")
        until(host, "begin-io")
        before = stats(host)
        until(host, "end-io")
        after = stats(host)
        until(host, "guest: exit")
        said = host.ok("until [ -s /tmp/status ]; do sleep 0.2; done; cat /tmp/out /tmp/console")
        assert host.ok("cat /tmp/status").strip() == "1", said
        # device IDs: virtio 1.2, 5
        for number, driver, bus in ((4, "virtio_rng", "pci"), (2, "virtio_blk", "pci"),
                                    (5, "virtio_balloon", "pci"), (4, "virtio_rng", "a000600")):
            assert any(line.startswith(f"device 0x{number:04x} {driver}") and bus in line
                       for line in said.splitlines()), said
        assert "random 64" in said
        assert f"disk {hashlib.md5(content).hexdigest()}" in said
        assert "serial ABC123 ro 1" in said
        assert "vdb is read-only" in said
        assert "MSI" in said
        assert host.ok("head -n 1 /tmp/a") == "written\n"
        assert host.ok("cmp /disk /tmp/b; echo $?") == "0\n"
        # "end-io" itself costs some: a character each
        rung = after["doorbells"] - before["doorbells"]
        left = after["exit_mmio"] - before["exit_mmio"]
        print(f"{rung} doorbells, {left} exits to bhyve")
        assert rung >= 30 and left <= 60, (rung, left)
        assert not host.complaints()


FOUND = """
for device in /sys/bus/virtio/devices/*; do
	echo "device $(cat $device/device) $(readlink -f $device)"
done
"""


def test_prepared(tmp_path):
    """What bhyveload put into the device tree is found: a PCI device, and one in virtio-mmio."""
    (tmp_path / "initrd").write_bytes(hostlib.guest_initrd(
        script=FOUND, modules=("virtio_pci", "virtio_mmio", "virtio_rng")))
    with LabHost(cpus=1, module=True, memory=512, add=[(tmp_path / "initrd", "/initrd")]) as host:
        status, said = host.run(
            "bhyveload -m 160M -k /guest/vmlinuz -i /initrd -s mmio:3 -a 'console=ttyAMA0 quiet' g "
            "&& bhyve -D -s 3,virtio-rnd -s mmio:3,virtio-rnd g </dev/null", timeout=180)
        assert status == 1, said
        found = [line for line in said.splitlines() if line.startswith("device 0x0004")]
        assert len(found) == 2 and "pci" in found[0] + found[1] and \
            "a000600.virtio_mmio" in found[0] + found[1], said
        assert not host.complaints()


# ---- the balloon ----

GUEST_MIB, CACHED_MIB, TARGET_MIB = 160, 96, 80
READ_AGAIN_AND_AGAIN = """
echo begin
while :; do dd if=/dev/vda of=/dev/null bs=256k 2>/dev/null && echo read; sleep 1; done
"""


def ctl(host, command):
    return json.loads(host.ok(f"bhyvectl --vm=g {command} --json"))


def wait_for(host, what, seconds=120):
    """what(MiB that the VM has, MiB free on the host) is true; those two."""
    for _ in range(seconds):
        used = ctl(host, "--info")["mem_bytes"] >> 20
        free = int(host.ok("grep MemFree /proc/meminfo").split()[1]) >> 10
        if what(used, free):
            return used, free
        time.sleep(1)
    balloon = host.ok("bhyvectl --vm=g --get-balloon")
    raise AssertionError(f"VM {used} MiB, free {free} MiB; {balloon}")


def test_balloon(tmp_path):
    """A guest that caches a disk gives the cache back to the host when it is told to, and takes
    memory again when it may."""
    (tmp_path / "initrd").write_bytes(hostlib.guest_initrd(
        script=READ_AGAIN_AND_AGAIN, modules=("virtio_pci", "virtio_blk", "virtio_balloon")))
    with LabHost(cpus=1, module=True, memory=768, add=[(tmp_path / "initrd", "/initrd")]) as host:
        host.ok(f"truncate -s {CACHED_MIB}M /tmp/disk")
        run = guests.command("g", initrd="/initrd", console="file:/tmp/console", memory="160M",
                             options="-s 4,virtio-blk,/tmp/disk,ro -s 5,virtio-balloon")
        host.ok(f"({run}; echo $? >/tmp/status) </dev/null >/tmp/out 2>&1 &")
        until(host, "^read", 240)
        full, free = wait_for(host, lambda used, _: used > CACHED_MIB + 16)
        assert ctl(host, "--get-balloon")["actual"] == GUEST_MIB << 20
        host.ok(f"bhyvectl --vm=g --balloon={TARGET_MIB}M")
        small, more = wait_for(
            host, lambda used, now: used <= TARGET_MIB + 4 and now >= free + full - TARGET_MIB - 12)
        said = ctl(host, "--get-balloon")
        assert said["target"] == said["actual"] == TARGET_MIB << 20
        assert said["age_ms"] < 2000 and said["updates"] >= 1
        assert 0 < said["free"] < said["total"] <= GUEST_MIB << 20, said
        host.ok(f"bhyvectl --vm=g --balloon={GUEST_MIB}M")
        again, less = wait_for(host, lambda used, _: used > CACHED_MIB + 16)
        print(f"VM {full}, {small}, {again} MiB; host's free {free}, {more}, {less} MiB")
        assert ctl(host, "--get-balloon")["actual"] == GUEST_MIB << 20
        status, text = host.run("bhyvectl --vm=g --balloon=161M")
        assert status == 1 and "160 MiB" in text, text
        assert host.run("bhyve -m 16M -s 3,virtio-balloon -s 4,virtio-balloon -o kernel=/initrd "
                        "-o kernel.address=0x40008000 two")[1].count("leave one out") == 1
        host.ok("bhyvectl --vm=g --force-poweroff; until [ -s /tmp/status ]; do sleep 0.2; done")
        assert not host.complaints()
