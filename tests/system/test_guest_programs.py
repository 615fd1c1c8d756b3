# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Every bare-metal guest of tests/guest/list.txt under bhyve: it passes, prints what the list says,
and the host has counted what the list says. On plain QEMU the same programs show that they test
what the architecture says. (The nasty ones, hostile-*, are test_hostile.py's.)"""
import programs
import pytest
from conftest import need_tools

HOST = dict(cpus=2)
POWERED_OFF = 1
GUESTS = {name: p for name, p in programs.programs().items()
          if p.ends == "pass" and not name.startswith("hostile-")}


@pytest.fixture(autouse=True)
def built():
    need_tools()
    if not programs.BUILT.exists():
        pytest.skip("tests/guest has not been built")


@pytest.mark.parametrize("name", GUESTS)
def test_guest(host, name):
    program = GUESTS[name]
    ran = programs.run(host, program)
    programs.check_text(program, ran.text, program.bhyve)
    assert ran.status == POWERED_OFF, ran.text[-2000:]
    programs.check_stats(program, ran.stats)


@pytest.mark.all
@pytest.mark.parametrize("name", GUESTS)
def test_guest_on_plain_qemu(name):
    program = GUESTS[name]
    programs.check_text(program, programs.run_on_qemu(program), program.qemu)


def test_every_guest_is_in_the_list():
    listed = set(programs.programs())
    there = {path.stem for path in programs.BUILT.glob("*.elf")}
    assert there == listed
