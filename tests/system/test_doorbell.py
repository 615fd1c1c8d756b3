# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Doorbells and interrupts without the run loop (the checks are in tests/load/doorbell.c); and
that nothing keeps the module or a VM afterwards."""
import pytest
from conftest import TOP

DOORBELL = TOP / "build/armhf/tests/load/doorbell"
HOST = dict(cpus=2, add=[(DOORBELL, "/doorbell")])


@pytest.fixture(scope="module", autouse=True)
def built():
    if not DOORBELL.exists():
        pytest.skip("tests/load/doorbell has not been built")


@pytest.mark.parametrize("rounds", [2, pytest.param(30, marks=pytest.mark.all)])
def test_doorbells(host, rounds):
    for _ in range(rounds):
        status, text = host.run("/doorbell", timeout=120)
        assert status == 0, text
    host.ok("bhyvectl --list; rmmod vmm && insmod /vmm.ko")


def test_killed(host):
    """Killed in the middle, again and again: its bindings go with it, and the next one has a VM."""
    for pause in ("0.1", "0.3", "0.5", "0.8", "1.2"):
        host.run(f"/doorbell >/dev/null 2>&1 & sleep {pause}; kill -9 $!; wait $!")
    status, text = host.run("/doorbell", timeout=120)
    assert status == 0, text
    host.ok("rmmod vmm && insmod /vmm.ko")
