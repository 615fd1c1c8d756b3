# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Coming and going: load and unload, hotplug, kill -9 at any moment, reload. After each the host is
well, its memory is what it was, and the next VM boots."""
import random
import re

import guests
import pytest

from conftest import need_tools

HOST = dict(cpus=2, memory=1024)
SLACK_KIB = 4096  # what page cache, slabs and per-CPU lists may keep
SPIN = "while :; do :; done"


@pytest.fixture(autouse=True)
def tools():
    need_tools()


def free_kib(host):
    """Free memory after all that can be given back was."""
    text = host.ok("sync; echo 3 >/proc/sys/vm/drop_caches; sleep 0.3; cat /proc/meminfo")
    return int(re.search(r"MemFree: +(\d+)", text).group(1))


def boots(host):
    status, text = guests.run(host, script="echo it-runs", memory="128M")
    assert status == 1 and "it-runs" in text, text[-2000:]


def kill_and_wait(host, name):
    """Kill that bhyve and destroy its VM, as a person would."""
    host.ok(f"kill -9 $(cat /tmp/{name}.pid); sleep 0.2; bhyvectl --destroy --vm={name}")


def start(host, name, **how):
    """A guest in the background, its output in /tmp/NAME.out."""
    host.ok(guests.command(name, **how) +
            f" </dev/null >/tmp/{name}.out 2>&1 & echo $! >/tmp/{name}.pid")


def await_output(host, name, word, seconds=60):
    host.ok(f"n=0; until grep -q '{word}' /tmp/{name}.out; do sleep 0.1; n=$((n+1)); "
            f"[ $n -lt {seconds * 10} ] || {{ cat /tmp/{name}.out; exit 1; }}; done",
            timeout=seconds + 20)


@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.all)])
def test_insmod_rmmod(host, rounds):
    before = free_kib(host)
    host.ok(f"i=0; while [ $i -lt {rounds} ]; do rmmod vmm && insmod /vmm.ko || exit 1; "
            "i=$((i+1)); done", timeout=300)
    assert free_kib(host) > before - SLACK_KIB
    boots(host)


def test_unload_with_a_vm_is_refused(host):
    host.ok("bhyvectl --create --vm=stays")
    status, text = host.run("rmmod vmm")
    assert status != 0, text
    host.ok("bhyvectl --destroy --vm=stays; rmmod vmm && insmod /vmm.ko")


def test_hotplug_while_a_vm_runs(host):
    start(host, "hot", vcpus=2, memory="128M", script=f"echo up; {SPIN}")
    await_output(host, "hot", "^up")
    host.ok("for i in 1 2 3 4 5; do echo 0 >/sys/devices/system/cpu/cpu1/online || exit 1; "
            "sleep 0.3; echo 1 >/sys/devices/system/cpu/cpu1/online || exit 1; sleep 0.3; done",
            timeout=60)
    host.ok("kill -0 $(cat /tmp/hot.pid)")
    kill_and_wait(host, "hot")
    boots(host)


@pytest.mark.parametrize("rounds", [5, pytest.param(50, marks=pytest.mark.all)])
def test_kill_at_any_moment(host, rounds):
    dice = random.Random(1)
    boots(host)  # so that what a first run leaves for good is not counted
    before = free_kib(host)
    for _ in range(rounds):
        start(host, "k", vcpus=2, memory="128M", script=f"echo up; {SPIN} & {SPIN}")
        host.ok(f"sleep {dice.uniform(0.01, 4.0):.2f}")
        kill_and_wait(host, "k")
    assert host.ok("bhyvectl --list | tail -n +2").strip() == ""
    after = free_kib(host)
    assert after > before - SLACK_KIB, f"{before - after} KiB are gone"
    boots(host)


def test_reload_after_kill(host):
    """The VM outlives its bhyve: it can be loaded again and run."""
    host.ok("bhyveload -c 1 -m 128M -k /guest/vmlinuz -i /guest/initrd "
            "-a 'console=ttyAMA0' again")
    host.ok("bhyve -o console=stdio again </dev/null >/tmp/again.out 2>&1 & "
            "p=$!; sleep 1; kill -9 $p; wait $p || true")
    host.ok("bhyveload -c 1 -m 128M -k /guest/vmlinuz -i /guest/initrd "
            f"-a 'console=ttyAMA0 {guests.hostlib.guest_run('echo second life')}' again")
    status, text = host.run("bhyve -o console=stdio again", timeout=90)
    assert "second life" in text and status == 1, text[-2000:]
    host.run("bhyvectl --destroy --vm=again")


def test_second_bhyve_is_refused(host):
    start(host, "one", memory="128M", script=f"echo up; {SPIN}")
    await_output(host, "one", "^up")
    status, text = host.run("bhyve one </dev/null")
    assert status == 4 and len(text.strip().splitlines()) == 1, text
    host.ok("kill -0 $(cat /tmp/one.pid)")
    kill_and_wait(host, "one")
