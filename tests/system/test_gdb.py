# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""bhyve -G with a real gdb: a guest's kernel from its first instruction on."""
import shutil
import socket
import subprocess

import pytest

from conftest import need_module, need_tools
from labhost import LabHost, hostlib

GDB = "gdb-multiarch"
PORT = 1234
# A busy guest, so that every vCPU comes by schedule(); first it says where things are.
SCRIPT = "grep -E ' schedule$' /proc/kallsyms; " \
    "for n in 1 2 3; do (while :; do :; done) & done; sleep 8; echo still here"


@pytest.fixture(autouse=True)
def needs():
    need_tools()
    need_module("armmp")
    if shutil.which(GDB) is None:
        pytest.skip(f"{GDB} is not installed")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def gdb(commands, timeout=300):
    """What gdb says to these commands."""
    args = [GDB, "-nx", "-batch"]
    for line in ("set pagination off", "set confirm off", "set remotetimeout 60",
                 "set architecture arm", "set arm fallback-mode arm", *commands):
        args += ["-ex", line]
    done = subprocess.run(args, capture_output=True, text=True, check=False, timeout=timeout,
                          stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


def serve(host, guest, vcpus=1, wait="w"):
    host.ok(f"bhyve -G {wait}0.0.0.0:{PORT} -c {vcpus} -m 128M {guest} g "
            "</dev/null >/tmp/g.out 2>&1 & n=0; "
            f"until grep -q ':{PORT:04X} ' /proc/net/tcp; do sleep 0.2; n=$((n+1)); "
            "[ $n -lt 300 ] || exit 1; done", timeout=90)


def test_bare_metal_guest_step_by_step():
    port = free_port()
    with LabHost(module=True, forward={port: PORT}) as host:
        serve(host, "-o console=file:/tmp/console -o kernel=/guest/tests/hvc.elf")
        said = gdb([f"target remote 127.0.0.1:{port}", "printf \"pc %x\\n\", $pc", "info threads",
                    "stepi", "printf \"then %x\\n\", $pc", "set $r7 = 0x1234",
                    "printf \"r7 %x cpsr %x\\n\", $r7, $cpsr", "set $start = $pc",
                    "set *(int *)($pc + 0x100000) = 0x5a5a", "x/xw $pc + 0x100000",
                    "printf \"sctlr %x\\n\", $sctlr", "stepi 20", "printf \"20 on %x\\n\", $pc",
                    "continue"])
        print(said)
        assert "pc 40" in said and "vCPU 0" in said
        assert "r7 1234" in said and "5a5a" in said.split("r7 1234")[1]
        assert "exited" in said
        host.ok("grep -q '^PASS hvc' /tmp/console")


def symbol(host, name):
    """A kernel symbol's address, as the guest printed it."""
    return "0x" + host.ok(f"grep -E '^[0-9a-f]+ [tT] {name}' /tmp/console").split()[0]


@pytest.mark.all
def test_kernel_from_its_first_instruction_and_at_work(tmp_path):
    """Stops before the first instruction; later finds a kernel with both vCPUs at work, stops
    it in schedule() on each, and lets it go on."""
    port = free_port()
    initrd = tmp_path / "initrd"
    initrd.write_bytes(hostlib.guest_initrd(script=SCRIPT))
    with LabHost(module=True, cpus=2, forward={port: PORT}, add=[(initrd, "/initrd")]) as host:
        serve(host, "-o console=file:/tmp/console -o kernel=/guest/vmlinuz -o initrd=/initrd "
              "-o fdt.bootargs=console=ttyAMA0", vcpus=2)
        connect = f"target remote 127.0.0.1:{port}"
        said = gdb([connect, "info threads", "stepi 3", 'printf "pc %x\\n", $pc', "detach"])
        assert "vCPU 1, powered off" in said
        assert "Detaching" in said or "Inferior 1" in said
        host.ok("n=0; until grep -q ' [tT] schedule' /tmp/console; do sleep 1; n=$((n+1)); "
                "[ $n -lt 100 ] || exit 1; done; sleep 1", timeout=150)
        schedule = symbol(host, "schedule")
        stop = f"break *{schedule}"
        look = f"x/2xw {schedule}"
        said = gdb([connect, look, stop,
                    *["continue", "stepi", 'printf "at %x\\n", $pc', "info threads"] * 4,
                    look, "delete", "detach"])
        print(said)
        words = [line for line in said.splitlines() if line.startswith(schedule + ":")]
        assert len(words) == 2 and words[0] == words[1]  # the BKPT does not show
        assert said.count("Breakpoint 1,") == 4
        # without symbols gdb cannot always unwind what called schedule(), and then does not step
        assert said.count(f"at {int(schedule, 16) + 4:x}\n") >= 2
        assert "powered off" not in said
        host.ok("n=0; until grep -q 'guest: exit 0' /tmp/console; do sleep 1; n=$((n+1)); "
                "[ $n -lt 100 ] || exit 1; done; grep 'still here' /tmp/console", timeout=150)
