# SPDX-License-Identifier: BSD-2-Clause
"""lab/host itself: what comes out, with which status."""
import os
import socket
import subprocess

import pytest
from labhost import TOP, LabHost


def lab(*args, env=None):
    return subprocess.run([TOP / "lab/host", "--no-module", *args], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False, timeout=300,
                          env=dict(os.environ, **env or {}))


def test_output_and_status_of_commands():
    done = lab("--run", "x=6; echo one", "--run", "printf '@@lab:exit:0:x\\n%s' two",
               "--run", "exit $x", "--run", "echo never")
    assert done.stdout == "one\n@@lab:exit:0:x\ntwo"
    assert done.returncode == 6


def test_timeout_is_124():
    done = lab("--timeout", "40", "--run", "echo begun; sleep 1000")
    assert done.stdout == "begun\n"
    assert done.returncode == 124


def test_panic_is_3():
    done = lab("--run", "echo c >/proc/sysrq-trigger")
    assert done.returncode == 3
    assert "Kernel panic" in done.stdout + done.stderr


def test_warning_in_dmesg_is_3():
    done = lab("--run", "echo '<4>WARNING: CPU: 0 made up by a test' >/dev/kmsg; echo fine")
    assert done.stdout == "fine\n"
    assert done.returncode == 3
    assert "made up by a test" in done.stderr


@pytest.mark.parametrize("machine", ["virt", "vexpress-a15"])
def test_modules_disk_and_network(tmp_path, machine):
    """A port of this machine leads into the host; what is written to the disk is in the file."""
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1 << 20))
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with LabHost(machine=machine, modules=["tun"], drives=[disk], forward={port: 7000}) as host:
        host.ok("[ -c /dev/net/tun ]; echo written >/dev/vda; sync; "
                "nc -l -p 7000 -e echo hello </dev/null >/dev/null 2>&1 & sleep 1")
        with socket.create_connection(("127.0.0.1", port), timeout=30) as stream:
            assert stream.recv(100) == b"hello\n"
    assert disk.read_bytes()[:8] == b"written\n"


@pytest.mark.parametrize("args, says", [
    (("--machine", "toaster"), "virt"),
    (("--cpus", "9"), "1 to 4"),
    (("--cpu", "cortex-a9"), "cortex-a7"),
    (("--machine", "vexpress-a15", "--cpu", "cortex-a7"), "nothing else"),
    (("--icount", "--cpus", "2"), "--cpus 1"),
    (("--machine", "vexpress-a15", "--gic", "3"), "GICv2"),
    (("--add", "/nowhere/at/all"), "does not exist"),
    (("--memory", "8"), "MiB"),
    (("--silicon", "/nowhere/at/all"), "no directory"),
    (("--forward", "22"), "2222:22"),
    (("--modules", "toaster"), "no module toaster"),
    (("--drive", "/nowhere/at/all"), "does not exist"),
    (("--kernel", "arm128"), "arm64"),
    (("--kernel", "arm64", "--machine", "vexpress-a15"), "virt"),
    (("--kernel", "arm64", "--cpu", "cortex-a15"), "cortex-a72"),
])
def test_bad_options_get_one_line(args, says):
    done = lab(*args, "--run", "true")
    assert done.returncode == 125
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.all
@pytest.mark.parametrize("cpu, gic", [("cortex-a72", 2), ("neoverse-n1", 3)])
def test_64_bit_host(cpu, gic):
    subprocess.run([TOP / "lab/arm64-packages", "-q"], check=True)
    done = lab("--kernel", "arm64", "--cpu", cpu, "--gic", str(gic), "--cpus", "2", "--run",
               "uname -m; dmesg | grep -o 'started at EL2'")
    assert done.stdout.splitlines()[:2] == ["aarch64", "started at EL2"]
    assert done.returncode == 0


@pytest.mark.parametrize("reason", ["", "the mirror was eaten\nby a dog"])
def test_silicon_without_qemu_10(tmp_path, reason):
    cache = tmp_path / "bhyve-arm"
    cache.mkdir()
    if reason:
        (cache / "qemu.missing").write_text(reason)
    done = lab("--silicon", str(tmp_path / "report"), "--icount", "--run", "true",
               env={"XDG_CACHE_HOME": str(tmp_path)})
    assert done.returncode == 125
    assert "QEMU 10" in done.stderr and "lab/qemu-packages" in done.stderr
    assert reason.split("\n", maxsplit=1)[0] in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_qemu_10_is_loud_and_no_failure(tmp_path):
    config = tmp_path / "apt.conf"
    config.write_text(f'Dir::Etc "{tmp_path}/etc";\n')  # a machine without a source
    for quiet in ((), ("-q",)):  # the second run finds what the first left
        done = subprocess.run([TOP / "lab/qemu-packages", *quiet], capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL, timeout=60, env=dict(
                                  os.environ, XDG_CACHE_HOME=str(tmp_path), APT_CONFIG=str(config)))
        assert done.returncode == 0
        assert "SKIPPED: no Debian source" in done.stderr
    assert "no Debian source" in (tmp_path / "bhyve-arm/qemu.missing").read_text()


def test_icount_repeats_to_the_byte(tmp_path):
    logs = []
    for name in ("a", "b"):
        log = tmp_path / name
        done = lab("--icount", "--log", str(log), "--run", "cat /proc/uptime; dmesg | tail -n 3")
        assert done.returncode == 0
        logs.append(log.read_bytes())
    assert logs[0] == logs[1]


@pytest.mark.all
def test_no_hyp_is_svc_mode():
    for machine in ("virt", "vexpress-a15"):
        done = lab("--machine", machine, "--no-hyp", "--run", "dmesg | grep 'started in'")
        assert "SVC mode" in done.stdout
