# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""The device nodes: owners, request numbers, mappings, files that outlive their VM (the checks are
in tests/load/nodes.c); and memory is what it was afterwards."""
import pytest
from conftest import TOP

NODES = TOP / "build/armhf/tests/load/nodes"
GONE = TOP / "build/armhf/tests/load/gone"
HOST = dict(cpus=2, add=[(NODES, "/nodes"), (GONE, "/gone")])


@pytest.fixture(scope="module", autouse=True)
def built():
    for program in (NODES, GONE):
        if not program.exists():
            pytest.skip(f"tests/load/{program.name} has not been built")


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.all)])
def test_nodes(host, rounds):
    status, text = host.run(f"for i in $(seq {rounds}); do /nodes || exit 1; done", timeout=300)
    assert status == 0, text
    assert host.run("/gone g") == (0, "gone: 0 failed\n")
    host.ok("rmmod vmm && insmod /vmm.ko")
