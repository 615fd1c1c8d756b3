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
GUESTS, GUESTS64 = ({name: p for name, p in listed.items()
                     if p.ends == "pass" and not name.startswith("hostile-")}
                    for listed in (programs.programs(), programs.programs64()))


@pytest.fixture
def built():
    need_tools()
    if not programs.BUILT.exists():
        pytest.skip("tests/guest has not been built")


@pytest.fixture
def built64():
    if not programs.BUILT64.exists():
        pytest.skip("tests/guest has not been built for arm64")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", GUESTS)
def test_guest(host, name):
    program = GUESTS[name]
    ran = programs.run(host, program)
    programs.check_text(program, ran.text, program.bhyve)
    assert ran.status == POWERED_OFF, ran.text[-2000:]
    programs.check_stats(program, ran.stats)


@pytest.mark.all
@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", GUESTS)
def test_guest_on_plain_qemu(name):
    program = GUESTS[name]
    programs.check_text(program, programs.run_on_qemu(program), program.qemu)


@pytest.mark.all
@pytest.mark.usefixtures("built64")
@pytest.mark.parametrize("gic", (2, 3))
@pytest.mark.parametrize("name", GUESTS64)
def test_64_bit_guest_on_plain_qemu(name, gic):
    program = GUESTS64[name]
    programs.check_text(program, programs.run_on_qemu64(program, "cortex-a72", gic), program.qemu)


@pytest.mark.usefixtures("built64")
def test_64_bit_guest_as_an_image():
    """The file that a boot loader takes for Linux's Image."""
    program = GUESTS64["hvc"]
    programs.check_text(program, programs.run_on_qemu64(program, "neoverse-n1", 3, "bin"), [])


@pytest.mark.parametrize("listed, there", [
    pytest.param(programs.programs(), programs.BUILT, id="armhf",
                 marks=pytest.mark.usefixtures("built")),
    pytest.param(programs.programs64(), programs.BUILT64, id="arm64",
                 marks=pytest.mark.usefixtures("built64"))])
def test_every_guest_is_in_the_list(listed, there):
    assert {path.stem for path in there.glob("*.elf")} == set(listed)
