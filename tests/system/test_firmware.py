# SPDX-License-Identifier: BSD-2-Clause
"""Debian's U-Boot and EDK2 for QEMU's virt boot unmodified, and keep their variables."""
import re
import time

import pytest

from labhost import hostlib

UBOOT = hostlib.firmware("u-boot.bin")
# 64 MiB each, almost all of it padding, which is put back in the host.
CODE = hostlib.firmware("AAVMF32_CODE.fd").read_bytes()
VARS = hostlib.firmware("AAVMF32_VARS.fd").read_bytes()

HOST = dict(cpus=2, add=[(UBOOT, "/fw/u-boot.bin")],
            files=[("/fw/code.fd", CODE.rstrip(b"\0")), ("/fw/vars.fd", VARS.rstrip(b"\0"))])
SHELL = r"Shell> "


def padded(host):
    for name, data in (("code", CODE), ("vars", VARS)):
        host.ok(f"truncate -s {len(data)} /fw/{name}.fd")


def start(host, rom, variables, options="", name="f"):
    host.start(f"bhyve -m 256M -l bootrom,{rom},{variables} {options} -o console=stdio {name}")


def uboot_prompt(host):
    host.expect(r"Hit any key to stop autoboot", timeout=120)
    host.send("\n")
    host.expect("=> ")


def uboot(host, command, timeout=60):
    host.send(command + "\n")
    host.expect(r"\n=> ", timeout)
    return host.child.before.decode(errors="replace")


def edk2_shell(host):
    host.expect("skip .*startup.nsh", timeout=180)
    host.send("\x1b")
    host.expect(SHELL)


def edk2(host, command):
    host.send(command + "\r")
    host.expect(r"\r\n.*" + SHELL, timeout=60)
    text = host.child.before + host.child.after
    return re.sub(r"\x1b\[[0-9;=]*[A-Za-z]", "", text.decode(errors="replace"))


@pytest.mark.all
def test_uboot_keeps_its_environment(host):
    host.ok("rm -f /tmp/env")
    start(host, "/fw/u-boot.bin", "/tmp/env")
    uboot_prompt(host)
    flash = uboot(host, "flinfo")
    assert flash.count("CFI conformant flash (32 x 16)  Size: 64 MB in 256 Sectors") == 2
    assert "OK" in uboot(host, "setenv who bhyve; saveenv", timeout=300)
    host.send("reset\n")
    status, _ = host.wait(60)
    assert status == 0
    assert host.ok("stat -c %s /tmp/env").strip() == str(256 << 10)
    start(host, "/fw/u-boot.bin", "/tmp/env")
    uboot_prompt(host)
    assert "who=bhyve" in uboot(host, "printenv who")
    host.send("poweroff\n")
    status, _ = host.wait(60)
    assert status == 1


def test_uboot_cannot_change_the_firmware(host):
    start(host, "/fw/u-boot.bin", "/tmp/env")
    uboot_prompt(host)
    code = uboot(host, "md.l 0 40").split("\n", 1)[1]
    uboot(host, "protect off 0 3ffff")
    uboot(host, "erase 0 3ffff")
    uboot(host, "cp.b 40000000 0 100")
    assert uboot(host, "md.l 0 40").split("\n", 1)[1] == code
    host.send("poweroff\n")
    status, _ = host.wait(60)
    assert status == 1


def test_uboot_has_disks_on_pci_and_virtio_mmio(host):
    for name in ("pci", "mmio"):
        host.ok(f"truncate -s 8M /tmp/{name}; printf on-{name} | "
                f"dd of=/tmp/{name} conv=notrunc 2>/dev/null")
    start(host, "/fw/u-boot.bin", "/tmp/env",
          "-s 3,virtio-blk,/tmp/pci -s 4,virtio-rnd -s mmio:0,virtio-blk,/tmp/mmio")
    uboot_prompt(host)
    uboot(host, "virtio scan")
    assert re.search(r"00\.03\.00 +0x1af4 +0x1042 ", uboot(host, "pci"))
    assert uboot(host, "virtio info").count("Capacity: 8.0 MB") == 2
    assert "virtio-rng" in uboot(host, "dm tree")
    for disk, text in enumerate(("on-mmio", "on-pci")):
        assert "is now current device" in uboot(host, f"virtio dev {disk}")
        assert "blocks read: OK" in uboot(host, "virtio read $kernel_addr_r 0 1")
        assert text in uboot(host, "md.b $kernel_addr_r 10")
    assert "blocks written: OK" in uboot(host, "virtio write $kernel_addr_r 1 1")
    host.send("poweroff\n")
    status, _ = host.wait(60)
    assert status == 1
    host.ok("head -c 6 /tmp/pci >/tmp/a; dd if=/tmp/pci bs=512 skip=1 count=1 2>/dev/null | "
            "head -c 6 | cmp - /tmp/a")


@pytest.mark.all
def test_edk2_keeps_its_variables(host):
    padded(host)
    host.ok("cp /fw/vars.fd /tmp/vars")
    before = host.ok("free -k | awk '/Mem/ { print $3 }'")
    start(host, "/fw/code.fd", "/tmp/vars")
    edk2_shell(host)
    edk2(host, "set who bhyve")
    host.send("reset\r")
    status, _ = host.wait(60)
    assert status == 0
    after = host.ok("free -k | awk '/Mem/ { print $3 }'")
    assert int(after) - int(before) < 8192
    host.ok("! cmp -s /fw/vars.fd /tmp/vars")
    start(host, "/fw/code.fd", "/tmp/vars")
    edk2_shell(host)
    assert re.search(r"who\s+=\s+bhyve", edk2(host, "set who"))
    host.send("reset -s\r")
    status, _ = host.wait(60)
    assert status == 1
    host.ok("rm /tmp/vars")


def test_flash_costs_what_is_in_it(host):
    """Two banks of 64 MiB, and the host gives a few MiB for them and the guest."""
    padded(host)
    host.ok("bhyve -m 256M -l bootrom,/fw/code.fd -o console=file:/tmp/log f & echo $! >/tmp/pid; "
            "for i in $(seq 90); do grep -q 'startup.nsh' /tmp/log && break; sleep 1; done",
            timeout=120)
    # "idle" is what it is called between an exit and the next run.
    said = host.ok("bhyvectl --list")
    listed = re.search(r"\nf +\d+ +1 +(?:running|idle) +(\d+)K", said)
    assert listed, said
    assert int(listed[1]) < 64 << 10
    host.ok("kill $(cat /tmp/pid); while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.1; done")


@pytest.mark.all
def test_edk2_boots_a_kernel(host):
    padded(host)
    start(host, "/fw/code.fd", "/tmp/kvars",
          "-c 2 -o kernel=/guest/vmlinuz -o initrd=/guest/initrd "
          f"-o fdt.bootargs='console=ttyAMA0 {hostlib.guest_run('nproc; ls /sys/firmware')}'")
    host.expect("EFI stub", timeout=180)
    host.expect("guest: ready", timeout=180)
    host.expect(r"\n2\r*\n.*\befi\b.*\nguest: exit 0", timeout=60)
    status, _ = host.wait(60)
    assert status == 1


@pytest.mark.all
def test_uboot_boots_a_kernel(host):
    start(host, "/fw/u-boot.bin", "/tmp/env",
          "-o kernel=/guest/vmlinuz -o initrd=/guest/initrd "
          f"-o fdt.bootargs='console=ttyAMA0 {hostlib.guest_run('ls /proc/device-tree/flash@0')}'")
    uboot_prompt(host)
    uboot(host, "qfw load $kernel_addr_r $ramdisk_addr_r", timeout=120)
    host.send("bootz $kernel_addr_r $ramdisk_addr_r:$filesize $fdt_addr\n")
    host.expect("guest: ready", timeout=180)
    host.expect(r"bank-width.*guest: exit 0", timeout=60)
    status, _ = host.wait(60)
    assert status == 1


def test_a_file_of_variables_is_one_vms(host):
    host.ok("bhyve -m 64M -l bootrom,/fw/u-boot.bin,/tmp/one -o console=none a & echo $! >/tmp/pid;"
            " while ! bhyvectl --vm=a --get-stats >/dev/null 2>&1; do sleep 0.1; done")
    time.sleep(1)
    status, said = host.run("bhyve -m 64M -l bootrom,/fw/u-boot.bin,/tmp/one -o console=none b")
    assert status == 4
    assert "bootvars=/tmp/one: another VM has this file" in said
    assert "\nb " not in host.ok("bhyvectl --list")
    host.ok("kill $(cat /tmp/pid); while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.1; done")


def test_files_that_are_no_firmware(host):
    host.ok("truncate -s 67108865 /tmp/large; : >/tmp/empty")
    for options, words in (
            ("bootrom,/no/such", "bootrom=/no/such: No such file"),
            ("bootrom,/tmp/empty", "bootrom=/tmp/empty: the file is empty"),
            ("bootrom,/tmp/large", "64 MiB"),
            ("bootrom,/tmp", "not a regular file"),
            ("bootrom,/fw/u-boot.bin,/no/such/vars", "bootvars=/no/such/vars: No such file"),
            ("bootrom,/fw/u-boot.bin -o fwcfg.a=/no/such", "/no/such: No such file")):
        status, said = host.run(f"bhyve -l {options} x")
        assert status == 4 and words in said, said
    assert "\nx " not in host.ok("bhyvectl --list")
