# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""Bad input: each is answered with the right exit status and one line that names what was given
and says what would be right (a second line where to read about the options), and leaves nothing
behind: no VM, no process, no file, no memory. What the module refuses: test_refusals.py."""
import re
import shlex
import struct
import subprocess

import pytest
from conftest import need_tools

HOST = dict(cpus=2, memory=1024)
SLACK_KIB = 4096  # what page cache, slabs and per-CPU lists may keep

IDLE = struct.pack("<2I", 0xe320f003, 0xeafffffd)  # 1: wfi; b 1b
HINTS = {"bhyve": "bhyve: bhyve -h shows the options",
         "bhyveload": "bhyveload: bhyveload -h shows the options",
         "bhyvectl": "bhyvectl: bhyvectl --help shows the options"}
MISUSED = {"bhyve": 4, "bhyveload": 2, "bhyvectl": 2}
FAILED = {"bhyve": 4, "bhyveload": 1, "bhyvectl": 1}
LONG = "n" * 32


def elf(bits=32, machine=40, kind=2, data=1, entry=0x40008000, phoff=52, phnum=1, segments=()):
    """An ELF file for ARM, but for what is said; segments: (file offset, address, size)."""
    ident = b"\x7fELF" + bytes([1 if bits == 32 else 2, data, 1]) + bytes(9)
    order = "<" if data == 1 else ">"
    if bits == 64:
        return ident + struct.pack(order + "HHIQQQIHHHHHHIIQQQQQQ", kind, machine, 1, 0x40080000,
                                   64, 0, 0, 64, 56, 1, 0, 0, 0,
                                   1, 7, 0, 0x40080000, 0x40080000, 64, 64, 4)
    head = ident + struct.pack(order + "HHIIIIIHHHHHH", kind, machine, 1, entry, phoff, 0, 0, 52,
                               32, phnum, 0, 0, 0)
    for offset, address, size in segments:
        head += struct.pack("<8I", 1, offset, address, address, size, size, 7, 4)
    return head + bytes(64)


def at(offset, data, size=1024):
    """Zeros, with data at an offset."""
    return bytes(offset) + data + bytes(size - offset - len(data))


def dtb(source):
    done = subprocess.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb"], input=source.encode(),
                          capture_output=True, check=True)
    return done.stdout


TREE = '/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; compatible = "x,y"; };'
OVERLAY = '/dts-v1/; /plugin/; &nobody { status = "okay"; };'
FILES = {
    "empty": b"",
    "garbage": b"this is not what you think it is\n" * 40,
    "arm64": at(0x38, b"ARM\x64"),
    "riscv": at(0x38, b"RSC\x05"),
    "x86": at(0x202, b"HdrS"),
    "bezimage": at(0x24, b"\x01\x6f\x28\x18"),
    "uimage": at(0, b"\x27\x05\x19\x56"),
    "gzip": at(0, b"\x1f\x8b\x08"),
    "elf-x86-64": elf(bits=64, machine=62),
    "elf-arm64": elf(bits=64, machine=183),
    "elf-64": elf(bits=64),
    "elf-be": elf(data=2),
    "elf-dyn": elf(kind=3),
    "elf-short": elf()[:40],
    "elf-cut": elf(segments=[(0x1000, 0x40008000, 0x1000)]),
    "elf-no-headers": elf(phoff=0x10000),
    "elf-outside": elf(segments=[(0, 0x30000000, 64)]),
    "elf-beyond": elf(segments=[(0, 0x7fffffe0, 64)]),
    "elf-overlap": elf(phnum=2, segments=[(0, 0x40008000, 64), (0, 0x40008020, 64)]),
    "elf-entry": elf(entry=0x41000000, segments=[(0, 0x40008000, 64)]),
    "elf-nothing": elf(phnum=1, segments=[(0, 0x40008000, 0)]),
    "dtb-cut": dtb(TREE)[:-20],
    "dtb-long": dtb(TREE)[:4] + struct.pack(">I", 1 << 24) + dtb(TREE)[8:],
    "dtb-cells": dtb(TREE.replace("#address-cells = <2>", "#address-cells = <3>")),
    "overlay": dtb(OVERLAY),
    "tree": dtb(TREE),
    "idle": IDLE,
    "no-keys": b"# comment\n\ncpus=2\nthis is no key\n",
    "bad-key": b"colour=blue\n",
    "bad-value": b"memory.size=lots\n",
    "keys-in-keys": b"name=a/b\n",
    "secret": IDLE,
}
SETUP = """
cd /bad
head -c 40 /guest/vmlinuz >zimage-head
head -c 300 /guest/vmlinuz >zimage-300
head -c 1000000 /guest/vmlinuz >zimage-cut
mkfifo fifo
chmod 600 secret
bhyvectl --create --vm=empty
bhyveload -m 16M -b 0x40008000 -k idle loaded
bhyveload -m 16M -b 0x40008000 -k idle -d tree own
bhyveload -m 16M -b 0x40008000 -k idle ended
bhyve ended </dev/null >/dev/null & sleep 0.5; bhyvectl --vm=ended --suspend=halt; wait $!
bhyveload -m 16M -b 0x40008000 -k idle busy
su user -c 'bhyveload -m 16M -b 0x40008000 -k idle mine'
truncate -s 60M big
bhyve -o console=none busy </dev/null >/dev/null 2>&1 &
n=0; until bhyvectl --list | grep -q 'busy.*running'; do sleep 0.1; n=$((n+1)); [ $n -lt 100 ]; done
"""
# Shell functions: one case, and all cases of a file, each with what it says and what it changed.
CASES = """
cd /bad
state() {
	now="$(bhyvectl --list 2>&1; echo /dev/vmm* /dev/vmm/* /dev/pts/* /tmp/* /bad/*)"
}
run() {
	timeout 20 sh -c "$2" </dev/null >/run/out 2>/run/err
	echo "@case $1 $?"
	[ ! -s /run/out ] || echo "@out"
	state
	[ "$now" = "$before" ] || echo "@left $now"
	[ ! -e /dev/vmm/g ] || { bhyvectl --destroy --vm=g; state; }
	before=$now
	echo @err
	cat /run/err
}
state
before=$now
"""


def case(command, *words, status=None, usage=False):
    """Words that the one line must contain; usage: it is about the options, with the hint."""
    tool = re.search(r"\b(bhyve(load|ctl)?)\b", command).group(1)
    if status is None:
        status = (MISUSED if usage else FAILED)[tool]
    return pytest.param(command, tool, words, status, usage, id=re.sub(r"[^ -~]|/", "_", command)
                        if len(command) < 70 else command[:60])


def misuse(command, *words):
    return case(command, *words, usage=True)


def kernel(file, *words, memory="64M"):
    """A kernel that neither bhyveload nor bhyve takes."""
    return [case(f"bhyveload -m {memory} -k {file} g", file, *words),
            case(f"bhyve -m {memory} -o console=none -o kernel={file} g", file, *words)]


def both(load, run, *words, usage=False):
    """The same said to bhyveload and to bhyve's direct boot."""
    raw = "-b 0x40008000 -k idle", "-o console=none -o kernel.address=0x40008000 -o kernel=idle"
    return [case(f"bhyveload {load} {raw[0]} g", *words, usage=usage),
            case(f"bhyve {run} {raw[1]} g", *words, usage=usage)]


NAMES = [
    case("bhyvectl --create --vm=loaded", '"loaded"', "another name", "--destroy"),
    misuse(f"bhyvectl --create --vm={LONG}", LONG, "1 to 31"),
    misuse("bhyvectl --create --vm=a/b", "a/b", "A-Z"),
    misuse("bhyvectl --create --vm=..", "--vm=..", "cannot be"),
    misuse("bhyvectl --create --vm=", "--vm", "1 to 31"),
    misuse("bhyvectl --create --vm='a b'", "a b", "A-Z"),
    misuse(f"bhyve {LONG}", LONG, "1 to 31"),
    misuse("bhyve ../vmmctl", "../vmmctl", "A-Z"),
    misuse("bhyve ''", "1 to 31"),
    misuse(f"bhyveload -k idle {LONG}", LONG, "1 to 31"),
    misuse("bhyveload -k idle a:b", "a:b", "A-Z"),
]
NO_SUCH_VM = [
    case("bhyve nobody", '"nobody"', "bhyveload makes one"),
    case("bhyvectl --destroy --vm=nobody", '"nobody"', "--list"),
    *[case(f"bhyvectl {action} --vm=nobody", 'no VM "nobody"') for action in (
        "--get-stats", "--get-all --json", "--suspend=halt", "--info", "--trace", "--pause",
        "--get-reg=pc")],
    case("bhyve empty", '"empty"', "nothing to run", "bhyveload"),
    case("bhyve ended", '"ended"', "has ended", "bhyveload"),
    case("bhyve busy", '"busy"', "another bhyve"),
    case("bhyveload -m 16M -b 0x40008000 -k idle busy", '"busy"', "is running", "stop"),
    case("bhyve -o kernel=/guest/vmlinuz busy", '"busy"', "another bhyve"),
    *[case(f"bhyvectl --vm=busy {action}", '"busy"', "no balloon", "virtio-balloon")
      for action in ("--balloon=16M", "--get-balloon")],
    case("bhyvectl --vm=loaded --balloon=16M", '"loaded"'),
    case("bhyvectl --vm=ended --suspend=reset", '"ended"', "another reason"),
    case("bhyve -c 2 loaded", "-c 2", "1 vCPU", "bhyveload -c 2"),
    case("bhyve -m 32M loaded", "-m", "16 MiB"),
    case("bhyveload -m 32M -b 0x40008000 -k idle loaded", '"loaded"', "-m", "destroy"),
    case("bhyvectl --vm=loaded --get-reg=pc --cpu=5", "--cpu=5", '"loaded"', "0"),
    case("bhyvectl --vm=loaded --get-stats --cpu=1", "--cpu=1", '"loaded"', "0"),
    case("bhyvectl --vm=empty --get-reg=pc", '"empty"', "no vCPUs", "bhyveload"),
    case("bhyvectl --vm=empty --get-all --cpu=0", '"empty"', "no vCPUs", "bhyveload"),
    case("bhyvectl --vm=loaded --pause --cpu=7", "--cpu=7", '"loaded"'),
    case("bhyvectl --vm=loaded --set-reg=midr:1", "--set-reg=midr:0x1", "cannot be set"),
    case("bhyvectl --vm=loaded --set-reg=cpsr:0x1a", "--set-reg=cpsr:0x1a", "cannot be set"),
]
MEMORY = [
    *both("-m 64G", "-m 64G", "-m 64G", "3G", usage=True),
    *both("-m 0", "-m 0", "-m 0", "256M", usage=True),
    *both("-m 4097K", "-m 4097K", "-m 4097K", "multiple of 4K", usage=True),
    *both("-m lots", "-m lots", "-m lots", "is not a size", usage=True),
    *both("-m -1", "-m -1", "-m -1", "is not a size", usage=True),
    *both("-m 99999999999999999999", "-m 99999999999999999999", "-m 9", "size", usage=True),
    *both("-m 3G", "-m 3G", '"g"', "memory", "-m"),
    *both("-m 1500M", "-m 1500M", '"g"', "memory", "-m"),
    *both("-m 16K", "-m 16K", "idle", "guest memory"),
]
KERNELS = sum([
    kernel("missing", "No such file"),
    kernel("/guest", "not a regular file"),
    kernel("fifo", "not a regular file"),
    kernel("/dev/zero", "not a regular file"),
    kernel("empty", "empty"),
    kernel("garbage", "not a zImage", "ADDRESS"),
    kernel("zimage-head", "truncated", "40 bytes"),
    kernel("zimage-300", "truncated", "header says"),
    kernel("zimage-cut", "truncated", "header says"),
    kernel("arm64", "arm64", "32-bit ARM"),
    kernel("riscv", "RISC-V", "32-bit ARM"),
    kernel("x86", "x86", "32-bit ARM"),
    kernel("bezimage", "big-endian"),
    kernel("uimage", "uImage"),
    kernel("gzip", "gzip", "unpack"),
    kernel("elf-x86-64", "x86-64", "32-bit ARM"),
    kernel("elf-arm64", "arm64", "32-bit ARM"),
    kernel("elf-64", "32-bit"),
    kernel("elf-be", "big-endian"),
    kernel("elf-dyn", "executable"),
    kernel("elf-short", "truncated"),
    kernel("elf-cut", "truncated"),
    kernel("elf-no-headers", "truncated"),
    kernel("elf-outside", "0x30000000", "0x40000000"),
    kernel("elf-beyond", "0x7fffffe0", "guest memory"),
    kernel("elf-overlap", "overlap"),
    kernel("elf-entry", "entry point 0x41000000"),
    kernel("elf-nothing", "nothing to load"),
    kernel("/guest/vmlinuz", "-m", memory="16M"),
], [
    case("bhyveload -b 0x40008001 -k idle g", "idle", "multiple of 4"),
    case("bhyveload -b 0x1000 -k idle g", "idle", "0x1000", "0x40000000"),
    case("bhyve -o kernel=idle -o kernel.address=0x1000 g", "idle", "0x1000", "0x40000000"),
    case("bhyveload -b 0x40008000 -k empty g", "empty"),
    case("su user -c 'bhyveload -b 0x40008000 -k secret g'", "secret", "Permission denied"),
])
INITRDS_AND_TREES = [
    *both("-m 16M -i missing", "-m 16M -o initrd=missing", "missing", "No such file"),
    *both("-m 16M -i empty", "-m 16M -o initrd=empty", "empty: the file is empty"),
    *both("-m 16M -i /bad", "-m 16M -o initrd=/bad", "/bad: not a regular file"),
    *both("-m 3M -i /guest/vmlinuz", "-m 3M -o initrd=/guest/vmlinuz", "/guest/vmlinuz",
          "3 MiB", "-m"),
    case("bhyveload -m 64M -k /guest/vmlinuz -i big g", "big", "64 MiB", "-m"),
    *both("-d missing", "-o fdt.file=missing", "missing", "No such file"),
    *both("-d empty", "-o fdt.file=empty", "empty", "device tree"),
    *both("-d garbage", "-o fdt.file=garbage", "garbage", "dtc"),
    *both("-d dtb-cut", "-o fdt.file=dtb-cut", "dtb-cut", "truncated"),
    *both("-d dtb-long", "-o fdt.file=dtb-long", "dtb-long", "truncated"),
    *both("-d dtb-cells", "-o fdt.file=dtb-cells", "dtb-cells", "#address-cells"),
    *both("-d /guest/vmlinuz", "-o fdt.file=/guest/vmlinuz", "/guest/vmlinuz", "device tree"),
    *both("-O missing", "-o fdt.overlay=missing", "missing", "No such file"),
    *both("-O garbage", "-o fdt.overlay=garbage", "garbage", "dtc"),
    *both("-O overlay", "-o fdt.overlay=overlay", "overlay", "label"),
    *both("-O overlay " * 9, "-o fdt.overlay=overlay " * 9, "overlay", "8", "fdtoverlay",
          usage=True),
    *both("-a $(head -c 3000 /dev/zero | tr '\\0' x)",
          "-o fdt.bootargs=$(head -c 3000 /dev/zero | tr '\\0' x)", "2047", usage=True),
    case("bhyveload -k /guest/vmlinuz -a $(head -c 1500 /dev/zero | tr '\\0' x) g", "1023"),
]
OPTIONS = [
    misuse("bhyve", "which VM"),
    misuse("bhyve loaded more", "more"),
    misuse("bhyve -Z loaded", "-Z", "no such option"),
    misuse("bhyve -W loaded", "-W", "other machines"),
    misuse("bhyve -s 3 loaded", "-s 3", "which device"),
    misuse("bhyve -s 3,floppy loaded", "-s 3,floppy", "there is no device"),
    misuse("bhyve -s 32,hostbridge loaded", "-s 32,hostbridge", "from 0 to 31"),
    misuse("bhyve -o pci.0.3.0.path=x loaded", "-o pci.0.3.0.path=x", "which device"),
    misuse("bhyve --help", "-", "no such option"),
    *[misuse(f"bhyve -{o}", f"-{o}", "needs a value") for o in "cmokp"],
    *[misuse(f"bhyve -{o} '' loaded", f"-{o}", "value") for o in "cmp"],
    *both("-c 0", "-c 0", "-c 0", "between 1 and 8", usage=True),
    *both("-c 9", "-c 9", "-c 9", "between 1 and 8", usage=True),
    *both("-c x", "-c x", "-c x", "not a number", usage=True),
    *both("-c -1", "-c -1", "-c -1", "not a number", usage=True),
    *both("-c cpus=4,cores=3", "-c cpus=4,cores=3", "add up", usage=True),
    *both("-c cpus=2,books=2", "-c cpus=2,books=2", "books", "sockets", usage=True),
    misuse("bhyve -o unknown=1 loaded", "-o unknown", "no such key"),
    misuse("bhyve -o nothing loaded", "-o nothing", "KEY=VALUE"),
    misuse("bhyve -o =1 loaded", "-o =1", "KEY=VALUE"),
    misuse("bhyve -o console= loaded", "-o console", "empty value"),
    misuse("bhyve -o console=foo loaded", "-o console=foo", "stdio"),
    misuse("bhyve -o console=unix: loaded", "-o console=unix:", "unix:PATH"),
    misuse("bhyve -o kernel.address=here loaded", "kernel.address=here", "0x40000000"),
    misuse("bhyve -o keep=perhaps loaded", "keep=perhaps", "true"),
    misuse("bhyve -o destroy_on_poweroff=2 loaded", "destroy_on_poweroff=2", "true"),
    misuse("bhyve -o vcpu.8.cpuset=0 loaded", "vcpu.8.cpuset=0", "0 to 7"),
    misuse("bhyve -o vcpu.0.cpuset=x loaded", "vcpu.0.cpuset=x", "number"),
    misuse("bhyve -o name=a/b", "name=a/b", "A-Z"),
    misuse("bhyve -o memory.size=no loaded", "memory.size=no", "256M"),
    misuse("bhyve -o cpus=99 loaded", "cpus=99", "between 1 and 8"),
    misuse("bhyve -o initrd=idle loaded", "initrd", "kernel="),
    misuse("bhyve -o fdt.bootargs=x loaded", "fdt.*", "kernel="),
    misuse("bhyve -k missing loaded", "-k missing", "No such file"),
    misuse("bhyve -k /bad loaded", "/bad", "directory"),
    misuse("bhyve -k secret-not loaded", "secret-not"),
    misuse("bhyve -k no-keys loaded", "no-keys:4", "KEY=VALUE"),
    misuse("bhyve -k bad-key loaded", "bad-key:1", "colour"),
    misuse("bhyve -k bad-value loaded", "bad-value:1", "memory.size=lots"),
    misuse("bhyve -k keys-in-keys loaded", "keys-in-keys:1", "name=a/b"),
    misuse("bhyve -p 0 loaded", "-p 0", "VCPU:HOSTCPU"),
    misuse("bhyve -p 8:0 loaded", "-p 8:0", "VCPU:HOSTCPU"),
    misuse("bhyve -p 0:x loaded", "-p 0:x", "VCPU:HOSTCPU"),
    misuse("bhyve -c 2 -p 3:0 loaded", "vCPU 3", "2 vCPUs"),
    case("bhyve -p 0:99 -o console=none loaded", "-p 0:99", "host CPU"),
    case("bhyve -p 4:0 -o console=none loaded", "-p 4:0", "vCPU"),
    misuse("bhyveload", "-k"),
    misuse("bhyveload -k idle", "which VM"),
    misuse("bhyveload loaded", "-k"),
    misuse("bhyveload -k idle loaded more", "more"),
    misuse("bhyveload -Z -k idle loaded", "-Z", "no such option"),
    *[misuse(f"bhyveload -{o}", f"-{o}", "needs a value") for o in "abcdgikmOs"],
    *[misuse(f"bhyveload -{o} '' loaded", f"-{o}", "value") for o in "abcdgikmOs"],
    misuse("bhyveload -b here -k idle g", "-b here", "0x40000000"),
    misuse("bhyveload -b 0x1ffffffffffffffff -k idle g", "-b 0x1ff", "address"),
    misuse("bhyveload -g staff -k idle g", "-g staff", "number"),
    misuse("bhyveload -g 4294967295 -k idle g", "-g 4294967295", "number"),
    misuse("bhyvectl", "--list"),
    misuse("bhyvectl --vm=loaded", "action"),
    misuse("bhyvectl --get-stats", "--vm=NAME"),
    misuse("bhyvectl loaded --list", "loaded", "--vm=NAME"),
    misuse("bhyvectl --frobnicate --vm=loaded", "--frobnicate", "no such option"),
    misuse("bhyvectl -x", "-x", "no such option"),
    misuse("bhyvectl --list=1", "--list=1", "takes no value"),
    misuse("bhyvectl --get", "--get", "no such option"),
    misuse("bhyvectl --vm", "--vm", "needs a value"),
    misuse("bhyvectl --get-stats --vm=loaded --cpu", "--cpu", "needs a value"),
    misuse("bhyvectl --list --info", "two actions"),
    misuse("bhyvectl --vm=loaded --get-stats --cpu=8", "--cpu=8", "0 to 7"),
    misuse("bhyvectl --vm=loaded --get-stats --cpu=x", "--cpu=x", "0 to 7"),
    misuse("bhyvectl --vm=loaded --suspend=sleep", "--suspend=sleep", "poweroff"),
    misuse("bhyvectl --vm=loaded --suspend=destroy", "--suspend=destroy", "poweroff"),
    misuse("bhyvectl --vm=loaded --get-reg=rax", "--get-reg=rax", "--get-all"),
    misuse("bhyvectl --vm=loaded --get-reg=", "--get-reg=", "--get-all"),
    misuse("bhyvectl --vm=loaded --set-reg=r0", "--set-reg=r0", "r0:0x10"),
    misuse("bhyvectl --vm=loaded --set-reg=r0:zz", "--set-reg=r0:zz", "r0:0x10"),
    misuse("bhyvectl --vm=loaded --set-reg=rax:1", "--set-reg=rax:1", "--get-all"),
    misuse("bhyvectl --vm=busy --balloon=lots", "--balloon=lots", "256M"),
    misuse("bhyvectl --create --vm=g --gid=staff", "--gid=staff", "number"),
    misuse("bhyvectl --list --gid=5", "--gid", "--create"),
    misuse("bhyvectl --destroy --vm=loaded --json", "--json", "nothing"),
    case("bhyvectl --list >/dev/full", "cannot write", "No space"),
]
CONSOLES = [
    case("bhyve -o console=unix:/nonexistent/dir/x loaded", "console=unix:/nonexistent/dir/x",
         "directory"),
    case("bhyve -o console=file:/nonexistent/x loaded", "console=file:/nonexistent/x",
         "directory"),
    case("bhyve -o console=file:/bad loaded", "console=file:/bad", "directory"),
    case("bhyve -o console=unix:/bad/idle loaded", "console=unix:/bad/idle", "not a socket that"),
    case(f"bhyve -o console=unix:/tmp/{'x' * 120} loaded", "console=unix:/tmp/xxx", "107"),
    case("bhyve -o console=unix:/nonexistent/x -o kernel=/guest/vmlinuz g", "/nonexistent/x"),
    case("su user -c 'bhyve -o console=file:/bad/secret mine'", "/bad/secret", "Permission denied"),
    case("su user -c 'bhyve -o console=unix:/bad/socket mine'", "/bad/socket", "Permission denied"),
]
BOOT = "bhyve -m 16M -o console=none -o kernel=idle -o kernel.address=0x40008000"
DEVICES = [
    misuse(f"{BOOT} -s 3,virtio-blk g", "-s 3,virtio-blk", "path is missing", "path="),
    misuse(f"{BOOT} -s 3,virtio-blk,idle,thread=3 g", "thread=3", "did you mean threads?"),
    misuse(f"{BOOT} -s 3,virtoi-blk,idle g", "-s 3,virtoi-blk", "did you mean virtio-blk?"),
    misuse(f"{BOOT} -s 3,virtio-net,tap0,restrict g", "restrict=true", "slirp only"),
    misuse(f"{BOOT} -s 3,virtio-console g", "has 0 ports", "port1="),
    misuse("bhyve -o memory_size=1G loaded", "memory_size", "did you mean memory.size?"),
    # what the host has not: found before a VM is made, or a VM that is there is touched
    *[case(f"{BOOT} -s 3,virtio-{device} {vm}", f"-s 3,virtio-{device.split(',')[0]}: ", *words)
      for vm in ("g", "ended") for device, *words in (
          ("blk,missing", "path=missing", "No such file"),
          ("blk,/bad", "path=/bad", "neither a file nor a block device"),
          ("blk,fifo", "path=fifo", "neither a file nor a block device"),
          ("blk,empty", "path=empty", "0 bytes"),
          ("net,unix:/nonexistent/a,peer=/b", "unix:/nonexistent/a", "No such file"),
          ("console,port1=/nonexistent/a", "port1=unix:/nonexistent/a", "No such file"),
          ("balloon,target=17M", "target=17M", "16 MiB", "-m"))],
    case(f"{BOOT} -p 0:99 g", "-p 0:99", "host CPU"),
    case(f"su user -c '{BOOT} -s 3,virtio-blk,secret g'", "path=secret", "Permission denied"),
    # a VM whose device tree does not have what is to be there
    case("bhyve -o console=none -s mmio:3,virtio-rnd loaded", "-s mmio:3,virtio-rnd", '"loaded"',
         "bhyveload -s mmio:3"),
    case("bhyve -o console=none -s 3,virtio-rnd own", "-s 3,virtio-rnd", '"own"', "no PCI bus",
         "pcie@"),
    misuse("bhyveload -s 3,virtio-rnd -k idle g", "-s 3,virtio-rnd", "mmio:N"),
    misuse("bhyveload -s mmio:32 -k idle g", "-s mmio:32", "0 to 31"),
    misuse("bhyveload -s mmio:3 -d tree -k idle g", "tree", "mmio:N"),
    case("bhyve -s 3,virtio-blk,missing loaded", "path=missing", "No such file"),
]
OWNERS = [
    case("su user -c 'bhyve loaded'", '"loaded"', "not yours"),
    case("su user -c 'bhyveload -b 0x40008000 -k idle loaded'", '"loaded"', "not yours"),
    case("su user -c 'bhyvectl --vm=loaded --get-stats'", '"loaded"', "not yours"),
    case("su user -c 'bhyvectl --vm=loaded --destroy'", '"loaded"', "not yours"),
    case("su user -c 'bhyvectl --create --gid=0 --vm=g'", '"g"', "group"),
    case("su user -c 'bhyveload -g 0 -b 0x40008000 -k idle g'", '"g"', "group"),
    *[case(f"chmod 600 /dev/vmmctl; su user -c '{command}'; s=$?; chmod 666 /dev/vmmctl; "
           "(exit $s)", "/dev/vmmctl", "permission", "root")
      for command in ("bhyvectl --list", "bhyvectl --vm=loaded --get-stats",
                      "bhyvectl --create --vm=g", "bhyve loaded", "bhyveload -k /guest/vmlinuz g",
                      "bhyve -o kernel=/guest/vmlinuz g")],
]
WITHOUT_MODULE = ("bhyvectl --list", "bhyvectl --info --json", "bhyvectl --create --vm=g",
                  "bhyvectl --destroy --vm=g", "bhyvectl --vm=g --get-stats", "bhyve g",
                  "bhyvectl --vm=g --info", "bhyveload -k /guest/vmlinuz g",
                  "bhyve -o kernel=/guest/vmlinuz g")


@pytest.fixture
def lab(hosts):
    """The host with the files and VMs of SETUP; made anew if a test broke it."""
    need_tools()
    files = [(f"/bad/{name}", data) for name, data in FILES.items()]
    host = hosts.get(files=files, **HOST)
    if not hasattr(host, "free_kib"):
        host.ok(SETUP)
        host.free_kib = free_kib(host)
        host.said = {}
    return host


def free_kib(host):
    text = host.ok("sync; echo 3 >/proc/sys/vm/drop_caches; sleep 0.3; cat /proc/meminfo")
    return int(re.search(r"MemFree: +(\d+)", text).group(1))


def run_cases(host, commands):
    """Runs them one after the other: {command: what was printed}. In one go: that is quick."""
    said = {}
    for start in range(0, len(commands), 20):
        part = commands[start:start + 20]
        text = host.ok(CASES + "".join(f"run {n} {shlex.quote(command)}\n"
                                       for n, command in enumerate(part)), timeout=120)
        for n, block in re.findall(r"^@case (\d+) (.*?)(?=^@case |\Z)", text, re.S | re.M):
            said[part[int(n)]] = block
    return said


def check(text, tool, words, status, usage):
    head, lines = text.split("@err\n", 1)
    lines = lines.splitlines()
    assert head == f"{status}\n", f"status, standard output or what is left: {text}"
    if usage:
        assert lines[1:] == [HINTS[tool]], text
    else:
        assert len(lines) == 1, text
    assert lines[0].startswith(f"{tool}: "), text
    missing = [word for word in words if word not in lines[0]]
    assert not missing, f"{missing} not in: {lines[0]}"


@pytest.mark.parametrize("command,tool,words,status,usage", NAMES + NO_SUCH_VM + MEMORY + KERNELS +
                         INITRDS_AND_TREES + OPTIONS + CONSOLES + DEVICES + OWNERS)
def test_bad_input(request, lab, command, tool, words, status, usage):
    if command not in lab.said:
        lab.said = run_cases(lab, [item.callspec.params["command"] for item in request.session.items
                                   if item.originalname == "test_bad_input"])
    check(lab.said[command], tool, words, status, usage)


def test_nothing_is_left(lab):
    """After all of it."""
    assert not lab.complaints()
    assert free_kib(lab) > lab.free_kib - SLACK_KIB
    lab.ok("bhyvectl --vm=busy --suspend=poweroff; sleep 0.5; ! pidof bhyve")
    for name in ("empty", "loaded", "own", "ended", "busy", "mine"):
        lab.ok(f"bhyvectl --destroy --vm={name}")
    assert lab.ok("bhyvectl --list").count("\n") == 1
    assert "No such" in lab.run("find /dev/vmm")[1] or lab.ok("ls /dev/vmm") == ""
    del lab.free_kib
    lab.ok("rmmod vmm")
    said = run_cases(lab, WITHOUT_MODULE)
    for command in WITHOUT_MODULE:
        tool = command.split()[0]
        check(said[command], tool, ("/dev/vmmctl", "modprobe vmm", "dmesg"), FAILED[tool], False)
    lab.ok("insmod /vmm.ko; bhyvectl --list")
