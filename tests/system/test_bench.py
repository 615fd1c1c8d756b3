# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""The bench guests, counted and not timed: operations cost no more than they are to, data of a disk
and a network is right, requests do not come through the run loop, and bhyve is small."""
import subprocess
import sys

import pytest

from conftest import need_module, need_tools
from labhost import TOP

sys.path.insert(0, str(TOP / "bench"))
import devices  # noqa: E402

DISK = ("blk_read_qd1", "blk_read_qd32", "blk_write_qd1", "blk_write_qd32")
NETWORK = ("slirp_echo_qd1", "slirp_echo_qd32", "slirp_send", "slirp_bulk_out", "slirp_bulk_in")


@pytest.fixture(scope="module")
def measured():
    need_module("armmp")
    need_tools()
    rows, alone = devices.measure(["slirp"])
    for name, row in rows.items():
        print(name, *row)
    print(alone)
    return rows, alone


def test_operations_reach_their_goals():
    """Status 1 is a figure above its goal in bench/run, which names it."""
    need_module("armmp")
    need_tools()
    run = subprocess.run([TOP / "bench/run", "armv7"], stdin=subprocess.DEVNULL, text=True,
                         capture_output=True, timeout=600, check=False)
    print(run.stdout)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("bench armv7 ") >= 7


def test_data_is_right(measured):
    """The guest compares all that it reads; the host what it wrote."""
    rows, alone = measured
    assert set(DISK + NETWORK) <= set(rows)
    assert alone["disk_right"] == 1


def test_io_stays_out_of_the_run_loop(measured):
    rows, _ = measured
    for name in DISK + NETWORK:
        _, exits, _, interrupts = rows[name]
        assert exits < devices.EXITS_TO_REACH, name
        assert interrupts > 0, name


def test_many_share_an_interrupt(measured):
    """With 32 under way the guest is not interrupted for each."""
    rows, _ = measured
    for name in ("blk_read_qd32", "blk_write_qd32", "slirp_echo_qd32"):
        assert rows[name][2] < 250 and rows[name][3] < 250, (name, rows[name])


def test_private_memory(measured):
    _, alone = measured
    assert 0 < alone["private_kib"] < devices.GOALS["private_kib"]
