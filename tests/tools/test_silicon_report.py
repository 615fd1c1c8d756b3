# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""tests/silicon/report.py and mutate over a small module and made-up reports."""
import importlib.machinery
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

SILICON = pathlib.Path(__file__).resolve().parents[1] / "silicon"
sys.path.insert(0, str(SILICON))
import report  # noqa: E402

COMPILER = "arm-linux-gnueabihf-gcc"
pytestmark = pytest.mark.skipif(not shutil.which(COMPILER), reason=f"no {COMPILER}: lab/setup")

SOURCE = """
	.syntax unified
	.arch armv7-a
	.arch_extension virt
	.arm
	.text
	.globl host_map
	.type host_map, %function
host_map:
	dsb ishst
	bl v7_flush_kern_dcache_area
	bl elsewhere
	dmb ish
	bx lr
	.section .hyp.text, "ax", %progbits
	.type hyp_ident_start, %function
hyp_ident_start:
	mov r0, #0
	mcr p15, 4, r0, c8, c7, 0
	isb
	bx lr
hyp_ident_end:
	.type hyp_run, %function
hyp_run:
	mcrne p15, 0, r0, c7, c10, 1
	mcr p15, 0, r0, c7, c5, 6
	mrc p15, 0, r0, c7, c4, 0
	dsb sy
	bx lr
	.word 0xf57ff04f	@ looks like a DSB
"""
SECTIONS = ".text 0xbf000000\n.hyp.text 0xbf010000\n"
KALLSYMS = "c0208000 T _text\nc0300000 T memcpy\nc0300100 t $a\nc0300200 t do_it\n"
ENTRY = {"epoch": 1, "rule": "poc-read", "section": "A3.5", "cpu": 0, "mode": "pl1",
         "pc": "0xc0300004", "lr": "0x00000000", "other": "0xc0300208", "ocpu": 0, "omode": "pl1",
         "addr": "0x41000000", "text": "something", "fix": "this"}
SUMMARY = {"summary": {"dsb": 1}}


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, str(SILICON / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("silicon")
    tree = tmp / "sys/armv7"
    tree.mkdir(parents=True)
    (tree / "small.S").write_text(SOURCE)
    subprocess.run([COMPILER, "-g", "-c", "-o", tmp / "vmm.ko", tree / "small.S"], check=True)
    return tmp / "vmm.ko"


@pytest.fixture
def world(module):
    return report.World(report.Module(module, report.parse_sections(SECTIONS)),
                        report.parse_kallsyms(KALLSYMS))


def write(tmp_path, *entries, end=(SUMMARY,)):
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps(e) + "\n" for e in (*entries, *end)))
    return path


def one(tmp_path, world, **change):
    path = write(tmp_path, {"epoch": 1, "begins": True}, dict(ENTRY, **change))
    found = report.reports(report.read(path), world)
    assert len(found) == 1
    return found[0]


def test_places(world):
    def name(addr, mode="pl1", **more):
        place = world.place(addr, mode, **more)
        return place.whose, place.name, place.offset

    assert name(0xbf000004) == ("vmm", "host_map", 4)
    assert name(0xbf010008, "hyp") == ("vmm", "hyp_ident_start", 8)
    assert name(0xbf010014, "hyp") == ("vmm", "hyp_run", 4)
    assert name(0xbf555554)[:2] == ("vmm", "a module")
    assert name(0xc0300010) == ("linux", "memcpy", 0x10)
    assert name(0x40300010) == ("boot", "memcpy", 0x10)  # before the MMU is on
    assert name(0x4a123008, "hyp") == ("vmm", "hyp_ident_start", 8)  # the identity page
    assert name(0x4a123008, "hyp", booting=True)[0] == "boot"
    assert name(0x40008000, "guest")[0] == "guest"
    assert name(0x00010000, "pl0")[0] == "user"
    assert world.place(0, "pl1") is None
    assert world.place(0xbf000004, "pl1").line == "sys/armv7/small.S:11"
    assert world.place(0x4a123008, "hyp").line == "sys/armv7/small.S:20"


@pytest.mark.parametrize("whose,change", [
    ("linux", {}),
    ("linux", {"mode": "pl0", "pc": "0x00010000"}),
    ("ours", {"pc": "0xbf000000"}),
    ("ours", {"other": "0xbf010004", "omode": "hyp"}),
    ("ours", {"lr": "0xbf000008"}),
    ("linux", {"mode": "pl0", "pc": "0x00010000", "lr": "0x00010004"}),
    ("ours", {"rule": "bbm"}),
    ("ours", {"rule": "tlbi-scope", "mode": "guest", "omode": "guest"}),
    ("guest", {"mode": "guest", "omode": "guest"}),
    ("guest", {"mode": "guest", "omode": "pl0", "other": "0x00000000"}),
    ("ours", {"mode": "guest"}),  # the host wrote what the guest reads
    ("ours", {"omode": "guest"}),
    ("ours", {"mode": "hyp", "pc": "0x4a123008"}),
    ("linux", {"mode": "hyp", "pc": "0x40300004"}),  # the kernel's own stub
    ("linux", {"epoch": 0, "mode": "hyp", "pc": "0x40010008"}),  # the decompressor
])
def test_whose_it_is(tmp_path, world, whose, change):
    assert one(tmp_path, world, **change).whose == whose


def test_all_rules_of_tables_are_known():
    assert {"bbm", "forgotten", "vcpu-share", "poc-walk"} <= report.TABLE_RULES
    assert "poc-read" not in report.TABLE_RULES and "ctx-mem" not in report.TABLE_RULES


def test_text(tmp_path, world):
    entry = dict(ENTRY, pc="0xbf000004", lr="0xc0300204")
    path = write(tmp_path, entry, ENTRY, dict(ENTRY, pc="0xc0300008"), end=(
        {"epoch": 1, "count": 7, "rule": "poc-read", "pc": "0xbf000004", "other": ENTRY["other"]},
        SUMMARY))
    text, bad = report.render(report.reports(report.read(path), world), [])
    assert bad == 1
    for part in ("poc-read: something", "0xbf000004 host_map+0x4 (sys/armv7/small.S:11)",
                 "7 times", "called by 0xc0300204 do_it+0x4", "after     0xc0300208 do_it+0x8",
                 "to do     this", "2 poc-read: memcpy after do_it",
                 "1 reports in our code, 0 suppressed, 2 in Linux's, 0 in guests'"):
        assert part in text, text


def test_suppressions(tmp_path, world):
    ours = one(tmp_path, world, pc="0xbf000004")
    alone = one(tmp_path, world, pc="0xbf000004", other="0x00000000")
    for line, hits in (("poc-read host_map do_it # why", ours),
                       ("poc-read host_* * # why", ours), ("poc-read host_map - # why", alone)):
        s = report.parse_suppressions(f"# a comment\n\n{line}\n")
        assert report.suppressed(hits, s).reason == "why"
        assert report.render([hits], s)[1] == 0
        assert "suppressed: poc-read" in report.render([hits], s)[0]
    for line in ("poc-fetch host_map do_it # why", "poc-read host do_it # why",
                 "poc-read host_map - # why"):
        assert report.suppressed(ours, report.parse_suppressions(line)) is None
    for line in ("poc-read host_map do_it", "poc-read host_map # why", "poc-read a b c # why"):
        with pytest.raises(report.ReportError):
            report.parse_suppressions(line)


def test_the_committed_suppressions_can_be_read():
    report.parse_suppressions(report.SUPPRESSIONS.read_text())


def test_worlds_by_epoch(tmp_path, world):
    path = write(tmp_path, {"epoch": 1, "begins": True}, dict(ENTRY, pc="0xbf000004"),
                 {"epoch": 2, "begins": True}, dict(ENTRY, epoch=2, pc="0xbf000004"))
    empty = report.World()
    found = report.reports(report.read(path), lambda epoch: world if epoch == 1 else empty)
    assert [r.pc.name for r in found] == ["host_map", "a module"]
    assert len(report.reports(report.read(path), world, {2})) == 1


@pytest.mark.parametrize("content", ["", "garbage\n", '{"epoch":0,"begins":true}\n'])
def test_what_cannot_be_read(tmp_path, content):
    path = tmp_path / "bad"
    path.write_text(content)
    with pytest.raises(report.ReportError):
        report.read(path)


def test_command_line(tmp_path, module):
    (tmp_path / "sections").write_text(SECTIONS)
    (tmp_path / "kallsyms").write_text(KALLSYMS)

    def run(path, sections=tmp_path / "sections"):
        return subprocess.run([SILICON / "report.py", path, "--module", module, "--sections",
                               sections, "--symbols", tmp_path / "kallsyms"],
                              capture_output=True, text=True, check=False)

    assert run(write(tmp_path, ENTRY)).returncode == 0
    r = run(write(tmp_path, dict(ENTRY, pc="0xbf000004")), ".text=bf000000,.hyp.text=bf010000")
    assert r.returncode == 1 and "host_map+0x4" in r.stdout
    assert run(write(tmp_path, ENTRY, {"epoch": 1, "lost": 3})).returncode == 1
    for r in (run(tmp_path / "none"), run(write(tmp_path, ENTRY, end=())),
              run(write(tmp_path, ENTRY), "nonsense")):
        assert r.returncode == 2 and "report.py: " in r.stderr and "Traceback" not in r.stderr


def test_mutants_of_a_module(tmp_path, module):
    mutate = script("mutate")
    found = mutate.sites(module)
    assert [(s.section, s.function, s.more, s.insn) for s in found] == [
        (".text", "host_map", 0, "dsb ishst"),
        (".text", "host_map", 4, "bl v7_flush_kern_dcache_area"),
        (".text", "host_map", 12, "dmb ish"), (".hyp.text", "hyp_ident_start", 4, "TLBIALLH"),
        (".hyp.text", "hyp_ident_start", 8, "isb"), (".hyp.text", "hyp_run", 0, "DCCMVAC"),
        (".hyp.text", "hyp_run", 4, "BPIALL"), (".hyp.text", "hyp_run", 12, "dsb sy")]
    assert [s.insn for s in found if s.excused] == ["dmb ish"]
    assert found[0].line == "sys/armv7/small.S:10"
    image = module.read_bytes()
    for site in found:
        new = mutate.mutant(image, site)
        differ = [i for i in range(len(image)) if image[i] != new[i]]
        assert len(new) == len(image) and len(differ) <= 5
        (tmp_path / "m.ko").write_bytes(new)
        left = mutate.sites(tmp_path / "m.ko")
        assert [s[1:-2] for s in left] == [s[1:-2] for s in found if s != site]
    # the same in a copy without debug information
    plain = mutate.stripped(module, tmp_path / "plain.ko")
    (tmp_path / "m.ko").write_bytes(mutate.mutant(plain.read_bytes(),
                                                  mutate.moved(found, plain)[1]))
    assert len(mutate.sites(tmp_path / "m.ko")) == len(found) - 1


def test_mutate_command_line(tmp_path, module):
    def run(*args):
        return subprocess.run([SILICON / "mutate", *args], capture_output=True, text=True,
                              check=False)

    assert "hyp_run+0xc: dsb sy" in run("--list", module).stdout
    assert "dmb" not in run("--list", module).stdout
    assert "[the checker cannot see it]" in run("--list", "--all", module).stdout
    r = run(module, "0", tmp_path / "out.ko")
    assert r.returncode == 0 and "host_map+0x0" in r.stdout
    assert run(module, "99", tmp_path / "out.ko").returncode == 2
    assert run(tmp_path / "none.ko", "--list").returncode == 2
    (tmp_path / "text").write_text("no module")
    assert "no 32-bit" in run(tmp_path / "text", "--list").stderr


def test_record_of_mutants(tmp_path):
    mutants = script("mutants")
    path = tmp_path / "results.jsonl"
    record = mutants.Record(path)
    row = {"site": 3, "on": "1", "epoch": 4, "reports": [], "sections": {".text": 0}}
    record.add({3: row})
    assert not mutants.Record(path).is_reported(3)
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"site": 4, "cp')  # stopped here
    record.add({3: dict(row, on="2", reports=[["bbm", "a", "b"]], noticed="load: no")})
    again = mutants.Record(path)
    assert len(again.of(3)) >= 1
    assert record.is_reported(3) and not record.is_reported(5)


def test_table_of_mutants(module, tmp_path):
    mutants, mutate = script("mutants"), script("mutate")
    sites = mutate.sites(module)
    record = mutants.Record(tmp_path / "none")
    record.rows = {(0, "1"): {"reports": [["bbm", "a", "b"]], "noticed": "load: no"},
                   (3, "1"): {"reports": []}, (3, "2"): {"reports": []}}
    (tmp_path / "why").write_text("# a comment\nhyp_ident_start: TLBIALLH  # of no use\n")
    why = mutants.reasons(tmp_path / "why")
    text = mutants.table(mutants.summary([sites[0], sites[3], sites[4]], record, why))
    assert "2 mutants, 1 reported; QEMU alone noticed 1, 1 of them reported too." in text
    assert "| `dsb ishst` | `host_map` | sys/armv7/small.S:10 | bbm | load: no |" in text
    assert "| **no**: of no use | no |" in text and "| not run | no |" in text
    (tmp_path / "why").write_text("hyp_ident_start: TLBIALLH\n")
    with pytest.raises(mutants.hostlib.LabError, match="why:1"):
        mutants.reasons(tmp_path / "why")
