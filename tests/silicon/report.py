#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Says what the silicon checker found, with names and lines, and whose fault it is.

A report is ours when HYP mode or vmm.ko had a part in it, when it is about tables or TLBs (only
a hypervisor's are watched), or when a guest and its host broke a rule together; Linux's own and
what a guest did to itself are only counted. Exit status: 0 nothing of ours but what
tests/silicon/suppressions lists, 1 something, 2 the input cannot be read.

The sections of vmm.ko are where the host put them, which it says in
    for f in /sys/module/vmm/sections/.[!.]*; do echo ${f##*/} $(cat $f); done
"""
import argparse
import fnmatch
import gzip
import base64
import json
import os
import re
import subprocess
import sys
from collections import Counter, namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(HERE), str(TOP / "lab")]
import elf  # noqa: E402
import hostlib  # noqa: E402

MODULES = range(hostlib.MODULES[0], sum(hostlib.MODULES))
KERNEL_BASE = 0xc0000000
PAGE = 0xfff
IDENT = (".hyp.text", "hyp_ident_start", "hyp_ident_end")
SUPPRESSIONS = HERE / "suppressions"
SAY_SECTIONS = "for f in /sys/module/vmm/sections/.[!.]*; do echo ${f##*/} $(cat $f); done"

OURS, LINUX, GUEST = "ours", "linux", "guest"
# whose: vmm, linux, boot (before the kernel has its MMU on), guest, user
Place = namedtuple("Place", "whose name offset line")
Suppression = namedtuple("Suppression", "rule pc other reason")
Report = namedtuple("Report", "entry count whose pc lr other")
# entries as they are in the file, {(epoch, rule, pc, other): count}, the counters of the whole run,
# whether there were marks, how many kinds of reports there was no room for
File = namedtuple("File", "entries counts summary marked lost")


class ReportError(Exception):
    """An input cannot be used; the message says why."""


# ---- names ----

def parse_sections(text):
    """{section: address}, from what a host says (SAY_SECTIONS) or from .text=0xbf000000,..."""
    found = {}
    for name, addr in re.findall(r"(\.[\w.]+)[\s=:]+(?:0x)?([0-9a-fA-F]{8})\b", text):
        found[name] = int(addr, 16)
    if ".text" not in found:
        raise ReportError(f"no address of .text among the sections: {text[:200]!r}")
    return found


class Module:
    """vmm.ko as it was loaded."""

    def __init__(self, path, sections):
        self.path = str(path)
        self.elf = elf.Elf(path)
        self.names = {}
        self.lines = {}
        self.loaded = sorted((addr, self.elf.section(name)) for name, addr in sections.items()
                             if any(s.name == name for s in self.elf.sections))
        marks = {s.name: s.value for s in self.elf.symbols if s.name in IDENT[1:]}
        self.ident = (marks[IDENT[1]], marks[IDENT[2]]) if len(marks) == 2 else (0, 0)

    def find(self, addr):
        """(section's name, offset in it), or None."""
        for start, section in reversed(self.loaded):
            if start <= addr < start + section.size:
                return section.name, addr - start
        return None

    def name(self, section, offset):
        if section not in self.names:
            self.names[section] = self.elf.named(section)
        return self.names[section].find(offset) or (section, offset)

    def learn_lines(self, section, offsets):
        """Looks up many at once."""
        out = subprocess.run(
            ["arm-linux-gnueabihf-addr2line", "-a", "-i", "-e", self.path, "-j", section,
             *(f"{offset:#x}" for offset in offsets)], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, check=False).stdout if offsets else ""
        for part in re.split(r"^0x", out, flags=re.M)[1:]:
            addr, *rest = part.splitlines()
            at = [in_tree(line) for line in rest if not line.startswith("?")]
            self.lines[section, int(addr, 16)] = " < ".join(at)

    def line(self, section, offset):
        """FILE:LINE, and where that was inlined; "" where it is not known."""
        if (section, offset) not in self.lines:
            self.learn_lines(section, [offset])
        return self.lines.get((section, offset), "")

    def place(self, section, offset):
        name, more = self.name(section, offset)
        return Place("vmm", name, more, self.line(section, offset))


def in_tree(line):
    """A path of the module's build, as it is in the tree."""
    line = re.sub(r" \(discriminator \d+\)", "", line)
    path, _, number = line.rpartition(":")
    path = os.path.normpath(path)
    match = re.search(r"(?:^|/)((?:sys|include)/(?:core|arm|armv7|os|vmm)/.*)$", path)
    if match is None:
        match = re.search(r"/((?:arch|include|kernel|lib|mm)/.*)$", path)
    return f"{match.group(1) if match else path}:{number}"


def learn_kernel(kernel):
    """A kernel's own symbols, which Debian's packages do not hold: the kernel itself is asked, once
    (there is no address layout randomisation on ARMv7). [(address, name)]"""
    release = hostlib.kernel_release(kernel)
    path = TOP / f"build/silicon/kallsyms-{release}.gz"
    if not path.exists():
        done = subprocess.run(
            [TOP / "lab/host", "--no-module", "--kernel", kernel, "--timeout", "300", "--run",
             "grep -i ' t ' /proc/kallsyms | gzip -9 | base64"], capture_output=True, check=False)
        if done.returncode:
            raise ReportError(f"the kernel {kernel} does not tell its symbols: "
                              + done.stderr.decode(errors="replace").strip())
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        new.write_bytes(base64.b64decode(done.stdout))
        os.replace(new, path)
    return parse_kallsyms(gzip.decompress(path.read_bytes()).decode())


def parse_kallsyms(text):
    return [(int(addr, 16), name)
            for addr, name in re.findall(r"^([0-9a-f]{8}) [tTwW] (\S+)", text, re.M)
            if name[0] != "$"]


class World:
    """Whose an address is, and what it is called. All parts may be missing."""

    def __init__(self, module=None, kernel=None, guest=None, ram=hostlib.RAM_BASE["virt"]):
        self.module = module
        rows = sorted(kernel or ())
        self.kernel = elf.Names(rows)
        self.kernel_text = range(rows[0][0], rows[-1][0] + 0x1000) if rows else range(0)
        self.guest = elf.Elf(guest) if guest else None
        self.ram = ram
        self.cache = {}

    def place(self, addr, mode, booting=False):
        key = (addr, mode, booting)
        if key not in self.cache:
            self.cache[key] = self._place(addr, mode, booting)
        return self.cache[key]

    def caller(self, lr, mode):
        """The place that lr tells of, if any: it may hold something else. In HYP mode it is the
        User mode lr, which may be a process's."""
        place = self.place(lr, mode) if lr >= MODULES.start or mode == "guest" else None
        return place if place and place.whose in ("vmm", "linux") else None

    def _place(self, addr, mode, booting):
        if addr == 0:
            return None
        if mode == "guest":
            return self._guest(addr)
        if addr in MODULES:
            found = self.module.find(addr) if self.module else None
            return self.module.place(*found) if found else Place("vmm", "a module", addr, "")
        if addr >= KERNEL_BASE:
            return self._kernel(addr)
        if mode == "pl0":
            return Place("user", "user space", addr, "")
        return self._physical(addr, mode, booting)

    def _kernel(self, addr):
        return Place("linux", *(self.kernel.find(addr) or ("the kernel", addr)), "")

    def _guest(self, addr):
        for section in self.guest.sections if self.guest else ():
            if section.addr <= addr < section.addr + section.size:
                found = self.guest.named(section.name).find(addr)
                return Place("guest", *(found or (section.name, addr - section.addr)), "")
        return Place("guest", "the guest", addr, "")

    def _physical(self, addr, mode, booting):
        """The MMU is off, or the map flat: the kernel's first steps, or our identity page."""
        virtual = addr - self.ram + KERNEL_BASE
        if virtual in self.kernel_text:
            return Place("boot", *self.kernel.find(virtual), "")
        start, end = self.module.ident if self.module else (0, 0)
        if mode == "hyp" and not booting and (addr & PAGE) < end - start:
            section = IDENT[0]
            line = self.module.line(section, start + (addr & PAGE))
            return Place("vmm", IDENT[1], addr & PAGE, line)
        if mode == "hyp" and not booting:
            return Place("vmm", "HYP mode", addr, "")
        return Place("boot", "before the kernel", addr, "")


# ---- reports ----

def table_rules():
    """Names of the rules about tables and TLBs, of which only a hypervisor's are watched."""
    text = (HERE / "rules_list.h").read_text()
    part = text.partition("/* 3.")[2].partition("/* 5.")[0]
    names = set(re.findall(r'RULE\(\s*\w+,\s*"([\w-]+)"', part))
    if "bbm" not in names or "tlbi-scope" not in names:
        raise ReportError("rules_list.h has another form now")
    return names | {"poc-walk"}


TABLE_RULES = table_rules()


def judge(entry, places):
    """ours, linux or guest."""
    modes = {entry["mode"]} | ({entry["omode"]} if int(entry["other"], 16) else set())
    if entry["rule"] in TABLE_RULES or "vmm" in (p.whose for p in places if p):
        return OURS
    if modes == {"guest"}:
        return GUEST
    return OURS if "guest" in modes else LINUX


def read(path):
    """The File of what the checker wrote."""
    entries, counts, summary, marked, lost = [], {}, None, False, 0
    try:
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError) as err:
        raise ReportError(f"{path}: {err}") from err
    for line in lines:
        if "count" in line:
            counts[line["epoch"], line["rule"], line["pc"], line["other"]] = line["count"]
        elif "summary" in line:
            summary = line["summary"]
        elif "begins" in line:
            marked = True
        elif "lost" in line:
            lost += line["lost"]
        else:
            entries.append(line)
    if summary is None:
        raise ReportError(f"{path} has no summary: QEMU or the checker came to a bad end")
    return File(entries, counts, summary, marked, lost)


def reports(file, world, epochs=None):
    """The Reports of a File. world: a World, or a function that gives one for an epoch."""
    found = []
    for entry in file.entries:
        epoch = entry["epoch"]
        if epochs is not None and epoch not in epochs:
            continue
        here = world(epoch) if callable(world) else world
        booting = file.marked and epoch == 0
        pc = here.place(int(entry["pc"], 16), entry["mode"], booting)
        caller = here.caller(int(entry["lr"], 16), entry["mode"])
        other = here.place(int(entry["other"], 16), entry["omode"], booting)
        count = file.counts.get((epoch, entry["rule"], entry["pc"], entry["other"]), 1)
        found.append(Report(entry, count, judge(entry, (pc, caller, other)), pc, caller, other))
    return found


def parse_suppressions(text):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words, _, reason = line.partition("#")
        words = words.split()
        if not words:
            continue
        if len(words) != 3 or not reason.strip():
            raise ReportError(f"suppressions:{number}: not `rule function function  # reason'")
        found.append(Suppression(*words, reason.strip()))
    return found


def suppressed(report, suppressions):
    """The Suppression of a report, or None."""
    other = report.other.name if report.other else "-"
    for s in suppressions:
        if s.rule == report.entry["rule"] and fnmatch.fnmatchcase(report.pc.name, s.pc) and \
                fnmatch.fnmatchcase(other, s.other):
            return s
    return None


# ---- text ----

def show(place):
    if place is None:
        return "-"
    # A thing that has no symbols has an address, which stands before it already.
    where = place.name if " " in place.name else f"{place.name}+{place.offset:#x}"
    return where + (f" ({place.line})" if place.line else "")


def describe(report):
    e = report.entry
    times = f", {report.count} times" if report.count != 1 else ""
    epoch = f"epoch {e['epoch']}, " if e["epoch"] else ""
    lines = [f"{e['rule']}: {e['text']}",
             f"    at        {e['pc']} {show(report.pc)}, {epoch}CPU {e['cpu']}, "
             f"{e['mode']}{times}"]
    if report.lr:
        lines.append(f"    called by {e['lr']} {show(report.lr)}")
    if report.other:
        lines.append(f"    after     {e['other']} {show(report.other)}, "
                     f"CPU {e.get('ocpu', '?')}, {e['omode']}")
    lines.append(f"    address   {e['addr']}, DDI 0406C {e['section']}")
    lines.append(f"    to do     {e['fix']}")
    return "\n".join(lines)


def kinds(found):
    """Counts of what is not ours: [(times, text)], the most frequent first."""
    total = Counter()
    for r in found:
        other = r.other.name if r.other else "-"
        total[f"{r.entry['rule']}: {r.pc.name if r.pc else '-'} after {other}"] += r.count
    return [(n, text) for text, n in sorted(total.items(), key=lambda row: (-row[1], row[0]))]


def render(found, suppressions, most=20):
    """The text, and how many reports are ours and not suppressed."""
    ours = [r for r in found if r.whose == OURS]
    bad = [r for r in ours if not suppressed(r, suppressions)]
    lines = [describe(r) + "\n" for r in bad]
    for r in ours:
        why = suppressed(r, suppressions)
        if why:
            lines.append(f"suppressed: {r.entry['rule']} at {show(r.pc)}: {why.reason}")
    for whose, title in ((LINUX, "Linux's own"), (GUEST, "guests' own")):
        rows = kinds([r for r in found if r.whose == whose])
        if rows:
            lines.append(f"{title}, {len(rows)} kinds:")
            lines += [f"  {n:8} {text}" for n, text in rows[:most]]
            if len(rows) > most:
                lines.append(f"           ... and {len(rows) - most} more")
    lines.append(f"{len(bad)} reports in our code, {len(ours) - len(bad)} suppressed, "
                 f"{sum(r.whose == LINUX for r in found)} in Linux's, "
                 f"{sum(r.whose == GUEST for r in found)} in guests'")
    return "\n".join(lines), len(bad)


def main():
    parser = argparse.ArgumentParser(prog="tests/silicon/report.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", metavar="FILE.jsonl")
    parser.add_argument("--module", metavar="vmm.ko", help="default: that of --kernel")
    parser.add_argument("--sections", metavar="FILE|.text=ADDR,...", help="where it was loaded")
    parser.add_argument("--kernel", default="armmp", metavar="K", help="armmp or armmp-lpae")
    parser.add_argument("--symbols", metavar="FILE",
                        help="the kernel's /proc/kallsyms; default: the lab's kernel is asked once")
    parser.add_argument("--guest-elf", metavar="FILE", help="the bare-metal guest that ran")
    parser.add_argument("--suppressions", default=SUPPRESSIONS, metavar="FILE")
    parser.add_argument("--most", type=int, default=20, metavar="N",
                        help="of Linux's and guests' own, show so many kinds")
    args = parser.parse_args()
    module = None
    if args.sections:
        text = Path(args.sections).read_text() if Path(args.sections).exists() else args.sections
        module = Module(args.module or hostlib.module_path(args.kernel), parse_sections(text))
    symbols = parse_kallsyms(Path(args.symbols).read_text()) if args.symbols else \
        learn_kernel(args.kernel)
    world = World(module, symbols, args.guest_elf)
    suppressions = parse_suppressions(Path(args.suppressions).read_text())
    file = read(args.file)
    text, bad = render(reports(file, world), suppressions, args.most)
    print(text)
    if file.lost:
        print(f"{file.lost} more that there was no room for")
    return 1 if bad or file.lost else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ReportError, elf.ElfError, hostlib.LabError, OSError) as err:
        print(f"report.py: {err}", file=sys.stderr)
        sys.exit(2)
