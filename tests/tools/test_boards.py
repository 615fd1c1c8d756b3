# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""tools/vmm-boards over small device trees: one reason each, and garbage."""
import json
import pathlib
import subprocess

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "vmm-boards"

GOOD = """/dts-v1/;
/ { #address-cells = <1>; #size-cells = <1>; model = "Board"; compatible = "%(board)s";
  cpus { #address-cells = <1>; #size-cells = <0>;
    cpu@0 { device_type = "cpu"; reg = <0>; compatible = "%(cpu)s"; }; };
  gic: interrupt-controller@1000 { compatible = "%(gic)s"; interrupt-controller;
    #interrupt-cells = <3>; reg = <%(reg)s>; %(gicirq)s };
  timer { compatible = "arm,armv7-timer"; interrupt-parent = <&gic>; interrupts = <%(timer)s>;
    %(status)s };
};
"""
BASE = {"board": "arm,vexpress,v2p-ca15,tc1", "cpu": "arm,cortex-a15", "gic": "arm,gic-400",
        "reg": "0x1000 0x1000 0x2000 0x2000 0x4000 0x2000 0x6000 0x2000",
        "gicirq": "interrupts = <1 9 0xf04>;",
        "timer": "1 13 0xf08 1 14 0xf08 1 11 0xf08 1 10 0xf08", "status": ""}


def ask(tmp_path, *args, **change):
    dts = tmp_path / "b.dts"
    dts.write_text(GOOD % dict(BASE, **change))
    dtb = tmp_path / "b.dtb"
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", dtb, dts], check=True)
    return subprocess.run([TOOL, *args, dtb], capture_output=True, text=True, check=False)


CASES = [
    ({}, 0, "yes", ""),
    ({"board": "x,y"}, 0, "maybe", "started in"),
    ({"cpu": "arm,cortex-a9"}, 1, "no", "virtualization extensions"),
    ({"gic": "arm,gic-v3"}, 1, "no", "GICv3"),
    ({"reg": "0x1000 0x1000 0x2000 0x2000"}, 1, "no", "GICH"),
    ({"gicirq": ""}, 1, "no", "maintenance"),
    ({"reg": "0x1000 0x1000 0x2000 0x1000 0x4000 0x2000 0x6000 0x2000"}, 0, "maybe",
     "gicv2_force_probe"),
    ({"timer": "1 13 0xf08 1 14 0xf08"}, 1, "no", "virtual timer"),
    ({"status": 'status = "disabled";'}, 1, "no", "disabled"),
    ({"board": "google,snow"}, 0, "maybe", "chain-load"),
]


@pytest.mark.parametrize("change,status,verdict,word", CASES)
def test_verdict(tmp_path, change, status, verdict, word):
    r = ask(tmp_path, "--json", **change)
    assert r.returncode == status, r.stderr
    answer = json.loads(r.stdout)
    assert answer["vmm"] == verdict
    assert word in " ".join(answer["remarks"])


def test_text_and_table(tmp_path):
    assert "b.dtb: Board: yes" in ask(tmp_path).stdout
    assert "| b.dtb | A15 | yes |" in ask(tmp_path, "--markdown").stdout
    assert "1 device trees" in ask(tmp_path, "--summary").stdout


@pytest.mark.parametrize("content", [b"", b"not a tree", b"\xd0\x0d\xfe\xed" + b"\xff" * 64])
def test_garbage(tmp_path, content):
    bad = tmp_path / "bad.dtb"
    bad.write_bytes(content)
    r = subprocess.run([TOOL, bad], capture_output=True, text=True, check=False)
    assert r.returncode != 0
    assert "not a device tree" in r.stderr and "Traceback" not in r.stderr


def test_truncated_tree(tmp_path):
    ask(tmp_path)
    whole = (tmp_path / "b.dtb").read_bytes()
    for cut in range(0, len(whole), 37):
        bad = tmp_path / "cut.dtb"
        bad.write_bytes(whole[:cut])
        r = subprocess.run([TOOL, bad], capture_output=True, text=True, check=False)
        assert r.returncode != 0 and "Traceback" not in r.stderr, cut
