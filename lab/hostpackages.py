# SPDX-License-Identifier: BSD-2-Clause
"""The packages of Debian's that an ARM host is made of, for one of Debian's ARM architectures,
through a private apt root.

The machine's own dpkg and apt state are only read: a second apt state under the cache directory,
with the machine's Debian sources and the host's architecture and amd64, resolves and downloads the
packages, and dpkg -x unpacks them. No version is written down anywhere in this project: the meta
packages linux-image-FLAVOUR say which kernel is current, and image, headers, headers-common and
kbuild of that one source version are taken together.

What it leaves, under ${XDG_CACHE_HOME:-~/.cache}/bhyve-arm:

  ARCH -> ARCH-VERSION.d        swapped in one step, so that a reader never sees half a tree
    root/                       the unpacked packages
    kernels/FLAVOUR/            vmlinuz, release (text), headers/ dtbs/ modules/ (links into root)
    busybox                     static
    xen                         Xen for that architecture, if it could be had
"""
import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import aptroot
from aptroot import Trouble, say

SUITES = ("bookworm", "bookworm-updates", "bookworm-security")
# libslirp is shared only, and wants these; the C library comes with the cross compiler.
OTHER = ("busybox-static", "libfdt-dev", "libslirp-dev", "libslirp0", "libglib2.0-0",
         "libpcre2-8-0", "libseccomp-dev", "libnbd-dev", "libnbd0",
         # libnbd's
         "libgnutls30", "libxml2", "libicu72", "liblzma5", "zlib1g", "libgmp10", "libhogweed6",
         "libidn2-0", "libnettle8", "libp11-kit0", "libtasn1-6", "libunistring2", "libffi8",
         "libstdc++6")


@dataclass
class Arch:
    name: str  # Debian's
    flavours: tuple  # of its kernels; the first one's version is everybody's
    optional: tuple  # packages that can be done without
    layout: str  # raise when what is unpacked, or how, changes
    apt: str  # directory of the apt state


def choose_kernel(apt, arch):
    """The newest source version of which every piece can be had: {package: version}, releases."""
    why = []
    for image in apt.show(f"linux-image-{arch.flavours[0]}"):
        version = image["Version"]
        wanted, releases, missing = [], {}, []
        for flavour in arch.flavours:
            meta = next((s for s in apt.show(f"linux-image-{flavour}")
                         if s["Version"] == version), None)
            match = meta and re.search(rf"linux-image-(\S+-{flavour})(?=[ ,]|$)", meta["Depends"])
            if not match:
                missing.append(f"linux-image-{flavour}={version}")
                continue
            release = releases[flavour] = match.group(1)
            wanted += [f"linux-image-{release}", f"linux-headers-{release}"]
        if releases:
            flavour, release = next(iter(releases.items()))
            abi = release[:-len(flavour) - 1]
            series = ".".join(abi.split(".")[:2])
            # kbuild holds programs that run on this machine.
            wanted += [f"linux-headers-{abi}-common", f"linux-kbuild-{series}:amd64"]
        missing += [f"{p}={version}" for p in wanted if not apt.has(p, version)]
        if not missing:
            return version, releases, [f"{p}={version}" for p in wanted]
        why.append(f"{version} lacks {', '.join(missing)}")
    if not why:
        raise Trouble(f"apt knows no linux-image-{arch.flavours[0]}: is the network up, and does "
                      f"the mirror carry {arch.name}?")
    raise Trouble(
        f"no {arch.name} kernel of which image, headers, headers-common and kbuild (amd64) of one\n"
        "  version are all on the mirror:\n    " + "\n    ".join(why) +
        "\n  A mirror that is being updated looks like this for some hours: run lab/setup again.")


def unpack(debs, root):
    root.mkdir()
    for deb in sorted(debs):
        subprocess.run(["dpkg", "-x", deb, root], check=True)
    # The flavour's Makefile includes the common one by absolute path; ours stands elsewhere.
    for makefile in root.glob("usr/src/linux-headers-*/Makefile"):
        text = makefile.read_text()
        makefile.write_text(re.sub(r"^include /usr/src/", f"include {root}/usr/src/", text,
                                   flags=re.M))


def link(target, name):
    """A relative link: the cache may be a mounted directory with another name elsewhere."""
    name.symlink_to(os.path.relpath(target, name.parent))


def arrange(tree, releases, arch):
    root = tree / "root"
    for flavour, release in releases.items():
        kernel = tree / "kernels" / flavour
        kernel.mkdir(parents=True)
        (kernel / "release").write_text(release + "\n")
        link(root / f"boot/vmlinuz-{release}", kernel / "vmlinuz")
        link(root / f"boot/System.map-{release}", kernel / "System.map")
        link(root / f"usr/src/linux-headers-{release}", kernel / "headers")
        link(root / f"usr/lib/linux-image-{release}", kernel / "dtbs")
        link(root / f"lib/modules/{release}", kernel / "modules")
        for name in ("vmlinuz", "headers", "dtbs"):
            if not (kernel / name).exists():
                raise Trouble("the kernel packages do not hold what was expected: "
                              f"no {name} for {release}")
    link(root / "bin/busybox", tree / "busybox")
    for xen in root.glob(f"boot/xen-*-{arch.name}"):
        link(xen, tree / "xen")


def choose(apt, arch):
    """All that is wanted: the kernel's version, its flavours' releases, [package=version]."""
    version, releases, names = choose_kernel(apt, arch)
    for package in OTHER + arch.optional:
        versions = apt.show(package)
        if versions:
            names.append(f"{package}={versions[0]['Version']}")
        elif package in OTHER:
            raise Trouble(f"the mirror has no {package} for {arch.name}; is Debian's main among "
                          "its sources?")
        else:
            say(f"{package} is not to be had; parts of bench/ and tests/silicon need it")
    return version, releases, names


def fetch(cache, current, arch, have):
    say(f"reading the {arch.name} package lists")
    apt = aptroot.PrivateApt(cache / arch.apt, aptroot.debian_sources(SUITES),
                             (arch.name, "amd64"))
    errors = apt.update()
    if errors:
        # One suite out of reach is survivable: the current release alone is enough.
        say("some package lists could not be fetched, going on with the others:")
        for line in errors[:3]:
            say("  " + line)
    version, releases, names = choose(apt, arch)
    want = "\n".join([arch.layout, version, *sorted(names), ""])
    if want == have:
        say(f"{arch.name} packages are up to date: kernel {version}")
        return
    tree = cache / f"{arch.name}-{version}.d"
    if tree.resolve() == current.resolve():
        tree = cache / f"{arch.name}-{version}-again.d"
    for old in cache.glob(f"{arch.name}-*.d"):
        if old.resolve() != current.resolve():
            shutil.rmtree(old)
    say(f"downloading kernel {version} and {len(names)} packages, about 120 MB")
    debs = cache / "debs"
    shutil.rmtree(debs, ignore_errors=True)
    apt.download(names, debs)
    say("unpacking")
    tree.mkdir()
    unpack(debs.glob("*.deb"), tree / "root")
    arrange(tree, releases, arch)
    (tree / "stamp").write_text(want)
    aptroot.swap(tree, current)
    shutil.rmtree(debs)
    say(f"{arch.name} packages are in place: kernel {version}")


def run(arch):
    parser = argparse.ArgumentParser(prog=f"lab/{arch.name}-packages", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="look for newer packages")
    parser.add_argument("-q", action="store_true", help="say nothing when nothing is to do")
    args = parser.parse_args()

    cache = aptroot.make_cache_dir()
    current = cache / arch.name
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds may start at once
        stamp = current / "stamp"
        have = stamp.read_text() if stamp.exists() else ""
        if not have.startswith(arch.layout + "\n") or args.update:
            fetch(cache, current, arch, have)
        elif not args.q:
            say(f"{arch.name} packages are in place: kernel {have.split()[1]}")


def main(arch):
    try:
        run(arch)
    except Trouble as err:
        say(str(err))
        sys.exit(1)
