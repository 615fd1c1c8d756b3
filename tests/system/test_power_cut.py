# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Power cuts: QEMU is killed, with it host and guest; whatever the guest's file system was promised
is on the disk.

The guest writes records, calls fsync and only then says so on its console (tests/load/acked.c),
which is out of QEMU at once. What bhyve wrote but did not make stable is in the page cache of the
ARM host, which the host is told to keep there, and dies with QEMU. What was made stable is in the
disk's file here, since a killed QEMU takes nothing from this machine's own page cache.
"""
import os
import random
import re
import shutil
import signal
import subprocess
import time

import guests
import pexpect
import pytest

from conftest import need_module, need_tools
from labhost import TOP, LabHost, hostlib

LOAD = TOP / "build/armhf/tests/load"
LOG = TOP / "build/system/power-cut.log"
CUTS = 30
BOOT = 300  # seconds, with patience
# How a guest's writes become stable: the disk's options, and the guest's view of its cache. Most
# cuts are of the first.
WAYS = {
    "flush": ("", ""),
    "flush, past the page cache": (",nocache", ""),
    "each write": (",direct", ""),
    "each write, past the page cache": (",nocache,direct", ""),
    "no write cache": ("", "echo 'write through' >/sys/block/vda/cache_type"),
}
SCRIPT = """
for word in $(cat /proc/cmdline); do
	case $word in
	through=1) {through} ;;
	kept=*) kept=${{word#kept=}} ;;
	cut) cut=1 ;;
	esac
done
mkdir -p /disk
echo mounting
mount -t ext4 /dev/vda /disk || exit 1
cd /disk
acked check $kept || exit 1
[ "$cut" ] || exit 0
# Records that were not acknowledged may be there, too, and are written anew.
acked write $((kept + 1))
"""


@pytest.fixture(name="disk")
def fresh_disk(tmp_path):
    need_tools()
    need_module("armmp")
    path = tmp_path / "disk"
    subprocess.run(["/usr/sbin/mke2fs", "-q", "-t", "ext4", path, "128M"], check=True)
    (tmp_path / "initrd").write_bytes(hostlib.guest_initrd(
        SCRIPT.format(through=WAYS["no write cache"][1]), [("/bin/acked", LOAD / "acked")],
        ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"]))
    return path


def host_with(disk):
    host = LabHost(cpus=1, module=True, drives=[disk], log=LOG, add=[
        (disk.parent / "initrd", "/initrd"), (LOAD / "noflush.so", "/lib/noflush.so")])
    host.boot()
    # Nothing is written back but what must be.
    host.ok("cd /proc/sys/vm; echo 0 >dirty_writeback_centisecs; echo 90 >dirty_ratio; "
            "echo 80 >dirty_background_ratio")
    return host


def start(host, way, kept, words="", preload=""):
    options, through = WAYS[way]
    words += f" kept={kept}" + (" through=1" if through else "")
    run = guests.command("g", memory="128M", initrd="/initrd",
                         options=f"-s 4,virtio-blk,/dev/vda{options}")
    host.start(preload + run.replace("quiet", "quiet " + words))


def cut(host):
    """The power goes. What the guest had said by then was said."""
    os.kill(host.qemu.pid, signal.SIGKILL)
    host.child.expect(pexpect.EOF, timeout=60)
    host.kill("cut")


def acknowledged(console, before):
    """The last record that is promised, and whether the earlier ones were there."""
    numbers = [int(n) for n in re.findall(rb"\back (\d+)\r*\n", console)]
    # They come in order: one that was cut off in the middle has no line end.
    assert numbers == list(range(before + 1, before + 1 + len(numbers)))
    return numbers[-1] if numbers else before


def until(host, pattern):
    """Waits for a line of the guest's, or for its script's end, which comes before only when
    something is lost."""
    found = host.expect(r"(?:^|\n)(?:" rf"({pattern})"
                        r"|record \d+ is lost[^\n]*|guest: exit \d+)\r*\n", BOOT)
    assert found.group(1), said(host)


def said(host):
    return (host.child.before + host.child.after).decode(errors="replace")


def moment(dice, host, kept):
    """Waits for when the power is to go; says when that is."""
    phase = dice.choice(("mounting", "first", "some", "more", "late"))
    until(host, "mounting")
    if phase == "mounting":
        # Replaying a journal, checking records.
        delay = dice.uniform(0, 3)
    else:
        until(host, f"kept {kept}")
        count = {"first": 1, "some": dice.randint(2, 6), "more": dice.randint(4, 24),
                 "late": dice.randint(24, 64)}[phase]
        until(host, f"ack {kept + count}")
        delay = dice.choice((0, dice.uniform(0, 0.3)))
    time.sleep(delay)
    return f"{phase} + {delay:.2f} s"


def console_since(offset):
    with open(LOG, "rb") as log:
        log.seek(offset)
        return log.read()


def assert_file_system_is_whole(disk):
    """On a copy: the journal is replayed, and then there is nothing to be mended."""
    copy = disk.with_name("copy")
    shutil.copy(disk, copy)
    for options in (["-p", "-E", "journal_only"], ["-fn"]):
        done = subprocess.run(["/usr/sbin/e2fsck", *options, copy], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    copy.unlink()


def one_cut(disk, way, kept, dice, preload=""):
    """A host, a guest that checks what earlier ones were promised and writes on, and a cut; gives
    the last record that is promised now."""
    offset = LOG.stat().st_size if LOG.exists() else 0
    host = host_with(disk)
    try:
        start(host, way, kept, "cut", preload)
        when = moment(dice, host, kept)
        cut(host)
    finally:
        host.close()
    last = acknowledged(console_since(offset), kept)
    print(f"{way}, cut when {when}: {last - kept} more records, {last} in all", flush=True)
    return last


def checked_at_last(disk, kept):
    host = host_with(disk)
    try:
        start(host, "flush", kept)
        until(host, f"kept {kept}")
        host.wait(120)
        assert not host.complaints()
    finally:
        host.close()


@pytest.mark.all
def test_no_acknowledged_write_is_lost(disk):
    seed = int(os.environ.get("POWER_CUT_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"POWER_CUT_SEED={seed}")
    dice = random.Random(seed)
    LOG.unlink(missing_ok=True)
    kept = 0
    for number in range(CUTS):
        way = list(WAYS)[max(0, number % 6 - 1)]
        print(f"{number + 1}: ", end="")
        kept = one_cut(disk, way, kept, dice)
        assert_file_system_is_whole(disk)
    assert kept > CUTS
    checked_at_last(disk, kept)


# Past the page cache, writes without O_DSYNC are on the disk of this lab all the same.
@pytest.mark.all
@pytest.mark.parametrize("way", ["flush", "each write", "no write cache"])
def test_a_bhyve_that_does_not_flush_is_found_out(disk, way):
    """The test above is worth something: the same, with a bhyve whose flushes do nothing."""
    if hostlib.ARMHF.loader.encode() not in (TOP / "build/armhf/bhyve/bhyve").read_bytes():
        pytest.skip("bhyve is static, as it was built without libslirp: no LD_PRELOAD")
    dice = random.Random(1)
    preload = "LD_PRELOAD=/lib/noflush.so "
    kept = 0
    while kept == 0:
        kept = one_cut(disk, way, kept, dice, preload)
    with pytest.raises(AssertionError, match=r"record 1 is lost, and \d+ was acknowledged"):
        checked_at_last(disk, kept)
