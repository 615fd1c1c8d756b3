# SPDX-License-Identifier: BSD-2-Clause
"""An ARM host that stays up for many commands: a boot costs 4 s, a command 20 ms.

	with LabHost(cpus=2) as host:
		status, output = host.run("bhyvectl --list")
		host.ok("insmod /vmm.ko")               # must succeed; gives the output
		host.start("bhyve ... -o console=stdio") # the console is its terminal from here on
		host.expect("guest: ready")
		host.send("uname -a\\n")
		status, output = host.wait()            # until the program has ended

The constructor's arguments are those of lab/hostlib.Config, which are lab/host's options.
"""
import base64
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pexpect
import pexpect.fdpexpect

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "lab"))
import hostlib  # noqa: E402

TOKEN = "5e7e"


class HostError(AssertionError):
    """The host did not do what a test takes for granted; carries the console's last lines."""


class LabHost:
    CONFIG = hostlib.Config

    def __init__(self, boot_timeout=180, log=None, **options):
        options.setdefault("module", False)
        self.options = options
        self.boot_timeout = boot_timeout
        self.child = None  # the console
        self.qemu = None
        self.socket = None
        self.count = 0
        self.terminal = False
        self.failed = None  # why the host can no longer be used
        self.log_path = Path(log) if log else None
        self.log = None

    # life

    def boot(self):
        config = self.CONFIG(mode="serve", token=TOKEN, **self.options)
        with tempfile.TemporaryDirectory(prefix="lab-host-") as work:
            image = Path(work) / "initramfs"
            image.write_bytes(config.initramfs())
            # A socket and no terminal, which would turn line ends into something else.
            ours, its = socket.socketpair()
            command = config.qemu(image) + ["-monitor", "none", "-serial", "chardev:console",
                                            "-chardev", f"socket,id=console,fd={its.fileno()}"]
            with its:
                self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                             pass_fds=[its.fileno()])
            self.socket = ours
            self.child = pexpect.fdpexpect.fdspawn(ours, timeout=None, maxread=65536)
            self.child.delaybeforesend = None
            if self.log_path:
                self.log_path.parent.mkdir(parents=True, exist_ok=True)
                self.log = open(self.log_path, "ab")
                self.child.logfile_read = self.log
            found = self._await([r"\n?@@lab:ready:%s\r*\n" % TOKEN,
                                 r"\n@@lab:no-module:%s\r*\n(.*?)\n@@lab:dmesg" % TOKEN],
                                self.boot_timeout, "the host's boot")
        if found == 1:
            message = self.child.match.group(1).decode(errors="replace").strip()
            self.kill("the module did not load")
            raise HostError(f"vmm.ko did not load: {message}")
        return self

    def __enter__(self):
        return self.boot()

    def __exit__(self, *_):
        self.close()

    @property
    def alive(self):
        return self.failed is None and self.qemu is not None and self.qemu.poll() is None

    def close(self):
        """Ends the host at once. A test that wants an orderly end runs `poweroff`."""
        self.kill("closed")

    def kill(self, why):
        self.failed = self.failed or why
        if self.qemu is not None:
            hostlib.end(self.qemu, 60 if self.options.get("silicon") else 0)
            self.qemu.stdout.close()
            self.qemu = None
            self.socket.close()
        if self.log:
            self.log.close()
            self.log = None

    # commands

    def run(self, command, timeout=30):
        """Runs a script in the host's shell: (status, output). Not its stdin: that is empty."""
        self._send(command, "run")
        return self.wait(timeout)

    def ok(self, command, timeout=30):
        """run() that must succeed; gives the output."""
        status, output = self.run(command, timeout)
        if status != 0:
            raise HostError(f"`{command}` ended with status {status}:\n{output}"
                            f"{self._kernel_says()}")
        return output

    def start(self, command):
        """Starts a command with the console as its terminal, for expect(), send() and wait()."""
        self._send(command, "tty")

    def expect(self, pattern, timeout=30):
        """Waits for a regular expression in what is printed; gives the match object."""
        self._await([pattern], timeout, f"/{pattern}/")
        return self.child.match

    def send(self, text):
        self.child.send(text)

    def wait(self, timeout=30):
        """Waits for the running command's end: (status, what it printed since last expected)."""
        self._await([r"\n@@lab:exit:%d:(\d+):%s\r*\n" % (self.count, TOKEN)], timeout,
                    "the command's end")
        status = int(self.child.match.group(1))
        output = self.child.before.decode(errors="replace")
        if self.terminal:  # the line end of a terminal
            output = re.sub(r"\r+(\n|$)", r"\1", output)
        self._await([r"\n?@@lab:ready:%s\r*\n" % TOKEN], 30, "the next prompt")
        return status, output

    # the host's health

    def dmesg(self):
        return self.ok("dmesg")

    def clear_dmesg(self):
        self.ok("dmesg -c >/dev/null")

    def complaints(self):
        """Lines of dmesg that should not be there (oops, WARNING, stall); empties dmesg."""
        return hostlib.complaints(self.ok("dmesg -c"))

    # inside

    def _send(self, command, how):
        self.terminal = how == "tty"
        if not self.alive:
            raise HostError(f"the host is gone: {self.failed or 'QEMU has ended'}")
        self.count += 1
        text = base64.encodebytes(command.encode() + b"\n").decode()
        self.child.send(f"{how}\n{text}.\n")
        self._await([r"\n?@@lab:start:%d:%s\r*\n" % (self.count, TOKEN)], 30, "the shell")

    def _await(self, patterns, timeout, what):
        patterns = [re.compile(p.encode() if isinstance(p, str) else p, re.S) for p in patterns]
        try:
            return self.child.expect_list(patterns, timeout=timeout)
        except pexpect.TIMEOUT:
            tail = self._tail()
            self.kill(f"it did not answer: {what}")
            raise HostError(f"waited {timeout:g} s for {what}; the console's end:\n{tail}") \
                from None
        except pexpect.EOF:
            tail = self._tail()
            self.qemu.kill()
            tail += self.qemu.stdout.read().decode(errors="replace")
            self.kill("QEMU has ended")
            raise HostError(f"the host ended before {what}; the console's end:\n{tail}") from None

    def _tail(self):
        text = (self.child.before or b"")
        return text.decode(errors="replace").replace("\r", "")[-3000:]

    def _kernel_says(self):
        _, text = self.run("dmesg | tail -n 15")
        return f"\nthe kernel's last lines:\n{text}"


def boot_time(**options):
    """Seconds from nothing to the first command, for the curious."""
    began = time.monotonic()
    with LabHost(**options) as host:
        host.ok("true")
        return time.monotonic() - began
