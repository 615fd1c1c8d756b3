# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Guests and VMM processes that do the worst they can. The host's kernel does not complain, a
well-behaved VM that runs beside them goes on, nothing is left over, and the next VM boots."""
import re

import guests
import programs
import pytest
from conftest import TOP, need_tools

BADVMM = TOP / "build/armhf/tests/load/badvmm"
HOST = dict(cpus=2, memory=1024, add=[(BADVMM, "/badvmm")])
HOSTILE = {name: p for name, p in programs.programs().items() if name.startswith("hostile-")}
RESET, POWERED_OFF = 0, 1
SLACK_KIB = 4096  # what page cache, slabs and per-CPU lists may keep
# Why it may stand still: whether its vCPU runs, has a timer, or its thread waits for a CPU
STATE = ("for i in 1 2; do bhyvectl --get-stats --vm=neighbour; "
         "cat /proc/interrupts /proc/loadavg; "
         "sleep 1; done; bhyvectl --get-all --vm=neighbour; "
         "for t in /proc/$(cat /tmp/neighbour.pid)/task/*; do cat $t/stat $t/wchan; done; ")


@pytest.fixture(scope="module", autouse=True)
def built():
    need_tools()
    if not BADVMM.exists() or not programs.BUILT.exists():
        pytest.skip("tests/load or tests/guest has not been built")


def free_kib(host):
    """Free memory after all that can be given back was."""
    text = host.ok("sync; echo 3 >/proc/sys/vm/drop_caches; sleep 0.3; cat /proc/meminfo")
    return int(re.search(r"MemFree: +(\d+)", text).group(1))


def vms(host):
    return host.ok("bhyvectl --list | tail -n +2 | cut -d' ' -f1").split()


@pytest.fixture
def neighbour(host):
    """A VM that counts; checked and left running. A new host has none yet."""
    if "neighbour" not in vms(host):
        program = programs.programs()["neighbour"]
        host.ok(programs.command(program, vm="neighbour", memory="64M") +
                " </dev/null >/tmp/neighbour.out 2>&1 & echo $! >/tmp/neighbour.pid; "
                "until grep -q tick /tmp/neighbour.out; do sleep 0.1; done")
    yield host
    if not host.alive:
        return
    programs.goes_on(host, "/tmp/neighbour.out", STATE)
    host.ok("! grep FAIL /tmp/neighbour.out")
    assert vms(host) == ["neighbour"]


def end_neighbour(host):
    host.ok("if [ -f /tmp/neighbour.pid ]; then kill -9 $(cat /tmp/neighbour.pid); sleep 0.2; "
            "bhyvectl --destroy --vm=neighbour; rm /tmp/neighbour.pid; fi")
    assert vms(host) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_guest(neighbour, name):
    program = HOSTILE[name]
    ran = programs.run(neighbour, program)
    if program.ends == "pass":
        programs.check_text(program, ran.text, program.bhyve)
    # What does not end by itself is asked to by SIGTERM, and bhyve turns the machine off.
    assert ran.status == (RESET if program.ends == "reset" else POWERED_OFF), ran.text[-2000:]
    programs.check_stats(program, ran.stats)


def bad_vmm(host, seconds, seed, user):
    who = "su user -s /bin/sh -c" if user else "sh -c"
    status, text = host.run(f"{who} '/badvmm {seconds} {seed}'", timeout=seconds + 60)
    assert status == 0, text[-2000:]
    return text


@pytest.mark.parametrize("user", [False, True], ids=["root", "user"])
@pytest.mark.parametrize("seed, seconds", [(1, 4), pytest.param(2, 60, marks=pytest.mark.all)])
def test_vmm_process(neighbour, user, seed, seconds):
    """ioctls, mappings and VMs of all sorts by dice (tests/load/badvmm.c)."""
    text = bad_vmm(neighbour, seconds, seed, user)
    assert re.search(r"^badvmm: \d+ calls", text, re.M), text[-2000:]


def test_nothing_is_left(host):
    """After the worst ones once more: memory is back, the module can go and come, a guest boots."""
    end_neighbour(host)
    status, text = guests.run(host, script="echo it-runs", memory="128M")
    assert status == POWERED_OFF and "it-runs" in text, text[-2000:]
    before = free_kib(host)
    for name in ("hostile-lost", "hostile-psci"):
        programs.run(host, HOSTILE[name])
    bad_vmm(host, 2, 3, False)
    after = free_kib(host)
    assert after > before - SLACK_KIB, f"{before - after} KiB are gone"
    assert vms(host) == []
    host.ok("rmmod vmm && insmod /vmm.ko")
    status, text = guests.run(host, script="echo it-runs", memory="128M")
    assert status == POWERED_OFF and "it-runs" in text, text[-2000:]
