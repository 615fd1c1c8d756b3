# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Hosts on which vmm cannot run: insmod fails, one line says what to do, nothing stays behind."""
import subprocess

import pytest
from conftest import need_module
from labhost import LabHost, hostlib

GIC = "/intc@8000000"
GICD, GICC, GICH, GICV = 0x8000000, 0x8010000, 0x8030000, 0x8040000


def gic_reg(*pairs):
    """fdtput's words for a GIC node with these (base, size)."""
    cells = [f"{cell:x}" for base, size in pairs for cell in (0, base, 0, size)]
    return ["-t", "x", "DTB", GIC, "reg", *cells]


SMALL_GICC = gic_reg((GICD, 0x10000), (GICC, 0x1000), (GICH, 0x10000), (GICV, 0x10000))
CASES = {
    "virt-no-hyp": (dict(hyp=False), (), "shows no virtualization extensions"),
    "vexpress-no-hyp": (dict(machine="vexpress-a15", hyp=False), (), "not started in HYP mode"),
    "gicv3": (dict(gic=3), (), "has a GICv3"),
    "guest": (dict(hyp=False), [["-c", "DTB", "/hypervisor"],
                                ["-t", "s", "DTB", "/hypervisor", "compatible", "linux,kvm"]],
              "guest of a hypervisor"),
    "no-gich": (dict(), [gic_reg((GICD, 0x10000), (GICC, 0x10000))], "names no GICH"),
    "small-gicc": (dict(), [SMALL_GICC], "irqchip.gicv2_force_probe=1"),
    "small-gicv": (dict(), [gic_reg((GICD, 0x10000), (GICC, 0x10000), (GICH, 0x10000),
                                    (GICV, 0x1000))], "at least 8 KiB"),
    "no-maintenance": (dict(), [["-d", "DTB", GIC, "interrupts"]], "no maintenance interrupt"),
}
IN_CHECK = ("vexpress-no-hyp", "small-gicc")


def device_tree(path, options, edits):
    """The machine's device tree, edited by fdtput."""
    command = hostlib.Config(module=False, **options).qemu("none")
    machine = command.index("-M") + 1
    command[machine] += f",dumpdtb={path}"
    subprocess.run(command[:command.index("-kernel")], check=True, capture_output=True)
    for edit in edits:
        subprocess.run(["fdtput", *(str(path) if w == "DTB" else w for w in edit)], check=True)
    return path


def boot(tmp_path, options, edits):
    need_module("armmp")
    dtb = device_tree(tmp_path / "dtb", options, edits) if edits else None
    return LabHost(module=False, dtb=dtb, **options)


@pytest.mark.parametrize("case", [pytest.param(name, marks=() if name in IN_CHECK else
                                               pytest.mark.all) for name in CASES])
def test_refusal(tmp_path, case):
    options, edits, says = CASES[case]
    with boot(tmp_path, options, edits) as host:
        status, text = host.run("insmod /vmm.ko")
        assert status != 0, text
        lines = [l for l in host.dmesg().splitlines() if " vmm: " in l and "taint" not in l]
        assert lines and all(says in line for line in lines), lines
        assert host.run("grep vmm /proc/interrupts /proc/modules /proc/iomem; ls /dev/vmm*")[0]
        assert not host.complaints()


@pytest.mark.all
@pytest.mark.parametrize("how", ["kernel", "module"])
def test_small_gicc_can_be_helped(tmp_path, how):
    options = dict(append="irqchip.gicv2_force_probe=1") if how == "kernel" else {}
    with boot(tmp_path, options, [SMALL_GICC]) as host:
        host.ok("insmod /vmm.ko" + (" force_hyp=1" if how == "module" else ""))
        host.ok("[ -c /dev/vmmctl ] && rmmod vmm")
        assert not host.complaints()
