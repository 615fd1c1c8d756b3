# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""What an idle guest costs its host: under 1 % of a CPU, counted under icount."""
import re
import subprocess

import guests
import pytest

from conftest import need_module, need_tools
from labhost import TOP

SECONDS = 60
SCRIPT = f"""
{guests.command("idle", memory="128M", script="echo idle-now; sleep 1000")} \\
    </dev/null >/tmp/o 2>&1 &
pid=$!
until grep -q idle-now /tmp/o; do sleep 0.2; done
sleep 5
used() {{
    cat /proc/$pid/task/*/schedstat | awk '{{ n += $1 }} END {{ printf "%d\\n", n / 1000 }}'
}}
exits() {{
    bhyvectl --get-stats --vm=idle | awk '/exits to the host/ {{ print $0 }}' |
        grep -o '[0-9]*' | head -n 1
}}
a=$(used); e=$(exits); sleep {SECONDS}; b=$(used); f=$(exits)
echo idle: $((b - a)) us in {SECONDS} s, $(((f - e) / {SECONDS})) exits a second
kill -9 $pid
"""


def test_idle_guest():
    need_module("armmp")
    need_tools()
    run = subprocess.run([TOP / "lab/host", "--icount", "--cpus", "1", "--timeout", "300",
                          "--run", SCRIPT], stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, errors="replace", check=False)
    m = re.search(r"idle: (\d+) us in \d+ s, (\d+) exits", run.stdout)
    assert m, run.stdout[-2000:] + run.stderr[-2000:]
    print(m.group(0))
    assert int(m.group(1)) < SECONDS * 1_000_000 / 100, m.group(0)
    assert int(m.group(2)) < 100, m.group(0)
