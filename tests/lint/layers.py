# SPDX-License-Identifier: BSD-2-Clause
"""Who may include whom. One table; tests/lint/run holds the tree to it.

An area is a directory and what is below it, except where a longer name in the table takes over.
"sees" lists the areas whose headers may be included; "system" the headers from outside the tree
(None: any). What is not in the table is free.
"""
from pathlib import Path, PurePosixPath

# Each OS's glue supplies these for its kernel, and HYP has its own.
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "limits.h", "string.h"}
# No kernel's headers and no ARM register reach these.
HOSTED = None

AREAS = {
    "include/vmm": dict(sees=("include/vmm",), system={"stdint.h", "stddef.h"}),
    "sys/core": dict(sees=("include/vmm", "sys/core"), system=FREESTANDING),
    # The width's own headers come by include path, and both widths have each of them.
    "sys/arm": dict(sees=("include/vmm", "sys/core", "sys/arm"), system=FREESTANDING,
                    width_headers=True),
    # sysreg_fake.h is what stands in for registers where there are none (unit tests);
    # hyp_offsets.h is generated.
    "sys/armv7": dict(sees=("include/vmm", "sys/core", "sys/arm", "sys/armv7"),
                      system=FREESTANDING | {"sysreg_fake.h", "hyp_offsets.h"},
                      headers=("sys/os/fake/sysreg_fake.h",)),
    "sys/aarch64": dict(sees=("include/vmm", "sys/core", "sys/arm", "sys/aarch64"),
                        system=FREESTANDING | {"sysreg_fake.h", "hyp_offsets.h"},
                        headers=("sys/os/fake/sysreg_fake.h",)),
    "sys/os/linux": dict(sees=("include/vmm", "sys/core", "sys/arm", "sys/os/linux"),
                         system_prefix=("linux/", "asm/", "uapi/"), system=FREESTANDING,
                         width_headers=True),
    "sys/os/freebsd": dict(sees=("include/vmm", "sys/core", "sys/arm", "sys/os/freebsd"),
                           system_prefix=("sys/", "machine/", "vm/", "dev/"), system=FREESTANDING,
                           width_headers=True),
    "sys/os/fake": dict(sees=("include/vmm", "sys/core", "sys/arm", "sys/os/fake"), system=HOSTED,
                        width_headers=True),
    "lib/libvmmapi": dict(sees=("include/vmm", "lib/libvmmapi"), system=HOSTED),
    # What bhyve and bhyveload share: kernels, initrds, device trees.
    "lib/libboot": dict(sees=("include/vmm", "lib/libvmmapi", "lib/libboot"), system=HOSTED),
    "bhyve": dict(sees=("include/vmm", "lib/libvmmapi", "lib/libboot", "bhyve", "bhyve/dev"),
                  system=HOSTED),
    # A device sees the device interface, virtqueues, guest memory, interrupts; not the run loop.
    "bhyve/dev": dict(sees=("bhyve/dev",), headers=(
        "bhyve/device.h", "bhyve/virtqueue.h", "bhyve/guest_mem.h", "bhyve/pci.h",
        "bhyve/virtio_pci.h", "bhyve/devconf.h", "bhyve/control.h", "bhyve/doorbell.h",
        "bhyve/block_if.h", "bhyve/net_backend.h", "bhyve/net_vhost.h", "bhyve/debug.h",
        "bhyve/chardev.h", "bhyve/console.h", "bhyve/event.h", "bhyve/host.h",
        "bhyve/iov.h"), system=HOSTED),
    "bhyveload": dict(sees=("include/vmm", "lib/libvmmapi", "lib/libboot", "bhyveload"),
                      system=HOSTED),
    "bhyvectl": dict(sees=("include/vmm", "lib/libvmmapi", "bhyvectl"), system=HOSTED),
}
WIDTHS = ("sys/armv7", "sys/aarch64")
KERNEL_SEARCH = ("include", "sys/core", "sys/arm", "sys/armv7", "sys/aarch64", "sys/os/fake")
USER_SEARCH = ("include", "lib/libvmmapi", "lib/libboot", "bhyve", "bhyve/dev")


def area_of(path):
    text = PurePosixPath(path).as_posix()
    best = ""
    for name in AREAS:
        if (text == name or text.startswith(name + "/")) and len(name) > len(best):
            best = name
    return best


def resolve(path, name, quoted, tree):
    """The file of the tree that an #include means, or None for one from outside."""
    if quoted:
        near = normal(Path(path).parent / name)
        if near in tree:
            return near
    # A width's own headers are found in that width first.
    own = area_of(path)
    rest = KERNEL_SEARCH if own.startswith("sys/") else USER_SEARCH
    for directory in ([own] if own else []) + [d for d in rest if d != own]:
        candidate = normal(Path(directory) / name)
        if candidate in tree:
            return candidate
    return None


def normal(path):
    parts = []
    for part in Path(path).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return Path(*parts)


def objection(path, name, quoted, tree):
    """Why this #include breaks a rule, or None."""
    area = area_of(path)
    if name.startswith("linux/") and area and area != "sys/os/linux" and area.startswith("sys/"):
        return f"<{name}>: only sys/os/linux sees Linux's headers"
    if not area:
        return None
    rule = AREAS[area]
    target = resolve(path, name, quoted, tree)
    if target is None:
        if rule["system"] is None or name in rule["system"] or \
                name.startswith(rule.get("system_prefix", ("\0",))):
            return None
        return f"<{name}>: {area} may not include it"
    there = area_of(target)
    if there in rule["sees"] or target.as_posix() in rule.get("headers", ()):
        return None
    if rule.get("width_headers") and there in WIDTHS and "/" not in name:
        return None
    return f'"{name}" ({target}): {area} may not see {there or target.parent}'


def needs_kernel(path):
    return path.parts[:3] in (("sys", "os", "linux"), ("sys", "os", "freebsd"))


def include_path(path):
    """Where the build looks for the headers that this header includes."""
    area = area_of(path)
    width = "sys/aarch64" if area == "sys/aarch64" else "sys/armv7"
    kernel = ["include", "sys/core", "sys/arm", width, "sys/os/fake"]
    if path.parts[:2] in (("tests", "unit"), ("tests", "fuzz")):
        return [*USER_SEARCH, *kernel, "tests/unit", path.parent]
    if area.startswith("sys/"):
        return [*kernel, path.parent]
    return [*USER_SEARCH, path.parent]
