# SPDX-License-Identifier: BSD-2-Clause
"""Debian's ARM architectures, as hosts: what each has, and where its parts are on this machine."""
from dataclasses import dataclass
from pathlib import Path

from aptroot import cache_dir

TOP = Path(__file__).resolve().parent.parent


class LabError(Exception):
    """Something is missing or impossible; the message says what to do."""


@dataclass(frozen=True)
class Arch:
    name: str  # Debian's
    linux: str  # the kernel's
    kernels: tuple  # flavours of Debian's kernel
    machines: dict  # QEMU's, and the CPUs each can have
    cpus: tuple  # types of machine virt's CPU; the first one is the default
    qemu: str
    triplet: str
    loader: str  # of dynamic programs
    append: str = ""  # for the kernel's command line where vmm.ko is to be loaded

    def cached(self, *parts):
        """What lab/ARCH-packages left."""
        path = cache_dir().joinpath(self.name, *parts)
        if not path.exists():
            raise LabError(f"{path} is missing; run lab/{self.name}-packages")
        return path

    def kernel(self, flavour, *parts):
        return self.cached("kernels", flavour, *parts)

    @property
    def build(self):
        """Where the tools and guests are built."""
        return TOP / "build" / self.name

    def debian_library(self, name):
        for place in ("usr/lib", "lib"):
            path = cache_dir() / self.name / "root" / place / self.triplet / name
            if path.exists():
                return path.resolve()
        raise LabError(f"{name} for {self.name} is missing; run lab/{self.name}-packages")

    def cross_library(self, name):
        """One of those that come with the cross compiler."""
        path = Path("/usr") / self.triplet / "lib" / name
        if not path.exists():
            raise LabError(f"{path} is missing; run lab/setup")
        return path.resolve()


ARMHF = Arch(
    name="armhf", linux="arm", kernels=("armmp", "armmp-lpae"),
    machines={"virt": 4, "vexpress-a15": 2},
    cpus=("cortex-a15", "cortex-a7"), qemu="qemu-system-arm", triplet="arm-linux-gnueabihf",
    loader="ld-linux-armhf.so.3")
ARM64 = Arch(
    name="arm64", linux="arm64", kernels=("arm64",), machines={"virt": 4},
    # QEMU computes pointer authentication by the architecture's own cipher, very slowly, else.
    cpus=("cortex-a72", "cortex-a53", "neoverse-n1", "max,pauth-impdef=on"),
    qemu="qemu-system-aarch64", triplet="aarch64-linux-gnu", loader="ld-linux-aarch64.so.1",
    # EL2 is to be the kernel's stub: not KVM's, and not the kernel's own.
    append="kvm-arm.mode=none id_aa64mmfr1.vh=0")
ARCHES = (ARMHF, ARM64)


def arch_of(kernel):
    """The architecture that has such a kernel."""
    for arch in ARCHES:
        if kernel in arch.kernels:
            return arch
    names = [name for arch in ARCHES for name in arch.kernels]
    raise LabError(f"no such kernel: {kernel} (there are {', '.join(names)})")
