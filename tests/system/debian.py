# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""The whole Debian of lab/guest-disk, for tests that boot it: its disk, its prompts, its end."""
import subprocess

from conftest import need_module, need_tools
from labhost import TOP, hostlib

CACHE = hostlib.cache_dir() / "guest-disk"
ROOT_OFFSET = 65 << 20  # of lab/guest-disk
BOOT_SECONDS = 1200
LOGIN = r"Debian GNU/Linux 12 guest ttyAMA0.*guest login: "
PROMPT = r"root@guest:~# "


def copy(path):
    """A disk to write to."""
    need_tools()
    need_module("armmp")
    subprocess.run([TOP / "lab/guest-disk", "-q", "--copy", path], check=True)
    return path


def log_in(host):
    """From power on to a shell on the console; root has no password there."""
    host.expect(LOGIN, BOOT_SECONDS)
    host.send("root\n")
    host.expect(PROMPT, 300)


def shell(host, command, timeout=600):
    """A command's output. The quotes keep the echo from being taken for the end."""
    host.send(command + "; echo 'end of' command $?\n")
    said = host.expect(r"\n(.*?)end of command (\d+)\r*\n", timeout)
    host.expect(PROMPT, 60)
    text = said.group(1).decode(errors="replace").replace("\r", "")
    assert said.group(2) == b"0", text
    return text


def assert_clean(disk):
    done = subprocess.run(["/usr/sbin/e2fsck", "-fn", f"{disk}?offset={ROOT_OFFSET}"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "recovering journal" not in done.stdout + done.stderr
