# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""The 64-bit host: our module under Debian's arm64 kernel, at EL2 below it. The bare-metal guests
of tests/guest/aarch64, Debian's arm64 kernel as a guest to its user space, and the lines by which
the module refuses a host that is not for it."""
import re

import guests
import programs
import pytest

from labhost import hostlib

KERNEL = "arm64"
HOST = dict(cpus=2, kernel=KERNEL)
POWERED_OFF = 1
GUESTS = {name: p for name, p in programs.programs64().items()
          if p.ends == "pass" and not name.startswith("hostile-")}


@pytest.fixture(autouse=True)
def built():
    for tool in hostlib.TOOLS:
        if not (hostlib.arch_of(KERNEL).build / tool).exists():
            pytest.skip(f"{tool} has not been built for arm64")


@pytest.mark.parametrize("name", GUESTS)
def test_guest(host, name):
    program = GUESTS[name]
    ran = programs.run(host, program)
    programs.check_text(program, ran.text, program.bhyve)
    assert ran.status == POWERED_OFF, ran.text[-2000:]
    programs.check_stats(program, ran.stats)


SCRIPT = """
uname -m
echo "guest-cpus $(nproc)"
dmesg | grep -E 'arch_timer|CPU features|started at'
grep arch_timer /proc/interrupts
"""


@pytest.mark.parametrize("vcpus", (1, 2))
def test_debian_guest(host, vcpus):
    """To a script in user space, which looks at its CPUs, timer and exception level, and off."""
    status, text = guests.run(host, vcpus=vcpus, memory="256M", script=SCRIPT, timeout=420)
    assert status == POWERED_OFF, text[-3000:]
    assert "aarch64" in text and f"guest-cpus {vcpus}" in text, text[-3000:]
    assert re.search(r"All CPU\(s\) started at EL1", text), text[-3000:]
    assert re.search(r"arch_timer: cp15 timer\(s\) running at [\d.]+MHz \(virt\)", text)
    assert re.search(r"^ *\d+: +[1-9].*arch_timer", text, re.M), "no timer interrupts"


def test_module_comes_and_goes(host):
    for _ in range(3):
        host.ok("rmmod vmm && insmod /vmm.ko")
    assert "HYP mode on 2 CPU(s)" in host.dmesg()


# What keeps the module out, and what its line must say.
REFUSED = {
    "beside KVM": (dict(), "kvm-arm.mode=none"),
    "VHE": (dict(cpu="neoverse-n1", append="kvm-arm.mode=none"), "id_aa64mmfr1.vh=0"),
    "no EL2": (dict(hyp=False), "no virtualization extensions"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_refused(hosts, why):
    options, words = REFUSED[why]
    host = hosts.get(kernel=KERNEL, module=False, **options)
    host.clear_dmesg()
    status, _ = host.run("insmod /vmm.ko")
    said = [line for line in host.dmesg().splitlines() if "vmm:" in line and "taint" not in line]
    assert status != 0
    assert len(said) >= 1 and words in "\n".join(said), said
    assert not host.complaints()
