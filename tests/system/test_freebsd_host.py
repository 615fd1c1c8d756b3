# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""FreeBSD as the host: what the other files ask of Linux, asked of it. freebsdhost.py says what has
to be there; without it these tests are skipped and say so. With FREEBSD_HOST_KERNEL a kernel that
has INVARIANTS and WITNESS, none of them may complain. FREEBSD_GUEST_KERNEL and FREEBSD_GUEST_ROOT
(test_freebsd.py) add FreeBSD as a guest."""
import os
import random
import re

import freebsdhost
import guests
import programs
import pytest
from conftest import TOP
from freebsdhost import FreeBSDHost

POWERED_OFF, RESET, FAILED = 1, 0, 4
PROGRAMS = programs.programs()
GUESTS = {n: p for n, p in PROGRAMS.items() if p.ends == "pass" and not n.startswith("hostile-")}
HOSTILE = {n: p for n, p in PROGRAMS.items() if n.startswith("hostile-")}
LOADS = TOP / "build/freebsd/tests/load"
GUEST_KERNEL = os.environ.get("FREEBSD_GUEST_KERNEL")
GUEST_ROOT = os.environ.get("FREEBSD_GUEST_ROOT")
SLACK_PAGES = 1024  # what caches and zones may keep
PATIENCE = 3  # a kernel with all checks on takes its time
SPIN = "while :; do :; done"
DISK = bytes(range(256)) * 4096

needs_freebsd = pytest.mark.skipif(
    not (GUEST_KERNEL and GUEST_ROOT), reason="FREEBSD_GUEST_KERNEL and FREEBSD_GUEST_ROOT name no "
    "FreeBSD")


def options():
    files = [("/guest/disk", DISK), ("/guest/devices", guests.hostlib.guest_initrd(
        modules=("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net")))]
    for n in (1, 2):
        files.append((f"/guest/load{n}", guests.hostlib.guest_initrd(
            f"/load 5 {n}\n", files=[("load", guests.LOAD)])))
    add = [(LOADS / name, name) for name in ("badvmm", "doorbell", "gone", "load")]
    if GUEST_KERNEL and GUEST_ROOT:
        add += [(GUEST_KERNEL, "/guest/freebsd"), (GUEST_ROOT, "/guest/root")]
    return dict(cpus=2, files=files, add=add)


@pytest.fixture(scope="module")
def machine():
    """[the host]: kept from test to test while it is well."""
    reason = freebsdhost.missing()
    if reason:
        pytest.skip(reason)
    kept = []
    yield kept
    for host in kept:
        host.close()


@pytest.fixture
def host(machine):  # pylint: disable=redefined-outer-name
    """With the module loaded; its kernel must not complain meanwhile."""
    if not machine or not machine[0].alive:
        log = TOP / "build/system/test_freebsd_host.log"
        machine[:] = [FreeBSDHost(log=log, **options()).boot()]
        machine[0].ok("kldload /lab/vmm.ko")
    there = machine[0]
    there.clear_dmesg()
    yield there
    if there.alive:
        bad = there.complaints()
        assert not bad, "the host's kernel complained:\n" + "\n".join(bad)


def vms(host):
    return host.ok("bhyvectl --list | tail -n +2 | cut -d' ' -f1").split()


def wired(host):
    return int(host.ok("sync; sleep 0.5; sysctl -n vm.stats.vm.v_wire_count"))


def slow(program):
    return program._replace(seconds=program.seconds * PATIENCE)


def boots(host):
    status, text = guests.run(host, script="echo it-runs", memory="128M", timeout=400)
    assert status == POWERED_OFF and "it-runs" in text, text[-2000:]


def start(host, name, **how):
    host.ok(guests.command(name, **how) +
            f" </dev/null >/tmp/{name}.out 2>&1 & echo $! >/tmp/{name}.pid")


def await_output(host, name, word, seconds=200):
    host.ok(f"n=0; until grep -q '{word}' /tmp/{name}.out; do sleep 0.5; n=$((n+1)); "
            f"[ $n -lt {seconds * 2} ] || {{ cat /tmp/{name}.out; exit 1; }}; done",
            timeout=seconds * 2 + 60)


def await_end(host, name, seconds=300):
    host.ok(f"n=0; while kill -0 $(cat /tmp/{name}.pid) 2>/dev/null; do sleep 0.5; n=$((n+1)); "
            f"[ $n -lt {seconds * 2} ] || exit 1; done", timeout=seconds * 2 + 60)


def kill_and_wait(host, name):
    """Kill that bhyve and destroy its VM, as a person would."""
    host.ok(f"kill -9 $(cat /tmp/{name}.pid); sleep 0.2; bhyvectl --destroy --vm={name}",
            timeout=60)


# ---- the module ----

@pytest.mark.parametrize("rounds", [10, pytest.param(30, marks=pytest.mark.all)])
def test_load_and_unload(host, rounds):
    host.ok("kldunload vmm; kldload /lab/vmm.ko")
    before = wired(host)
    host.ok(f"i=0; while [ $i -lt {rounds} ]; do kldunload vmm && kldload /lab/vmm.ko || exit 1; "
            "i=$((i+1)); done", timeout=300)
    assert wired(host) < before + SLACK_PAGES
    text = host.dmesg()
    assert text.count("HYP mode on 2 CPU(s)") >= rounds, text[-2000:]
    status, text = host.run("bhyve -m 64M -o kernel=/guest/tests/hvc.elf g </dev/null", 60)
    assert status == POWERED_OFF and "PASS hvc" in text, text


def test_unload_with_a_vm_is_refused(host):
    host.ok("bhyvectl --create --vm=stays")
    status, text = host.run("kldunload vmm")
    assert status != 0 and "busy" in text, text
    host.ok("bhyvectl --destroy --vm=stays; kldunload vmm && kldload /lab/vmm.ko")


# ---- guests ----

@pytest.mark.parametrize("name", GUESTS)
def test_guest(host, name):
    program = GUESTS[name]
    ran = programs.run(host, slow(program))
    programs.check_text(program, ran.text, program.bhyve)
    assert ran.status == POWERED_OFF, ran.text[-2000:]
    programs.check_stats(program, ran.stats)


def test_linux(host):
    """Debian, two vCPUs, a disk, a card: what it writes is in the image, and the host answers."""
    host.ok("cp /guest/disk /tmp/disk; ifconfig tap0 create; "
            "ifconfig tap0 inet 10.9.0.1/24 up")
    script = ("nproc; dd if=/dev/vda bs=64k count=4 2>/dev/null | md5sum; "
              "dd if=/dev/vda of=/dev/vda bs=64k count=2 seek=8 conv=fsync 2>&1; echo dd $?; "
              "ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up; ping -c 4 10.9.0.1; "
              "grep virtio /proc/interrupts")
    status, text = guests.run(host, vcpus=2, script=script, memory="192M", timeout=600,
                              initrd="/guest/devices",
                              options="-s 3,virtio-blk,/tmp/disk -s 4,virtio-net,tap0")
    assert status == POWERED_OFF and "\n2\n" in text.replace("\r", "") and "dd 0" in text, text
    assert "4 packets transmitted, 4 packets received" in text, text
    there = host.ok("dd if=/lab/guest/disk bs=64k count=4 2>/dev/null | md5").split()[-1]
    assert there in text, text
    assert host.ok("dd if=/tmp/disk bs=64k count=2 2>/dev/null | md5") == \
        host.ok("dd if=/tmp/disk bs=64k skip=8 count=2 2>/dev/null | md5")


def freebsd(host, load, bhyve=""):
    """bhyveload with these options, then bhyve: its status, the guest's console, its counters."""
    status, text = host.run(
        f"bhyveload {load} f && timeout 250 bhyve {bhyve} f </dev/null; s=$?; echo '@@stats'; "
        "bhyvectl --get-stats --json --vm=f; bhyvectl --destroy --vm=f; exit $s", timeout=300)
    text, _, stats = text.replace("\r", "").partition("@@stats\n")
    return status, text, programs.add_up(stats)


@needs_freebsd
@pytest.mark.parametrize("vcpus", [1, 2])
def test_freebsd_in_memory(host, vcpus):
    what = "echo cpus `sysctl -n hw.ncpu`; mount; halt -p"
    status, text, stats = freebsd(host, f"-c {vcpus} -m 128M -k /guest/freebsd -i /guest/root "
                                  f"-e vfs.root.mountfrom=ufs:/dev/md0 -e lab.run='{what}'")
    assert f"cpus {vcpus}\n" in text and "/dev/md0 on /" in text, text[-3000:]
    assert status == POWERED_OFF, text[-2000:]
    # A tick is five accesses to the physical timer: HYP's but for the one that starts it.
    assert stats["ptimer"] > 500 and stats["exit_cp15"] < 2 * stats["ptimer"], stats
    assert stats["hyp_cp15"] > 2 * stats["exit_cp15"], stats


@needs_freebsd
def test_freebsd_on_disk(host):
    """virtio-mmio before 1.0: FreeBSD before 13 knows no other."""
    what = ("mount; mount -u -o rw /; dd if=/dev/zero of=/file bs=64k count=4; sync; "
            "ls -l /file; reboot")
    status, text, _ = freebsd(host, "-m 128M -k /guest/freebsd -s mmio:0 "
                              f"-e vfs.root.mountfrom=ufs:/dev/vtbd0 -e lab.run='{what}'",
                              "-s mmio:0,virtio-blk,/guest/root")
    assert "/dev/vtbd0 on /" in text and "262144 " in text, text[-3000:]
    assert status == RESET, text[-2000:]


# ---- the worst ----

@pytest.fixture
def neighbour(host):  # pylint: disable=redefined-outer-name
    """A VM that counts; checked and left running. A new host has none yet."""
    if "neighbour" not in vms(host):
        host.ok(programs.command(PROGRAMS["neighbour"], vm="neighbour", memory="64M") +
                " </dev/null >/tmp/neighbour.out 2>&1 & echo $! >/tmp/neighbour.pid; "
                "until grep -q tick /tmp/neighbour.out; do sleep 0.1; done", timeout=60)
    yield host
    if host.alive:
        programs.goes_on(host, "/tmp/neighbour.out")
        host.ok("! grep FAIL /tmp/neighbour.out")
        assert vms(host) == ["neighbour"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(neighbour, name):
    program = HOSTILE[name]
    ran = programs.run(neighbour, slow(program) if program.ends != "killed" else program)
    if program.ends == "pass":
        programs.check_text(program, ran.text, program.bhyve)
    assert ran.status == (RESET if program.ends == "reset" else POWERED_OFF), ran.text[-2000:]
    programs.check_stats(program, ran.stats)


@pytest.mark.parametrize("user", [False, True], ids=["root", "user"])
def test_bad_vmm(neighbour, user):
    who = "su user -c" if user else "sh -c"
    status, text = neighbour.run(f"{who} '/lab/badvmm 10 {1 + user}'", timeout=120)
    assert status == 0 and re.search(r"^badvmm: \d+ calls", text, re.M), text[-2000:]


def test_doorbell(neighbour):
    status, text = neighbour.run("/lab/doorbell", timeout=200)
    assert status == 0 and "0 failed" in text, text[-2000:]


def test_end_of_the_neighbour(host):
    """Killed in the middle; with it goes all that the worst ones had."""
    host.ok("if [ -f /tmp/neighbour.pid ]; then kill -9 $(cat /tmp/neighbour.pid); sleep 0.2; "
            "bhyvectl --destroy --vm=neighbour; rm /tmp/neighbour.pid; fi")
    assert vms(host) == []
    assert host.ok("sysctl -n hw.vmm.vms hw.vmm.guest_memory").split() == ["0", "0"]
    host.ok("kldunload vmm && kldload /lab/vmm.ko")


# ---- life ----

@pytest.mark.parametrize("rounds", [5, pytest.param(30, marks=pytest.mark.all)])
def test_kill_at_any_moment(host, rounds):
    dice = random.Random(1)
    boots(host)  # so that what a first run leaves for good is not counted
    before = wired(host)
    for _ in range(rounds):
        start(host, "k", vcpus=2, memory="128M", script=f"echo up; {SPIN} & {SPIN}")
        host.ok(f"sleep {dice.uniform(0.01, 8.0):.2f}")
        kill_and_wait(host, "k")
    assert vms(host) == []
    assert host.ok("sysctl -n hw.vmm.guest_memory").strip() == "0"
    assert wired(host) < before + SLACK_PAGES
    boots(host)


def test_reload_after_kill(host):
    """The VM outlives its bhyve: it can be loaded again and run."""
    load = "bhyveload -c 1 -m 128M -k /guest/vmlinuz -i /guest/initrd "
    host.ok(load + "-a 'console=ttyAMA0' again")
    host.ok("bhyve -o console=stdio again </dev/null >/tmp/again.out 2>&1 & "
            "p=$!; sleep 2; kill -9 $p; wait $p || true")
    run = guests.hostlib.guest_run("echo second life")
    host.ok(load + f"-a 'console=ttyAMA0 quiet {run}' again")
    status, text = host.run("bhyve -o console=stdio again", timeout=400)
    assert "second life" in text and status == POWERED_OFF, text[-2000:]
    host.run("bhyvectl --destroy --vm=again")


def test_second_bhyve_is_refused(host):
    start(host, "one", memory="128M", script=f"echo up; {SPIN}")
    await_output(host, "one", "^up")
    status, text = host.run("bhyve one </dev/null")
    assert status == FAILED and len(text.strip().splitlines()) == 1, text
    host.ok("kill -0 $(cat /tmp/one.pid)")
    kill_and_wait(host, "one")


def test_what_is_open_of_a_destroyed_one(host):
    """devfs answers in the module's place; it reads as it does on Linux."""
    status, text = host.run("/lab/gone g")
    assert status == 0 and "gone: 0 failed" in text, text


def test_destroyed_while_it_runs(host):
    start(host, "gone", memory="128M", script=f"echo up; {SPIN}")
    await_output(host, "gone", "^up")
    host.ok("bhyvectl --destroy --vm=gone")
    await_end(host, "gone", 30)
    text = host.ok("cat /tmp/gone.out")
    assert 'VM "gone" was destroyed' in text, text[-2000:]


def test_load(host):
    """Two guests and the host, each with patterns of its own: nobody's registers leak."""
    for n, vcpus in ((1, 4), (2, 2)):
        start(host, f"load{n}", vcpus=vcpus, initrd=f"/guest/load{n}", memory="160M")
    for n in (1, 2):
        await_output(host, f"load{n}", "guest: ready", 400)
    out = host.ok("/lab/load 5 3", timeout=300)
    for n in (1, 2):
        await_end(host, f"load{n}", 400)
        out += host.ok(f"cat /tmp/load{n}.out")
    lines = re.findall(r"load: seed (\d) cpus (\d).*errors (\d+)", out)
    assert sorted(lines) == [("1", "4", "0"), ("2", "2", "0"), ("3", "2", "0")], out[-4000:]
    assert out.count("guest: exit 0") == 2, out[-4000:]


def test_nothing_is_left(host):
    assert vms(host) == []
    host.ok("kldunload vmm")
    assert host.run("bhyvectl --list")[0] != 0
    assert "vmm" not in host.ok("sysctl -N hw | grep vmm || true")
    host.ok("kldload /lab/vmm.ko")
    boots(host)
