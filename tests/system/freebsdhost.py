# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""A FreeBSD host that stays up for many commands, with what LabHost has.

No file of FreeBSD is in this tree. FREEBSD_HOST_KERNEL names its kernel for armv7 (the ELF file,
built with LINUX_BOOT_ABI), FREEBSD_HOST_ROOT an FFS image with /sbin/init, /bin/sh and the usual
small programs (docs/freebsd.md lists them), whose /etc/rc is `eval "$(kenv lab.run)"` or more.
vmm.ko and the tools are those of build/freebsd-module and build/freebsd, which were built for that
kernel; FREEBSD_HOST_MODULE names another vmm.ko. What they need of Linux' guests is lab/host's.
"""
import os
import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from labhost import TOP, HostError, LabHost, hostlib

KERNEL = os.environ.get("FREEBSD_HOST_KERNEL")
ROOT = os.environ.get("FREEBSD_HOST_ROOT")
BUILT = TOP / "build/freebsd"
MODULE = Path(os.environ.get("FREEBSD_HOST_MODULE", TOP / "build/freebsd-module/vmm.ko"))
SERVER = Path(__file__).resolve().parent / "freebsd-serve"
COMPLAINTS = re.compile(r"^panic:|lock order reversal|acquiring duplicate lock|"
                        r"exclusive .* held|non-sleepable lock|Sleeping .* with|KASSERT|"
                        r"WARNING: .*vmm|witness_|knlist|Fatal .*abort|Memory modified", re.I)
PANIC = r"(?m)^panic: [^\r\n]*"
# The kernel's own, without the module as well: see docs/freebsd.md.
ITS_OWN = ("sched lock", "ufs", "devfs", "syncer", "bufwait", "dirhash")
# Where QEMU puts an image without a header, and where the kernel is to be: at a 1 MiB boundary.
LOADED, WANTED = 0x10000, 0x200000
LINK_BASE = 0xc0000000


def missing():
    """Why there can be no such host, or None."""
    if not (KERNEL and ROOT):
        return "FREEBSD_HOST_KERNEL and FREEBSD_HOST_ROOT name no FreeBSD"
    if not shutil.which("makefs"):
        return "makefs is not installed"
    for path in (Path(KERNEL), Path(ROOT), MODULE, *(BUILT / tool for tool in hostlib.TOOLS)):
        if not path.exists():
            return f"{path} does not exist (make freebsd-module freebsd-user)"
    return None


def flat(elf):
    """The kernel as QEMU's -kernel takes it: a branch, a gap, what its program headers load."""
    entry, phoff = struct.unpack_from("<II", elf, 24)
    image = bytearray()
    for n in range(struct.unpack_from("<H", elf, 44)[0]):
        kind, offset, va, _, filesz, memsz = struct.unpack_from("<6I", elf, phoff + 32 * n)
        if kind != 1:
            continue
        at = va - LINK_BASE
        image += bytes(max(0, at + memsz - len(image)))
        image[at:at + filesz] = elf[offset:offset + filesz]
    gap = WANTED - LOADED
    branch = 0xea000000 | (gap + entry - LINK_BASE - 8) // 4  # B, A8.8.18
    return struct.pack("<I", branch) + bytes(gap - 4) + bytes(image)


def image(directory, path, mebibytes):
    subprocess.run(["makefs", "-t", "ffs", "-o", "version=2", "-s",
                    f"{mebibytes}m", str(path), str(directory)], check=True,
                   capture_output=True)


class FreeBSDConfig:
    """A host to start; the attributes are the options of FreeBSDHost."""

    def __init__(self, mode, token, cpus=2, memory=1024, icount=False, add=(), files=(),
                 kernel=None, module=None):
        del mode, module  # it serves, and loads nothing by itself
        self.token, self.cpus, self.memory, self.icount = token, cpus, memory, icount
        self.add, self.files = list(add), list(files)  # as hostlib.Config has them
        self.kernel = Path(kernel or KERNEL)
        self.disk = None

    def contents(self, top):
        """What the host finds in /lab."""
        def put(name, data):
            path = top / name.strip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o755)
        put("serve", SERVER.read_bytes())
        put("token", self.token.encode())
        put("vmm.ko", MODULE.read_bytes())
        # As busybox' does: the status is the program's also when the time was over.
        put("bin/timeout", b"#!/bin/sh\n"
            b'exec /usr/bin/timeout --foreground --preserve-status "$@"\n')
        for tool in hostlib.TOOLS:
            put("bin/" + Path(tool).name, (BUILT / tool).read_bytes())
        arch = hostlib.ARMHF
        put("guest/vmlinuz", arch.kernel("armmp", "vmlinuz").read_bytes())
        put("guest/initrd", hostlib.guest_initrd())
        for name, path in hostlib.guest_programs(arch):
            put("guest/tests/" + name, path.read_bytes())
        for path, name in self.add:
            put(name, Path(path).read_bytes())
        for name, data in self.files:
            put(name, data)

    def initramfs(self):
        """The kernel: hostlib.Config's name for what LabHost puts into a file for qemu()."""
        self.disk = tempfile.TemporaryDirectory(prefix="freebsd-host-")
        top = Path(self.disk.name) / "lab"
        self.contents(top)
        size = sum(p.stat().st_size for p in top.rglob("*")) >> 20
        image(top, Path(self.disk.name) / "lab.img", size + size // 8 + 16)
        return flat(self.kernel.read_bytes())

    def qemu(self, kernel):
        # The command line is split at blanks, whatever is around them.
        run = "mount /dev/vtbd1 /lab; . /lab/serve".replace(" ", "${IFS}")
        append = f"FreeBSD:vfs.root.mountfrom=ufs:/dev/vtbd0 lab.run={run}"
        drives = []
        # It finds the last one first.
        for name, path in (("lab", Path(self.disk.name) / "lab.img"), ("root", ROOT)):
            drives += ["-drive", f"file={path},format=raw,if=none,id={name},snapshot=on",
                       "-device", f"virtio-blk-device,drive={name}"]
        machine = "virt,virtualization=on,gic-version=2,highmem=off"
        return ["qemu-system-arm", "-M", machine, "-cpu", "cortex-a15", "-smp", str(self.cpus),
                "-m", str(self.memory), "-nic", "none", "-no-reboot", "-display", "none",
                *(hostlib.ICOUNT if self.icount else []), *drives,
                "-kernel", str(kernel), "-append", append]


class FreeBSDHost(LabHost):
    """Its kernel's messages are those on the console, between all else that is there."""
    CONFIG = FreeBSDConfig

    def __init__(self, log, **options):
        super().__init__(log=log, **options)
        self.seen = 0  # of the log

    def boot(self):
        """Again, if the kernel gave up on a second CPU that came late: this machine was busy."""
        for _ in range(3):
            try:
                return super().boot()
            except HostError as wrong:
                late = wrong
                if "Built bad topology" not in str(wrong):
                    raise
            self.failed = None
        raise late

    def _await(self, patterns, timeout, what):
        found = super()._await([*patterns, PANIC], timeout, what)
        if found == len(patterns):
            tail = self.child.after.decode(errors="replace")
            self.kill("its kernel panicked")
            raise HostError(f"{tail}: while waiting for {what}")
        return found

    def dmesg(self):
        """What came over the console since clear_dmesg."""
        self.ok("true")  # all that was before it is here
        self.log.flush()
        return self.log_path.read_bytes()[self.seen:].decode(errors="replace").replace("\r", "")

    def clear_dmesg(self):
        self.dmesg()
        self.seen = self.log_path.stat().st_size

    def complaints(self):
        lines = self.dmesg().splitlines()
        # What a complaint is about stands in the lines after it.
        return [line for n, line in enumerate(lines) if COMPLAINTS.search(line) and
                not any(word in " ".join(lines[n:n + 4]) for word in ITS_OWN)]

    def _kernel_says(self):
        return ""
