# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""vmm under the silicon checker, which reports what real boards would punish and QEMU forgives
(docs/silicon.md). Any report in our code fails the test. Skipped, loudly, where QEMU 10 cannot be
had."""
import json
import subprocess
import sys

import guests
import pytest

from conftest import need_module, need_tools
from labhost import TOP, hostlib

sys.path.insert(0, str(TOP / "tests/silicon"))
import report  # noqa: E402
from checked import Checked, programs  # noqa: E402

OUT = TOP / "build/silicon"
KEXEC = "build/armhf/tests/load/kexec"
SPIN = "echo up; while :; do :; done"
SECOND_INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
mark 2
insmod /vmm.ko && echo second kernel: vmm is loaded
poweroff -f
"""


@pytest.fixture(autouse=True)
def checker():
    """The checker and what it watches are there, or the test is skipped."""
    try:
        hostlib.qemu_for_plugins()
    except hostlib.LabError as err:
        pytest.skip(str(err))
    need_tools()
    for kernel in hostlib.KERNELS:
        need_module(kernel)
    assert hostlib.CHECKER.exists(), "make silicon"


def silent(checked):
    """No report is ours; and the checker was awake: it saw HYP mode at work."""
    text, bad = checked.verdict()
    assert bad == 0, text
    seen = report.read(checked.out).summary
    wanted = ("dc", "ic", "dsb", "isb", "tlbi", "hyp_entry", "hyp_exit", "roots", "nocache_block",
              "guest_entry", "breaks", "table_store")
    assert all(seen[name] > 0 for name in wanted), seen
    print(text)


def complaints(checked):
    bad = checked.host.complaints()
    assert not bad, "the host's kernel complained:\n" + "\n".join(bad)


# ---- make check ----

def run_scripted(out):
    """Load, a guest whose pages come and go, unload: (what it said, the report's bytes)."""
    add = [word for path, target in programs() for word in ("--add", f"{path}:{target}")]
    done = subprocess.run(
        [TOP / "lab/host", "--icount", "--silicon", out, "--memory", "512", "--no-module",
         "--timeout", "600", *add, "--run", "mark 1", "--run", "work load /vmm.ko",
         "--run", report.SAY_SECTIONS, "--run", "work mapping", "--run", "work caches",
         "--run", "work unload"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=700)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, out.read_bytes()


def test_one_cpu_twice_the_same(tmp_path):
    said, first = run_scripted(tmp_path / "first.jsonl")
    world = report.World(report.Module(hostlib.module_path("armmp"), report.parse_sections(said)),
                         report.learn_kernel("armmp"))
    text, bad = report.render(report.reports(report.read(tmp_path / "first.jsonl"), world), [])
    assert bad == 0, text
    assert report.read(tmp_path / "first.jsonl").summary["breaks"] > 100
    again, second = run_scripted(tmp_path / "second.jsonl")
    assert again == said
    assert second == first


def test_two_cpus():
    with Checked(OUT / "two-cpus.jsonl", cpus=2) as checked:
        checked.load()
        for step in ("mapping", "caches", "smp", "two", "hotplug", "control", "unload"):
            checked.step(step)
        complaints(checked)
    silent(checked)


# One of each sort, and what must be said of it; all of them: test_silicon_mutants.py.
SORTS = {("leaf_map", "dsb ishst"): "link-dsb", ("hyp_host_call", "TLBIALLIS"): "tlbi-missing",
         ("hyp_stub_flush_page", "bl v7_flush_kern_dcache_area"): "map-dirty",
         ("hyp_ident_start", "isb"): "ctx-enable"}


def test_mutants_are_reported(tmp_path):
    listed = subprocess.run([TOP / "tests/silicon/mutate", "--list", "--json"], check=True,
                            capture_output=True, text=True).stdout.splitlines()
    sites = [s for s in map(json.loads, listed) if (s["function"], s["insn"]) in SORTS]
    done = subprocess.run(
        [TOP / "tests/silicon/mutants", "--on", "1", "--steps", "mapping", "--out", tmp_path,
         *(str(s["number"]) for s in sites)], capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=900)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    rules = {}
    for row in json.loads((tmp_path / "mutants.json").read_text()):
        rules.setdefault((row["function"], row["insn"]), set()).update(row["rules"])
    for sort, rule in SORTS.items():
        assert rule in rules.get(sort, ()), f"{sort}: {rules}\n{done.stdout}"


# ---- make check-all ----

@pytest.mark.all
@pytest.mark.parametrize("machine, kernel, cpus", [
    ("virt", "armmp", 1), ("virt", "armmp-lpae", 2), ("vexpress-a15", "armmp", 2)])
def test_debian_guest(machine, kernel, cpus):
    """The stock kernel boots in a guest, with 2 vCPUs, and powers off."""
    with Checked(OUT / f"debian-{machine}-{kernel}-{cpus}.jsonl", cpus=cpus, machine=machine,
                 kernel=kernel) as checked:
        checked.load()
        status, text = guests.run(checked.host, vcpus=2, memory="128M", script="nproc",
                                  timeout=900)
        assert status == 1 and "guest: exit 0" in text, text[-2000:]
        checked.step("unload")
        complaints(checked)
    silent(checked)


@pytest.mark.all
def test_two_debian_guests_hotplug_kill_and_unload():
    with Checked(OUT / "two-guests.jsonl", cpus=2, memory=768) as checked:
        host = checked.host
        checked.load()
        for name in ("a", "b"):
            host.ok(guests.command(name, vcpus=2, memory="128M", script=SPIN) +
                    f" </dev/null >/tmp/{name}.out 2>&1 & echo $! >/tmp/{name}.pid")
        for name in ("a", "b"):
            host.ok(f"until grep -q '^up' /tmp/{name}.out; do sleep 0.5; done", timeout=900)
        host.ok("for i in 1 2 3; do echo 0 >/sys/devices/system/cpu/cpu1/online && sleep 0.3 && "
                "echo 1 >/sys/devices/system/cpu/cpu1/online && sleep 0.3 || exit 1; done",
                timeout=300)
        host.ok("kill -9 $(cat /tmp/a.pid); sleep 0.3; bhyvectl --destroy --vm=a", timeout=60)
        checked.step("mapping")  # its memory goes to another, beside b
        host.ok("kill -9 $(cat /tmp/b.pid); sleep 0.3; bhyvectl --destroy --vm=b", timeout=60)
        checked.step("unload")
        checked.load()
        checked.step("timer")
        checked.step("unload")
        complaints(checked)
    silent(checked)


@pytest.mark.all
@pytest.mark.parametrize("cpus", [1, 2])
def test_kexec(tmp_path, cpus):
    """Out of HYP mode the way kexec takes, and into it again under the next kernel."""
    script = tmp_path / "init"
    script.write_text(SECOND_INIT)
    cpio = hostlib.busybox_root(script)
    cpio.file("vmm.ko", hostlib.module_path("armmp"))
    cpio.file("bin/mark", TOP / "build/armhf/tests/silicon/mark")
    second = tmp_path / "initrd"
    second.write_bytes(cpio.bytes())
    with Checked(OUT / f"kexec-{cpus}.jsonl", cpus=cpus,
                 add=[(TOP / KEXEC, "/bin/kexec"), (second, "/initrd2")]) as checked:
        checked.load()
        checked.step("timer")
        checked.host.ok("mark 0")  # as before the first kernel: what runs at physical addresses
        checked.host.start("kexec /guest/vmlinuz /initrd2")
        checked.host.expect("second kernel: vmm is loaded", timeout=600)
    silent(checked)


@pytest.mark.all
def test_memory_comes_and_goes_beside_everything_else():
    """All steps that the mutants are put through, and 600 VMs: two rounds of VMIDs."""
    with Checked(OUT / "all-steps.jsonl", cpus=1) as checked:
        checked.load()
        for step in ("mapping", "caches", "vfp", "timer", "smp", "two", "vmids 600", "control",
                     "unload"):
            checked.step(*step.split())
        complaints(checked)
    silent(checked)


@pytest.mark.all
@pytest.mark.parametrize("cpus", [1, 2])
def test_xen_is_silent(cpus):
    """A hypervisor that is known to be right on boards: a report is a fault of the checker."""
    done = subprocess.run([TOP / "tests/silicon/xen", "--cpus", str(cpus)], capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
