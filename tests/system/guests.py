# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Guests for the system tests: start one on a host, read its dmesg, compare with plain QEMU."""
import functools
import re
import subprocess
import tempfile
from pathlib import Path

from labhost import TOP, hostlib

LOAD = TOP / "build/armhf/tests/load/load"
KERNELS = {"armmp": "/guest/vmlinuz", "armmp-lpae": "/guest/vmlinuz-lpae"}
# What the console carries costs an exit or two a character: only what is looked at.
REPORT = """
echo "guest-cpus $(nproc)"
echo guest-dmesg-begin
dmesg -r | grep -E '^<[0-4]>|arch_timer|SMP: Total|GIC'
echo guest-dmesg-end
grep -E 'CPU0|GIC' /proc/interrupts
"""


def command(name, vcpus=1, memory="192M", kernel="armmp", initrd="/guest/initrd", script=None,
            console="stdio", options=""):
    """bhyve's command line for a Linux guest; script runs in it, and it powers off."""
    run = " " + hostlib.guest_run(script) if script else ""
    return (f"bhyve -c {vcpus} -m {memory} -o kernel={KERNELS[kernel]} -o initrd={initrd} "
            f"-o console={console} {options} -o fdt.bootargs='console=ttyAMA0 quiet{run}' {name}")


def run(host, name="g", timeout=150, **how):
    """Runs a guest to its end on host; (bhyve's status, all it printed)."""
    return host.run(command(name, **how), timeout)


def warnings(text):
    """Messages of level warning and worse between the dmesg marks, with the numbers taken out."""
    part = text.split("guest-dmesg-begin", 1)[-1].split("guest-dmesg-end", 1)[0]
    found = set()
    for line in part.splitlines():
        m = re.match(r"<(\d+)>\[ *[\d.]+\] (.*)", line.strip())
        if m and int(m.group(1)) & 7 <= 4:
            found.add(re.sub(r"0x[0-9a-f]+|\d+", "N", m.group(2)))
    return found


@functools.lru_cache(maxsize=None)
def plain_qemu(kernel, vcpus):
    """What the same kernel and initrd print on QEMU's virt without a hypervisor."""
    with tempfile.TemporaryDirectory() as tmp:
        initrd = Path(tmp) / "initrd"
        initrd.write_bytes(hostlib.guest_initrd(REPORT))
        out = subprocess.run(
            ["qemu-system-arm", "-M", "virt,highmem=off,gic-version=2", "-cpu", "cortex-a15",
             "-smp", str(vcpus), "-m", "192", "-nic", "none", "-nographic", "-no-reboot",
             "-kernel", str(hostlib.armhf("kernels", kernel, "vmlinuz")), "-initrd", str(initrd),
             "-append", "console=ttyAMA0 quiet panic=-1"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=120, check=False).stdout
    assert "guest-dmesg-end" in out, "plain QEMU did not boot the kernel:\n" + out[-2000:]
    return out


# A vCPU that waits for a CPU inside its timer interrupt says this once, on any hypervisor; and the
# host's own CPUs are threads that wait for this machine's.
LATE = {"hrtimer: interrupt took N ns"}


def check_boot(text, vcpus, kernel):
    """The guest's own messages show its GIC, timer and CPUs, and nothing that is not there on
    plain QEMU."""
    assert f"guest-cpus {vcpus}" in text, text[-3000:]
    assert re.search(r"arch_timer: cp15 timer\(s\) running at [\d.]+MHz \(virt\)", text)
    assert re.search(rf"SMP: Total of {vcpus} processors? activated", text)
    assert re.search(r"GIC|gic_handle_irq", text)
    assert re.search(r"^ *\d+: +[1-9].*arch_timer", text, re.M), "no timer interrupts"
    new = warnings(text) - warnings(plain_qemu(kernel, vcpus)) - LATE
    assert not new, "messages that the kernel lacks on plain QEMU:\n" + "\n".join(sorted(new))
