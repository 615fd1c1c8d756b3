# SPDX-License-Identifier: BSD-2-Clause
"""What lab/host and the system tests share: initramfs images and QEMU's command line."""
import base64
import io
import os
import re
import stat
import subprocess
from pathlib import Path

from aptroot import cache_dir
from arches import ARMHF, LabError, arch_of

TOP = Path(__file__).resolve().parent.parent
KERNELS = ARMHF.kernels
RAM_BASE = {"virt": 0x40000000, "vexpress-a15": 0x80000000}
GICD = {"virt": 0x08000000, "vexpress-a15": 0x2c001000}
MODULES = (0xbf000000, 0x1000000)  # where the kernel puts modules: below PAGE_OFFSET, 16 MiB
CHECKER = TOP / "build/silicon/silicon.so"
DEFAULT_MEMORY = 768
# Time is the number of instructions, and nothing comes from outside.
ICOUNT = ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-seed", "1"]
TOOLS = ("bhyve/bhyve", "bhyveload/bhyveload", "bhyvectl/bhyvectl")
# What a tool with libslirp needs: all else is static. pthread_cancel() loads libgcc_s.
CROSS_LIBRARIES = ("libc.so.6", "libm.so.6", "libgcc_s.so.1")  # the cross compiler's
SLIRP_LIBRARIES = ("libslirp.so.0", "libglib-2.0.so.0", "libpcre2-8.so.0")
# What libnbd needs besides, 40 MB, most of it ICU's tables: only in hosts that are to have it.
NBD_CROSS_LIBRARIES = ("libstdc++.so.6",)
NBD_LIBRARIES = (
    "libnbd.so.0", "libgnutls.so.30", "libxml2.so.2", "libp11-kit.so.0", "libidn2.so.0",
    "libunistring.so.2", "libtasn1.so.6", "libnettle.so.8", "libhogweed.so.6", "libgmp.so.10",
    "libffi.so.8", "libicuuc.so.72", "libicudata.so.72", "libz.so.1", "liblzma.so.5")
NBD_TOOL = "bhyve/bhyve-nbd"
REACHED = "10.0.2.100"  # where the host finds what it may reach of this machine

# Lines of the host's dmesg that make a run fail. The bare words also occur in harmless lines.
COMPLAINTS = re.compile(
    r"Kernel panic|Internal error|\bOops\b|\bBUG:|\bBUG at |kernel BUG|\bWARNING: |"
    r"Unable to handle kernel|rcu: INFO: .*stall|INFO: task .* blocked|scheduling while atomic|"
    r"bad: scheduling|possible .* deadlock|refcount_t: |Bad page|nobody cared|soft lockup|"
    r"unexpected HYP|HYP panic|cannot create duplicate|Exception stack|allocation failure", re.I)


def armhf(*parts):
    return ARMHF.cached(*parts)


def firmware(name):
    path = cache_dir() / "firmware" / name
    if not path.exists():
        raise LabError(f"{path} is missing; run lab/setup")
    return path


def qemu_for_plugins():
    """The command line's beginning of the QEMU that lab/qemu-packages fetches."""
    root = cache_dir() / "qemu/root/usr"
    binary = root / "bin/qemu-system-arm"
    if not binary.exists():
        missing = cache_dir() / "qemu.missing"
        why = missing.read_text().split("\n", 1)[0] if missing.exists() else \
            "it has not been fetched"
        raise LabError(f"there is no QEMU 10 for the silicon checker: {why} "
                       "(lab/qemu-packages tries again)")
    # Looking for sound devices it would come across the modules of the machine's own QEMU.
    return [str(binary), "-L", str(root / "share/qemu"), "-audio", "none"]


def checker(report, base, memory, gicd=None):
    """QEMU's arguments that put it under the silicon checker. The machine has to have
    memory-backend=ram, and `memory` MiB from address `base`. With gicd, the distributor's address,
    the rules that other hypervisors do not keep are in force too, and barriers of the host outside
    its modules do not make up for those that a module lacks."""
    if not CHECKER.exists():
        raise LabError(f"{CHECKER.relative_to(TOP)} has not been built; run `make silicon`")
    plugin, out = (str(p).replace(",", ",,") for p in (CHECKER, Path(report).absolute()))
    return ["-object", f"memory-backend-memfd,id=ram,size={memory}M,share=on",
            "-plugin", f"{plugin},out={out},ram={base:#x}:{memory << 20:#x}"
            + (f",strict=on,distributor={gicd:#x},module={MODULES[0]:#x}:{MODULES[1]:#x}"
               if gicd else "")]


def end(qemu, patience=30):
    """Ends a QEMU in order, for a plugin to write its last lines; by force when it will not."""
    qemu.terminate()
    try:
        qemu.wait(patience)
    except subprocess.TimeoutExpired:
        qemu.kill()
        qemu.wait()


def kernel_release(kernel):
    return arch_of(kernel).kernel(kernel, "release").read_text().strip()


def module_path(kernel):
    return TOP / f"build/module-{kernel}/vmm.ko"


class Cpio:
    """A cpio archive in the "newc" form, as the kernel unpacks it. No root needed for devices."""

    def __init__(self):
        self.out = io.BytesIO()
        self.ino = 0
        self.dirs = set()

    def _entry(self, name, mode, data=b"", rdev=(0, 0), nlink=1):
        self.ino += 1
        raw = name.encode() + b"\0"
        fields = (self.ino, mode, 0, 0, nlink, 0, len(data), 0, 0, *rdev, len(raw), 0)
        self.out.write(b"070701" + b"".join(b"%08X" % f for f in fields) + raw)
        self._pad()
        self.out.write(data)
        self._pad()

    def _pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def directory(self, name, mode=0o755):
        name = name.strip("/")
        if not name or name in self.dirs:
            return
        self.directory(os.path.dirname(name))
        self.dirs.add(name)
        self._entry(name, stat.S_IFDIR | mode, nlink=2)

    def data(self, name, data, mode=0o644):
        name = name.strip("/")
        self.directory(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, data if isinstance(data, bytes) else data.encode())

    def file(self, name, source):
        source = Path(source)
        self.data(name, source.read_bytes(), source.stat().st_mode & 0o777)

    def link(self, name, target):
        name = name.strip("/")
        self.directory(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def char_device(self, name, major, minor):
        name = name.strip("/")
        self.directory(os.path.dirname(name))
        self._entry(name, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def tree(self, name, source):
        """A file or a whole directory, links kept as links."""
        source = Path(source)
        if source.is_symlink() and not source.is_dir():
            self.file(name, source.resolve())
        elif source.is_dir():
            self.directory(name)
            for entry in sorted(source.iterdir()):
                below = f"{name}/{entry.name}"
                if entry.is_symlink():
                    self.link(below, os.readlink(entry))
                else:
                    self.tree(below, entry)
        else:
            self.file(name, source)

    def bytes(self):
        self._entry("TRAILER!!!", 0)
        self.out.write(b"\0" * (-self.out.tell() % 512))
        return self.out.getvalue()


def busybox_root(init, arch=ARMHF):
    """An archive with busybox, a console and an /init."""
    cpio = Cpio()
    for name in ("bin", "sbin", "dev", "proc", "sys", "tmp", "run", "root", "etc", "lab"):
        cpio.directory(name)
    cpio.char_device("dev/console", 5, 1)
    cpio.char_device("dev/null", 1, 3)
    cpio.file("bin/busybox", arch.cached("busybox"))
    cpio.link("bin/sh", "busybox")
    cpio.data("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n"
                            "other:x:1001:1001:other:/tmp:/bin/sh\n")
    cpio.data("etc/group", "root:x:0:\nuser:x:1000:\nother:x:1001:\n")
    cpio.data("init", init.read_bytes(), 0o755)
    return cpio


def add_libraries(cpio, arch, nbd):
    for name in (arch.loader, *CROSS_LIBRARIES, *(NBD_CROSS_LIBRARIES if nbd else ())):
        cpio.file("lib/" + name, arch.cross_library(name))
    for name in SLIRP_LIBRARIES + (NBD_LIBRARIES if nbd else ()):
        cpio.file("lib/" + name, arch.debian_library(name))


# ---- the kernel's own modules ----

def needs(module):
    """The modules that a .ko of Debian's kernel says it depends on."""
    for word in module.read_bytes().split(b"\0"):
        if word.startswith(b"depends="):
            return [name for name in word[8:].decode().split(",") if name]
    return []


def kernel_modules(kernel, names):
    """What to load, in order, for these modules of a kernel to be there: [path]. What is built in
    is left out."""
    top = arch_of(kernel).kernel(kernel, "modules")
    there = {path.stem.replace("-", "_"): path for path in top.glob("kernel/**/*.ko")}
    builtin = {Path(line).stem.replace("-", "_")
               for line in (top / "modules.builtin").read_text().split()}
    order = []

    def add(name):
        name = name.replace("-", "_")
        if name in builtin or there.get(name) in order:
            return
        if name not in there:
            raise LabError(f"Debian's kernel {kernel} has no module {name}")
        for other in needs(there[name]):
            add(other)
        order.append(there[name])

    for name in names:
        add(name)
    return order


def add_modules(cpio, kernel, names):
    """/init loads what is in /modules, in order."""
    for number, path in enumerate(kernel_modules(kernel, names)):
        cpio.file(f"modules/{number:02}-{path.name}", path)


def guest_initrd(script=None, files=(), modules=(), kernel="armmp"):
    """The guest's initramfs. script: shell text to run in place of a shell; files: (name, path);
    modules: names of modules of its kernel's, which are loaded first."""
    cpio = busybox_root(TOP / "lab/guest-init", arch_of(kernel))
    add_modules(cpio, kernel, modules)
    if script is not None:
        cpio.data("guest.sh", script)
    for name, path in files:
        cpio.tree(name, path)
    return cpio.bytes()


def guest_run(script):
    """The word for a guest's kernel command line that makes it run a (short) script."""
    word = "guest.run=" + base64.b64encode(script.encode()).decode()
    if len(word) > 900:
        raise LabError("the script is too long for a kernel command line; put it as /guest.sh into "
                       "an initrd (hostlib.guest_initrd)")
    return word


def guest_programs(arch=ARMHF):
    """The bare-metal guests that have been built: [(name, path)]."""
    top = arch.build / "tests/guest"
    found = []
    for path in sorted(top.rglob("*")) if top.is_dir() else []:
        if path.is_file() and ".p" not in (p.suffix for p in path.parents) and \
                (path.suffix in (".bin", ".elf") or
                 (path.suffix == "" and os.access(path, os.X_OK))):
            found.append((path.name, path))
    return found


class Config:
    """A host to start. The attributes are lab/host's options."""

    def __init__(self, machine="virt", cpus=1, kernel="armmp", memory=DEFAULT_MEMORY, gic=2,
                 hyp=True, icount=False, append="", module=None, module_args="", add=(),
                 guest_lpae=False, mode="shell", steps=(), token="", terminal=None, files=(),
                 dtb=None, silicon=None, cpu=None, modules=(), forward=None, drives=(),
                 cache="writethrough", nbd=False, reach=None):
        self.arch = arch_of(kernel)
        self.machine = machine
        self.cpu = cpu or self.arch.cpus[0]
        self.cpus = cpus
        self.kernel = kernel
        self.memory = memory
        self.gic = gic
        self.hyp = hyp
        self.icount = icount
        self.module = module_path(kernel).exists() if module is None else module
        self.append = " ".join(filter(None, (self.arch.append if self.module else "", append)))
        self.module_args = module_args
        self.add = list(add)  # (path here, path there)
        self.files = list(files)  # (path there, content)
        self.dtb = dtb  # a device tree in place of the machine's own
        self.silicon = silicon  # run under the silicon checker, whose report goes to this file
        self.modules = list(modules)  # of the kernel's own, loaded at boot
        # {port here: port of the host}: it has a network, to this machine's loopback only
        self.forward = forward if forward is not None or not reach else {}
        self.reach = reach or {}  # {port of REACHED: port of this machine's loopback}
        self.nbd = nbd  # bhyve is the one that has libnbd
        self.drives = list(drives)  # raw images here: /dev/vda, /dev/vdb, ...
        self.cache = cache  # QEMU's way to write to them
        self.guest_lpae = guest_lpae
        self.mode = mode
        self.steps = list(steps)
        self.token = token
        self.terminal = terminal
        self.check()

    def check(self):
        machines, cpus = self.arch.machines, self.arch.cpus
        if self.machine not in machines:
            raise LabError(f"no such machine: {self.machine} (there are {', '.join(machines)})")
        if self.cpu not in cpus:
            raise LabError(f"no such CPU: {self.cpu} (there are {', '.join(cpus)})")
        if self.cpu != cpus[0] and self.machine != "virt":
            raise LabError(f"{self.machine} has {cpus[0]} and nothing else")
        if not 1 <= self.cpus <= machines[self.machine]:
            raise LabError(f"{self.machine} has 1 to {machines[self.machine]} CPUs, "
                           f"not {self.cpus}")
        limit = 2048 if self.machine == "vexpress-a15" else 3072
        if not 128 <= self.memory <= limit:
            raise LabError(f"{self.machine} takes 128 to {limit} MiB, not {self.memory}")
        if self.gic != 2 and self.machine != "virt":
            raise LabError(f"{self.machine} has a GICv2 and nothing else")
        # Two would run on one thread, where QEMU 10.0 tells plugins the wrong CPU.
        if self.icount and self.cpus != 1:
            raise LabError("instruction counting works with one CPU only: --icount needs --cpus 1")
        if self.nbd and not (self.arch.build / NBD_TOOL).exists():
            raise LabError(f"{(self.arch.build / NBD_TOOL).relative_to(TOP)} has not been built; "
                           f"run `make {self.arch.name}`")
        for path in self.drives:
            if not Path(path).is_file():
                raise LabError(f"--drive {path}: does not exist")
        if self.silicon:
            if not Path(self.silicon).absolute().parent.is_dir():
                raise LabError(f"--silicon: {Path(self.silicon).parent} is no directory")
            qemu_for_plugins()
            self.checked()
        if self.module and not module_path(self.kernel).exists():
            raise LabError(f"{module_path(self.kernel).relative_to(TOP)} has not been built; "
                           f"run `make module`, or start with --no-module")

    def checked(self):
        machine = self.machine
        return checker(self.silicon, RAM_BASE[machine], self.memory, GICD[machine])

    def initramfs(self):
        cpio = busybox_root(TOP / "lab/host-init", self.arch)
        tools = [path for path in (self.arch.build / tool for tool in TOOLS) if path.is_file()]
        for path in tools:
            own = self.arch.build / NBD_TOOL if self.nbd and path.name == "bhyve" else path
            cpio.file("bin/" + path.name, own)
        if any(self.arch.loader.encode() in path.read_bytes() for path in tools):
            add_libraries(cpio, self.arch, self.nbd)
        module = module_path(self.kernel)
        if module.exists():
            cpio.file("vmm.ko", module)  # also where it is not loaded: tests load it themselves
        guest = self.arch.kernels[0]
        cpio.file("guest/vmlinuz", self.arch.kernel(guest, "vmlinuz"))
        if self.guest_lpae:
            cpio.file("guest/vmlinuz-lpae", armhf("kernels/armmp-lpae/vmlinuz"))
        cpio.data("guest/initrd", guest_initrd(kernel=guest))
        for name, path in guest_programs(self.arch):
            cpio.file("guest/tests/" + name, path)
        attached = bool(self.drives) or self.forward is not None
        modules = self.modules + ["virtio_mmio"] * attached
        modules += ["virtio_blk"] * bool(self.drives)
        modules += ["virtio_net"] * (self.forward is not None)
        add_modules(cpio, self.kernel, modules)
        for source, target in self.add:
            if not os.path.lexists(source):
                raise LabError(f"--add: {source} does not exist")
            cpio.tree(target, source)
        for target, content in self.files:
            cpio.data(target, content, 0o755)
        cpio.data("lab/mode", self.mode + "\n")
        cpio.data("lab/token", self.token + "\n")
        if self.module:
            cpio.data("lab/module", self.module_args + "\n")
        if self.terminal:
            cpio.data("lab/columns", f"{self.terminal[0]}\n")
            cpio.data("lab/rows", f"{self.terminal[1]}\n")
        for number, step in enumerate(self.steps, 1):
            cpio.data(f"lab/{number:04}" if self.mode == "script" else f"lab/{number}", step + "\n")
        return cpio.bytes()

    def attached(self):
        """Network and disks, on virtio-mmio, which both machines have."""
        args = []
        if self.forward is not None:
            forwards = "".join(f",hostfwd=tcp:127.0.0.1:{here}-:{there}"
                               for here, there in self.forward.items())
            # A process a connection, so that each side sees the other's end.
            forwards += "".join(f",guestfwd=tcp:{REACHED}:{there}-cmd:{TOP}/lab/relay {here}"
                                for there, here in self.reach.items())
            args += ["-netdev", "user,id=net,restrict=on" + forwards,
                     "-device", "virtio-net-device,netdev=net"]
        # The kernel finds the last one first.
        for number, path in reversed(list(enumerate(self.drives))):
            args += ["-drive", f"file={path},format=raw,if=none,id=d{number},cache={self.cache}",
                     "-device", f"virtio-blk-device,drive=d{number}"]
        return args

    def qemu(self, initramfs):
        """QEMU's command line, without a console."""
        if self.machine == "virt":
            machine = f"virt,virtualization={'on' if self.hyp else 'off'}," \
                      f"gic-version={self.gic}"
            if self.arch is ARMHF:
                machine += ",highmem=off"
            if self.icount:
                machine += ",dtb-randomness=off"
            hardware = ["-M", machine, "-cpu", self.cpu]
            if self.dtb:
                hardware += ["-dtb", str(self.dtb)]
        else:
            # With secure=on the board's own firmware emulation leaves HYP mode before the kernel.
            machine = "vexpress-a15,virtualization=on" + (",secure=off" if self.hyp else "")
            dtb = self.dtb or armhf("kernels", self.kernel, "dtbs", "vexpress-v2p-ca15-tc1.dtb")
            hardware = ["-M", machine, "-dtb", str(dtb)]
        if self.silicon:
            hardware[1] += ",memory-backend=ram"
            hardware += self.checked()
        if self.icount:
            hardware += ICOUNT
        hardware += self.attached()
        # On a terminal, warnings of the boot would only be in the way; dmesg has them.
        level = "loglevel=3" if self.mode in ("shell", "console") else "quiet"
        append = f"console=ttyAMA0 panic=-1 {level} {self.append}".strip()
        binary = qemu_for_plugins() if self.silicon else [self.arch.qemu]
        return [*binary, *hardware, "-smp", str(self.cpus), "-m", str(self.memory),
                *(["-nic", "none"] if self.forward is None else []),
                "-no-reboot", "-display", "none",
                "-kernel", str(self.arch.kernel(self.kernel, "vmlinuz")),
                "-initrd", str(initramfs), "-append", append]


def complaints(dmesg):
    return [line for line in dmesg.splitlines() if COMPLAINTS.search(line)]
