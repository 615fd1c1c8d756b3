# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""A host under the silicon checker with its work to do, and a verdict at its end.

	with Checked("build/silicon/x.jsonl", cpus=2) as checked:
		checked.load()                # insmod /vmm.ko
		checked.step("mapping")       # a step of tests/silicon/work; Noticed when it fails
		checked.step("unload")
	text, bad = checked.verdict()         # as tests/silicon/report.py says it
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(HERE), str(TOP / "tests/system")]

import report  # noqa: E402
from labhost import LabHost, hostlib  # noqa: E402

STEP_SECONDS = 400
BOOT_SECONDS = 900
PROGRAMS = {"build/armhf/tests/load/discard": "/bin/discard",
            "build/armhf/tests/load/vmids": "/bin/vmids",
            "build/armhf/tests/silicon/mark": "/bin/mark", "tests/silicon/work": "/bin/work"}


class Noticed(Exception):
    """QEMU alone shows that something is wrong: a step failed, or the host is gone."""


def programs():
    """What a host needs for tests/silicon/work: [(path, path there)]."""
    for path in PROGRAMS:
        if not (TOP / path).exists():
            raise hostlib.LabError(f"{path} has not been built: make armhf")
    return [(TOP / path, target) for path, target in PROGRAMS.items()]


def step(host, *words):
    status, output = host.run("work " + " ".join(words), timeout=STEP_SECONDS)
    if status != 0:
        raise Noticed(f"{words[0]}: {' '.join(output.split())[-200:]}")


def options(cpus, out, **more):
    """LabHost's. Instructions are counted where QEMU can, with one CPU."""
    more.setdefault("memory", 512)
    more["add"] = programs() + list(more.get("add", []))
    return dict(cpus=cpus, icount=cpus == 1 and more.get("machine", "virt") == "virt",
                silicon=str(out), boot_timeout=BOOT_SECONDS, module=False,
                log=str(Path(out).with_suffix(".log")), **more)


class Checked:
    def __init__(self, out, cpus=1, **more):
        self.out = Path(out)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.with_suffix(".log").unlink(missing_ok=True)
        self.kernel = more.get("kernel", "armmp")
        self.ram = hostlib.RAM_BASE[more.get("machine", "virt")]
        self.host = LabHost(**options(cpus, out, **more))
        self.sections = {}  # where vmm.ko was, by epoch

    def __enter__(self):
        self.host.boot()
        return self

    def __exit__(self, *_):
        self.host.close()

    def load(self):
        """From here on reports are about this instance of the module."""
        epoch = len(self.sections) + 1
        self.host.ok(f"mark {epoch}")
        step(self.host, "load", "/vmm.ko")
        self.sections[epoch] = report.parse_sections(self.host.ok(report.SAY_SECTIONS))

    def step(self, *words):
        step(self.host, *words)

    def verdict(self):
        """(text, how many reports are ours), once the host has ended."""
        file = report.read(self.out)
        symbols = report.learn_kernel(self.kernel)
        worlds = {epoch: report.World(report.Module(hostlib.module_path(self.kernel), sections),
                                      symbols, ram=self.ram)
                  for epoch, sections in self.sections.items()}
        nobody = report.World(None, symbols, ram=self.ram)
        found = report.reports(file, lambda epoch: worlds.get(epoch, nobody))
        text, bad = report.render(found, report.parse_suppressions(
            report.SUPPRESSIONS.read_text()))
        return f"{text}\n{file.summary}", bad + file.lost
