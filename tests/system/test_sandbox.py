# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""The sandbox: tests/load/takeover makes threads of a running bhyve do what a guest would have them
do that took a device model over. The same with sandbox=off shows that it is the sandbox that
keeps them from it."""
import pytest

import programs
from conftest import need_tools
from labhost import TOP

TAKEOVER = TOP / "build/armhf/tests/load/takeover"
HOST = dict(add=[(TAKEOVER, "/takeover")])
KILLED = 128 + 31  # by SIGSYS

# What fails, and bhyve goes on: the call, its errno in the sandbox, and outside.
REFUSED = ["openat-passwd", "openat-vmm", "openat-create", "unlink", "access", "socket-inet",
           "socket-unix", "socket-netlink", "mmap-exec", "sigaction-sigsys", "chdir",
           "prctl-dumpable"]
# What ends bhyve at once, and what it gives where nothing keeps anybody from it.
DEADLY = {"execve": "ENOENT", "fork": "EINVAL", "ptrace": "EPERM", "kill": "0", "tgkill-init": "0",
          "unshare": "0", "mount": "ENODEV", "setuid": "0", "bpf": None, "io_uring": None}
USERS = {"root": "sh -c", "user": "su user -s /bin/sh -c"}


@pytest.fixture(scope="module", autouse=True)
def built():
    need_tools()
    if not TAKEOVER.exists() or not programs.BUILT.exists():
        pytest.skip("tests/load or tests/guest has not been built")


def start(host, options="", user="root"):
    """A VM that ticks for ever; bhyve's process."""
    host.ok("rm -f /tmp/out /tmp/status /tmp/pid; touch /tmp/victim; chmod 666 /dev/vmmctl")
    # The kernel's log has each call that is refused, not ten in five seconds.
    host.ok("echo 0 >/proc/sys/kernel/printk_ratelimit")
    run = f"echo $$ >/tmp/pid; exec bhyve -m 64M {options} -o kernel=/guest/tests/neighbour.elf g"
    host.ok(f"({USERS[user]} '{run}'; echo $? >/tmp/status) </dev/null >/tmp/out 2>&1 & "
            "until grep -q tick /tmp/out; do [ ! -f /tmp/status ] || exit 1; sleep 0.1; done",
            timeout=120)
    return host.ok("cat /tmp/pid").strip()


def end(host, pid, status=1):
    if status == 1:
        host.ok(f"kill {pid}")
    host.ok("until [ -f /tmp/status ]; do sleep 0.1; done")
    assert host.ok("cat /tmp/status").strip() == str(status), host.ok("cat /tmp/out")
    if status != 1:
        host.ok("bhyvectl --destroy --vm=g")
    # Nothing is left behind outside, either.
    host.ok("until ! pidof bhyve; do sleep 0.1; done")


def goes_on(host):
    programs.goes_on(host, "/tmp/out")


def take(host, pid, thread, *calls):
    """{call: what became of it}."""
    text = host.ok(f"/takeover {pid} '{thread}' {' '.join(calls)}")
    return dict(line.split(": ", 1) for line in text.splitlines())


@pytest.mark.parametrize("user", USERS)
def test_a_device_that_is_taken_over_cannot_open_a_file(host, user):
    pid = start(host, user=user)
    for thread in ("main", "vcpu 0"):
        said = take(host, pid, thread, *REFUSED)
        assert said == {call: "EPERM" for call in REFUSED}
        # The filter takes it for fstat(): what it names is not there any more.
        said = take(host, pid, thread, "statx-passwd", "mmap", "getpid")
        assert said.pop("statx-passwd") == "ENOENT"
        assert said["getpid"] == pid and not said["mmap"].startswith("E")
    host.ok("[ -f /tmp/victim ] && [ ! -e /tmp/taken ]")
    goes_on(host)
    end(host, pid)


# The filter is every thread's: two calls show it.
@pytest.mark.parametrize("call, thread", [(call, "main") for call in DEADLY] +
                         [("execve", "vcpu 0"), ("ptrace", "vcpu 0")])
def test_what_nobody_does_by_accident_ends_it(host, call, thread):
    pid = start(host, "-s 5,virtio-console,port=/tmp/port.sock")
    host.ok("[ -S /tmp/port.sock ]")
    assert take(host, pid, thread, call) == {call: "killed, signal 31"}
    end(host, pid, KILLED)
    host.ok("[ ! -e /tmp/port.sock ]")
    host.ok(f"n=0; until dmesg | grep 'audit: type=1326.*pid={pid} .*sig=31'; do sleep 0.1; "
            "n=$((n+1)); [ $n -lt 100 ] || exit 1; done")


def test_with_slirp_the_name_server_can_be_read_and_nothing_else(host):
    host.ok("echo nameserver 192.0.2.1 >/etc/resolv.conf")
    pid = start(host, "-s 4,virtio-net,slirp")
    said = take(host, pid, "vcpu 0", "openat-resolver", "socket-inet", *REFUSED)
    for call in ("openat-resolver", "socket-inet"):
        assert said.pop(call).isdecimal()
    assert set(said.values()) == {"EPERM"}, said
    host.ok("rm /etc/resolv.conf")
    assert take(host, pid, "main", "openat-resolver") == {"openat-resolver": "ENOENT"}
    goes_on(host)
    end(host, pid)


def test_a_host_without_user_namespaces(host):
    """The filter alone keeps files shut; that the rest is missing is said."""
    host.ok("echo 0 >/proc/sys/user/max_user_namespaces")
    pid = start(host, user="user")
    host.ok("echo 1000 >/proc/sys/user/max_user_namespaces")
    assert "bhyve: sandbox: this host does not give: namespaces" in host.ok("cat /tmp/out")
    said = take(host, pid, "vcpu 0", *REFUSED)
    assert set(said.values()) == {"EPERM"}, said
    end(host, pid)


def test_without_the_sandbox_all_this_is_possible(host):
    pid = start(host, "-o sandbox=off")
    said = take(host, pid, "vcpu 0", *REFUSED, "statx-passwd")
    assert not [call for call, got in said.items() if got.startswith("E")], said
    host.ok("[ ! -e /tmp/victim ] && rm /tmp/taken")
    said = take(host, pid, "main", *DEADLY)
    for call, got in DEADLY.items():
        assert not said[call].startswith("killed"), said
        assert got is None or said[call] == got, said
    goes_on(host)
    end(host, pid)
