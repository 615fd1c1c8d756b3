# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""The device nodes: owners, request numbers, mappings, files that outlive their VM (the checks are
in tests/load/nodes.c); and memory is what it was afterwards."""
import pytest
from conftest import TOP

NODES = TOP / "build/armhf/tests/load/nodes"
HOST = dict(cpus=2, add=[(NODES, "/nodes")])


@pytest.fixture(scope="module", autouse=True)
def built():
    if not NODES.exists():
        pytest.skip("tests/load/nodes has not been built")


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.all)])
def test_nodes(host, rounds):
    status, text = host.run(f"for i in $(seq {rounds}); do /nodes || exit 1; done", timeout=300)
    assert status == 0, text
    host.ok("rmmod vmm && insmod /vmm.ko")
