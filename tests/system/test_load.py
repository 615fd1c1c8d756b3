# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Every vCPU busy with timers, IPIs, floating point and register patterns, in two guests and the
host at once, each with patterns of its own: nobody's registers leak into another's."""
import re

import guests
import pytest

from conftest import need_tools
from labhost import hostlib

HOST = dict(cpus=2, memory=1024, add=[(guests.LOAD, "/load")])


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.all)])
def test_load(hosts, seconds):
    need_tools()
    if not guests.LOAD.exists():
        pytest.skip("tests/load/load has not been built")
    initrds = [(f"/guest/load{n}", hostlib.guest_initrd(
        f"/load {seconds} {n}\n", files=[("load", guests.LOAD)])) for n in (1, 2)]
    host = hosts.get(files=initrds, **HOST)
    host.clear_dmesg()
    for n, vcpus in ((1, 4), (2, 2)):
        host.ok(guests.command(f"load{n}", vcpus=vcpus, initrd=f"/guest/load{n}", memory="160M") +
                f" </dev/null >/tmp/load{n}.out 2>&1 & echo $! >/tmp/load{n}.pid")
    host.ok("n=0; until grep -q 'guest: ready' /tmp/load1.out && "
            "grep -q 'guest: ready' /tmp/load2.out; do sleep 0.5; n=$((n+1)); "
            "[ $n -lt 240 ] || { cat /tmp/load?.out; exit 1; }; done", timeout=150)
    out = host.ok(f"/load {seconds} 3", timeout=seconds * 10 + 60)
    for n in (1, 2):
        host.ok(f"n=0; while kill -0 $(cat /tmp/load{n}.pid) 2>/dev/null; do sleep 0.5; "
                "n=$((n+1)); [ $n -lt 600 ] || exit 1; done", timeout=320)
        out += host.ok(f"cat /tmp/load{n}.out")
    lines = re.findall(r"load: seed (\d) cpus (\d).*errors (\d+)", out)
    assert sorted(lines) == [("1", "4", "0"), ("2", "2", "0"), ("3", "2", "0")], out[-4000:]
    assert out.count("guest: exit 0") == 2, out[-4000:]
    assert not host.complaints()
