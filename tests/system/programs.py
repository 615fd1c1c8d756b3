# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""The bare-metal guests of tests/guest: what list.txt says of each, and a run of one under bhyve or
on plain QEMU."""
import json
import operator
import re
import subprocess
from collections import namedtuple

from labhost import TOP

LIST = TOP / "tests/guest/list.txt"
BUILT = TOP / "build/armhf/tests/guest"
LIST64 = TOP / "tests/guest/aarch64/list.txt"
BUILT64 = TOP / "build/arm64/tests/guest/aarch64"
OPERATORS = {"=": operator.eq, "<": operator.lt, ">": operator.gt, "<=": operator.le,
             ">=": operator.ge}
NUMBERS = ("cpus", "seconds")
WORDS = ("ends",)
LISTS = ("bhyve", "qemu", "stat")

Program = namedtuple("Program", "name cpus seconds bhyve qemu stat ends")
Ran = namedtuple("Ran", "status text stats")


class ListError(Exception):
    """A line of list.txt cannot be read."""


def parse(text, source=LIST):
    """{name: Program} of a list in list.txt's form."""
    found, rows = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        head = re.fullmatch(r"\[([\w-]+)\]", line)
        if head:
            if head.group(1) in found:
                raise ListError(f"{source}:{number}: there are two of {head.group(1)}")
            rows = dict(name=head.group(1), cpus=1, seconds=20, bhyve=[], qemu=[], stat=[],
                        ends="pass")
            found[head.group(1)] = rows
            continue
        key, sign, value = (part.strip() for part in line.partition("="))
        if rows is None or not sign or key not in NUMBERS + WORDS + LISTS:
            raise ListError(f"{source}:{number}: {line}")
        if key in LISTS:
            rows[key].append(value)
        else:
            rows[key] = int(value) if key in NUMBERS else value
    return {name: Program(**row) for name, row in found.items()}


def programs():
    return parse(LIST.read_text(encoding="utf-8"))


def programs64():
    return parse(LIST64.read_text(encoding="utf-8"), LIST64)


def command(program, vm="g", memory="128M"):
    return (f"bhyve -c {program.cpus} -m {memory} -o keep=true -o console=stdio "
            f"-o kernel=/guest/tests/{program.name}.elf {vm}")


def run(host, program):
    """Runs it on host: its status, what it printed, the VM's counters. The VM is gone then."""
    status, text = host.run(
        f"timeout {program.seconds} {command(program)} </dev/null; s=$?\n"
        "echo '@@stats'; bhyvectl --get-stats --json --vm=g || exit 99\n"
        "bhyvectl --destroy --vm=g || exit 98; exit $s", timeout=program.seconds + 30)
    text, _, stats = text.replace("\r", "").partition("@@stats\n")
    assert status not in (98, 99), f"bhyvectl failed:\n{text}\n{stats}"
    return Ran(status, text, add_up(stats))


def add_up(stats):
    """The counters of all vCPUs together."""
    total = {}
    try:
        cpus = json.loads(stats)["vcpus"]
    except (ValueError, KeyError) as wrong:
        raise AssertionError(f"no counters ({wrong}):\n{stats}") from wrong
    for cpu in cpus:
        for name, value in cpu["stats"].items():
            total[name] = total.get(name, 0) + value
    return total


def check_text(program, text, lines):
    assert re.search(rf"^PASS {re.escape(program.name)}$", text, re.M), text[-2000:]
    missing = [line for line in lines if line not in text]
    assert not missing, f"not printed: {missing}\n{text[-2000:]}"


def check_stats(program, stats):
    wrong = []
    for rule in program.stat:
        name, sign, value = rule.split()
        if not OPERATORS[sign](stats[name], int(value)):
            wrong.append(f"{rule}, but it is {stats[name]}")
    assert not wrong, "; ".join(wrong)


def plain_qemu(program, machine, image):
    return subprocess.run(
        [*machine, "-smp", str(program.cpus), "-m", "128", "-nic", "none", "-nographic",
         "-no-reboot", "-kernel", str(image)], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, errors="replace", timeout=120, check=False).stdout.replace("\r", "")


def run_on_qemu(program):
    """What it prints on QEMU's virt without a hypervisor."""
    return plain_qemu(program, ["qemu-system-arm", "-M", "virt,highmem=off,gic-version=2", "-cpu",
                                "cortex-a15"], BUILT / f"{program.name}.elf")


def run_on_qemu64(program, cpu, gic, suffix="elf"):
    """The same of a 64-bit program."""
    return plain_qemu(program, ["qemu-system-aarch64", "-M", f"virt,gic-version={gic}", "-cpu",
                                cpu], BUILT64 / f"{program.name}.{suffix}")


def goes_on(host, output, diagnosis=""):
    """tests/guest/neighbour, whose output is in that file, still counts; else the diagnosis is run.
    The file's last line may be cut off, also within its number."""
    last = f"tr -d '\\r' <{output} | grep tick | sed '$d' | tail -n 1 | cut -d' ' -f2"
    host.ok(f"before=$({last}); for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; after=$({last}); "
            "[ ${after:-0} -gt ${before:-0} ] && exit 0; done; "
            f"tail -n 5 {output}; {diagnosis} exit 1")
