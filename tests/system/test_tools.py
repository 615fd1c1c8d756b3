# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""bhyveload, bhyve and bhyvectl do what their manual pages say: loading in all forms, consoles,
clock, exit statuses, control, figures, owners, memory. Bad input: test_badinput.py."""
import json
import re
import struct
import subprocess

import pytest
from conftest import need_tools
from labhost import TOP, hostlib

TALK = TOP / "build/armhf/tests/load/talk"
SLACK_KIB = 4096
RAW = "-b 0x40008000"  # where the small guests below are loaded
RAW_KEY = "-o kernel.address=0x40008000"

IDLE = struct.pack("<2I", 0xe320f003, 0xeafffffd)  # 1: wfi; b 1b
# mov r1, #0x09000000 (the PL011); mov r0, #'.'; 1: str r0, [r1]; b 1b
CHATTER = struct.pack("<4I", 0xe3a01409, 0xe3a0002e, 0xe5810000, 0xeafffffd)

OWN_TREE = """/dts-v1/;
/ {
	#address-cells = <1>;
	#size-cells = <1>;
	compatible = "linux,dummy-virt";
	model = "a tree of my own";
	interrupt-parent = <&gic>;
	psci { compatible = "arm,psci-1.0"; method = "hvc"; };
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a15"; reg = <0>; };
	};
	timer {
		compatible = "arm,armv7-timer";
		always-on;
		interrupts = <1 13 0x104>, <1 14 0x104>, <1 11 0x104>, <1 10 0x104>;
	};
	gic: intc@8000000 {
		compatible = "arm,cortex-a15-gic";
		interrupt-controller;
		#interrupt-cells = <3>;
		reg = <0x8000000 0x10000>, <0x8010000 0x10000>;
	};
	clock: clock {
		compatible = "fixed-clock";
		#clock-cells = <0>;
		clock-frequency = <24000000>;
	};
	uart@9000000 {
		compatible = "arm,pl011", "arm,primecell";
		reg = <0x9000000 0x1000>;
		interrupts = <0 1 4>;
		clocks = <&clock>, <&clock>;
		clock-names = "uartclk", "apb_pclk";
	};
};
"""
OVERLAY = """/dts-v1/;
/plugin/;
&{/} { from-overlay = "overlay-text"; };
&uart0 { from-overlay = "on-a-label"; };
"""
KEYS = """# as a person would write them
name=keys
cpus=2
memory.size=64M
console=stdio
kernel=/guest/tests/hvc.elf
fdt.bootargs=one two=three four

"""


def dtc(source):
    return subprocess.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb"], input=source.encode(),
                          capture_output=True, check=True).stdout


HOST = dict(cpus=2, memory=1024, add=[(TALK, "/bin/talk")], files=[
    ("/t/idle", IDLE), ("/t/chatter", CHATTER), ("/t/own.dtb", dtc(OWN_TREE)),
    ("/t/overlay.dtbo", dtc(OVERLAY)), ("/t/keys", KEYS.encode())])


@pytest.fixture(autouse=True)
def tools():
    need_tools()
    if not TALK.exists():
        pytest.skip("tests/load/talk has not been built")


@pytest.fixture(autouse=True)
def nothing_from_before(request, host):
    """No VM that a failed test left. The own tree goes into the VM of the test before."""
    if request.node.originalname != "test_raw_with_own_tree_on_a_pty":
        host.ok("for vm in /dev/vmm/*; do [ ! -e $vm ] || bhyvectl --destroy --vm=${vm##*/}; done")


def start(host, name, command):
    """bhyve in the background: its output in /tmp/NAME.out, its status in /tmp/NAME.status."""
    host.ok(f"rm -f /tmp/{name}.status; ({command} </dev/null >/tmp/{name}.out 2>&1; "
            f"echo $? >/tmp/{name}.status) & "
            f"n=0; until bhyvectl --list | grep -q '^{name} .*running'; do sleep 0.1; "
            f"n=$((n+1)); [ $n -lt 200 ] || {{ cat /tmp/{name}.out; exit 1; }}; done")


def start_raw(host, name, guest="idle", options="-o console=none"):
    start(host, name, f"bhyve -m 16M -o kernel=/t/{guest} {RAW_KEY} {options} {name}")


def until(host, condition, seconds=60):
    host.ok(f"n=0; until {condition}; do sleep 0.1; n=$((n+1)); [ $n -lt {seconds * 10} ] || "
            "{ cat /tmp/*.out; exit 1; }; done", timeout=seconds + 60)


def status_of(host, name, seconds=30):
    until(host, f"[ -s /tmp/{name}.status ]", seconds)
    return int(host.ok(f"cat /tmp/{name}.status"))


def ctl(host, command):
    return json.loads(host.ok(f"bhyvectl {command} --json"))


def stats(host, name, vcpu=0):
    return ctl(host, f"--vm={name} --get-stats")["vcpus"][vcpu]["stats"]


def free_kib(host):
    text = host.ok("sync; echo 3 >/proc/sys/vm/drop_caches; sleep 0.3; cat /proc/meminfo")
    return int(re.search(r"MemFree: +(\d+)", text).group(1))


def typed(host, command, answer, timeout=30):
    host.send(command + "\n")
    return host.expect(answer, timeout)


# ---- loading, consoles, clock, exit statuses of a Linux guest ----

def check_looking_at_a_running_guest(host, name):
    """Figures of a guest that is at its shell."""
    before = stats(host, name)
    after = stats(host, name)
    assert all(after[key] >= before[key] for key in before), (before, after)
    for key in ("exits", "exit_user", "exit_mmio", "hyp_gicd", "faults", "run_ns", "halt_ns",
                "irq_injected"):
        assert after[key] > 0, f"{key}: {after}"
    assert after["exit_mmio"] <= after["exit_user"] <= after["exits"]
    assert not after["cp15_unknown"] and not after["abt_undecoded"], after
    events = {record["event"] for record in ctl(host, f"--vm={name} --trace")["vcpus"][0]["trace"]}
    assert "exit" in events and "unknown" not in events, events
    assert ctl(host, f"--vm={name} --get-reg=vbar")
    both = ctl(host, f"--vm={name} --get-all")
    assert both["powered_on"] == "0x03" and both["running"], both


def test_zimage_with_overlay_on_a_socket(host):
    host.ok("bhyveload -c 2 -m 128M -k /guest/vmlinuz -i /guest/initrd -O /t/overlay.dtbo "
            "-a 'console=ttyAMA0 marker=blue' linux")
    start(host, "linux", "bhyve -o console=unix:/tmp/linux.sock linux")
    host.start("talk /tmp/linux.sock")
    host.expect("guest: ready", timeout=120)
    host.expect("guest# ")
    typed(host, "cat /proc/cmdline", r"\n[^\n]*marker=blue")
    typed(host, "cat /proc/device-tree/from-overlay", r"overlay-text")
    typed(host, "cat /proc/device-tree/pl011*/from-overlay", r"on-a-label")
    typed(host, "nproc", r"\n2\r*\n")
    guest = int(typed(host, "date +is-%s", r"is-(\d+)\r").group(1))
    host.send("\x03")  # to talk, which ends; bhyve goes on
    assert host.wait()[0] == 130
    assert 0 <= int(host.ok("date +%s")) - guest <= 60
    check_looking_at_a_running_guest(host, "linux")
    host.start("talk /tmp/linux.sock")  # the next client
    typed(host, "echo n=$((6*7))", r"\nn=42\r*\n")
    host.send("reboot -f\n")
    assert host.wait(60)[0] == 0  # the socket was closed
    assert status_of(host, "linux") == 0
    host.ok("[ ! -e /tmp/linux.sock ]")
    status, text = host.run("bhyve linux")
    assert status == 4 and "has ended" in text, text


def test_raw_with_own_tree_on_a_pty(host):
    """In the VM that ran before, if it is there."""
    host.ok("bhyveload -m 128M -b 0x42000000 -k /guest/vmlinuz -i /guest/initrd -d /t/own.dtb "
            "-a console=ttyAMA0 linux")
    start(host, "linux", "bhyve -o console=pty linux")
    pty = re.search(r"bhyve: console: (/dev/pts/\d+)", host.ok("cat /tmp/linux.out")).group(1)
    host.ok(f"cat {pty} >/tmp/pty.out 2>&1 &")
    until(host, "grep -q 'guest# ' /tmp/pty.out", 120)
    host.ok(f"echo 'cat /proc/device-tree/model; grep MemTotal /proc/meminfo' >{pty}")
    until(host, "grep -q MemTotal: /tmp/pty.out")
    text = host.ok("cat /tmp/pty.out")
    assert "a tree of my own" in text
    assert 90000 < int(re.search(r"MemTotal: +(\d+)", text).group(1)) < 131072
    host.ok(f"echo 'poweroff -f' >{pty}")
    assert status_of(host, "linux") == 1
    until(host, f"[ ! -e {pty} ]")
    host.ok("bhyvectl --destroy --vm=linux")


@pytest.mark.all
def test_eight_vcpus(host):
    script = hostlib.guest_run("echo cpus $(nproc); grep MemTotal /proc/meminfo")
    status, text = host.run("bhyve -c 8 -m 512M -o kernel=/guest/vmlinuz -o initrd=/guest/initrd "
                            f"-o fdt.bootargs='console=ttyAMA0 {script}' eight", timeout=240)
    # its kernel may speak in between: 8 vCPUs on 2 CPUs are late now and then
    assert status == 1 and re.search(r"^cpus 8\r*$", text, re.M), text[-2000:]
    assert 480000 < int(re.search(r"MemTotal: +(\d+)", text).group(1)) < 524288


# ---- small guests ----

def test_keys(host):
    """Keys of a file, options over them, a file as the console."""
    host.ok("rm -f /tmp/console")
    assert host.run("bhyve -k /t/keys -o console=file:/tmp/console") == (1, "")
    assert "PASS hvc" in host.ok("cat /tmp/console; rm /tmp/console")
    assert ctl(host, "--list") == []  # the VM was bhyve's own
    start(host, "keys", "bhyve -k /t/keys -o kernel=/t/idle -o kernel.address=0x40008000 -c 8 "
          "-m 512M -o console=none")
    both = ctl(host, "--vm=keys --get-all")
    assert [vcpu["vcpu"] for vcpu in both["vcpus"]] == list(range(8))
    assert (both["memory"][0]["len"], both["powered_on"]) == ("0x20000000", "0x01")
    host.ok("bhyvectl --vm=keys --suspend=poweroff")
    assert status_of(host, "keys") == 1


@pytest.mark.parametrize("form", ["elf", "bin"])
def test_bare_metal(host, form):
    """PASS and off, through bhyveload and by direct boot. On a terminal, large files show how far
    they have come."""
    raw = (RAW, RAW_KEY) if form == "bin" else ("", "")
    kernel = f"/guest/tests/hvc.{form}"
    host.ok(f"bhyveload -m 16M {raw[0]} -k {kernel} small")
    for command in ("bhyve small", f"bhyve -D -m 16M {raw[1]} -o kernel={kernel} small"):
        status, text = host.run(command + " </dev/null")
        assert status == 1 and "PASS hvc" in text, text
    assert ctl(host, "--list") == []  # -D
    text = host.ok("bhyveload -m 64M -k /guest/vmlinuz small; bhyvectl --destroy --vm=small")
    assert text.startswith("\r/guest/vmlinuz: 1 of 5 MiB\r"), text


@pytest.mark.parametrize("how,expected", [("--suspend=reset", 0), ("--force-reset", 0),
                                          ("--suspend=poweroff", 1), ("--force-poweroff", 1),
                                          ("--suspend=halt", 2), ("--destroy", 4)])
def test_exit_status(host, how, expected):
    start_raw(host, "x")
    host.ok(f"bhyvectl --vm=x {how}")
    assert status_of(host, "x") == expected
    lines = host.ok("cat /tmp/x.out").splitlines()
    assert lines == (['bhyve: VM "x" was destroyed'] if how == "--destroy" else [])
    assert ctl(host, "--list") == []


@pytest.mark.parametrize("signal", ["TERM", "INT", "HUP"])
def test_signals_power_off(host, signal):
    start_raw(host, "x")
    host.ok(f"kill -{signal} $(pidof bhyve)")
    assert status_of(host, "x") == 1
    assert ctl(host, "--list") == []


def test_keep_and_destroy(host):
    start_raw(host, "x", options="-o console=none -o keep=true")
    host.ok("bhyvectl --vm=x --suspend=poweroff")
    assert status_of(host, "x") == 1
    assert [vm["name"] for vm in ctl(host, "--list")] == ["x"]
    start_raw(host, "x", options="-o console=none -D -o keep=true")
    host.ok("bhyvectl --vm=x --suspend=reset")
    assert status_of(host, "x") == 0
    assert [vm["name"] for vm in ctl(host, "--list")] == ["x"]  # not powered off
    start_raw(host, "x", options="-o console=none -D -o keep=true")
    host.ok("bhyvectl --vm=x --suspend=poweroff")
    assert status_of(host, "x") == 1
    assert ctl(host, "--list") == []


def test_pinned(host):
    start_raw(host, "x", "chatter", options="-o console=none -c 2 -p 0:1 -o vcpu.1.cpuset=0")
    text = host.ok("grep -h -e Name -e Cpus_allowed_list /proc/$(pidof bhyve)/task/*/status")
    assert re.search(r"vcpu 0\nCpus_allowed_list:\s*1\n", text), text
    assert re.search(r"vcpu 1\nCpus_allowed_list:\s*0\n", text), text
    host.ok("bhyvectl --vm=x --suspend=poweroff")
    assert status_of(host, "x") == 1


# ---- bhyvectl ----

LISTED = {"name", "uid", "vcpus", "running", "mem_bytes"}
INFO = {"abi_version", "arch", "build", "max_vcpus", "host_cpus", "list_registers", "cntfrq",
        "ipa_bits", "vmid_bits", "vms"}


def counters():
    """Their names, in the ABI's order."""
    text = (TOP / "include/vmm/vmm_stat.h").read_text().split("VMM_TRACE_LIST")[0]
    return re.findall(r'X\([A-Z0-9_]+,\s*(?:\\\s*)?"(\w+)"', text)


def test_create_list_destroy(host):
    assert ctl(host, "--list") == []
    assert host.ok("bhyvectl --create --vm=a; bhyvectl --create --vm=b --gid=0") == ""
    listed = {vm["name"]: vm for vm in ctl(host, "--list")}
    assert set(listed["a"]) == LISTED and set(listed["b"]) == LISTED | {"gid"}
    assert listed["a"] == dict(name="a", uid=0, vcpus=0, running=False, mem_bytes=0)
    assert ctl(host, "--vm=a --info") == listed["a"]
    text = host.ok("bhyvectl --list")
    assert text.splitlines()[0].split() == ["NAME", "UID", "VCPUS", "STATE", "MEMORY"]
    assert ["a", "0", "0", "idle", "0K"] in [line.split() for line in text.splitlines()]
    info = ctl(host, "--info")
    assert set(info) == INFO
    assert (info["arch"], info["host_cpus"], info["vms"], info["max_vcpus"]) == ("armv7", 2, 2, 8)
    assert re.search(r"^arch +armv7$", host.ok("bhyvectl --info"), re.M)
    assert host.ok("bhyvectl --destroy --vm=a; bhyvectl --destroy --vm=b") == ""
    assert ctl(host, "--list") == []


def test_looking_at_a_guest(host):
    """Text and JSON say the same; a vCPU can be stopped, changed and continued."""
    host.ok("rm -f /tmp/console")
    start_raw(host, "x", "chatter", "-o console=file:/tmp/console")
    first, second = stats(host, "x"), stats(host, "x")
    assert list(first) == counters()
    assert all(second[key] >= first[key] for key in first)
    assert second["exit_mmio"] > first["exit_mmio"] > 0 and second["exits"] > first["exits"]
    host.ok("bhyvectl --vm=x --pause; sleep 0.2")  # the rest goes faster with it stopped
    text = host.ok("bhyvectl --vm=x --get-stats")
    assert [line.split()[0] for line in text.splitlines()] == ["vcpu", *counters()]
    trace = ctl(host, "--vm=x --trace --cpu=0")["vcpus"][0]
    assert set(trace) == {"vcpu", "trace", "lost"} and trace["vcpu"] == 0
    assert {"exit", "mmio"} <= {record["event"] for record in trace["trace"]}
    assert all(set(record) == {"time", "event", "a", "b"} for record in trace["trace"])
    times = [record["time"] for record in trace["trace"]]
    assert times == sorted(times)
    assert "0x9000000" in host.ok("bhyvectl --vm=x --trace")
    first, second = ctl(host, "--vm=x --get-all"), ctl(host, "--vm=x --get-all")
    assert first["paused"] == "0x01" and first["suspended"] == "0x00"
    assert first["memory"] == [dict(gpa="0x0040000000", len="0x01000000", segid=0, prot=7)]
    registers = first["vcpus"][0]["registers"]
    assert registers == second["vcpus"][0]["registers"]
    assert (registers["r0"], registers["r1"]) == ("0x0000002e", "0x09000000")
    assert registers["pc"] in ("0x40008008", "0x4000800c")
    assert ctl(host, "--vm=x --get-reg=PC") == {"pc": registers["pc"]}
    assert re.search(r"^r1 +0x09000000$", host.ok("bhyvectl --vm=x --get-all"), re.M)
    size = host.ok("stat -c %s /tmp/console; sleep 0.3; stat -c %s /tmp/console").split()
    assert size[0] == size[1]
    host.ok("bhyvectl --vm=x --set-reg=r0:0x41; bhyvectl --vm=x --resume")
    until(host, "tail -c 1 /tmp/console | grep -q A")
    host.ok("bhyvectl --vm=x --set-reg=r0:66")  # also while it runs
    until(host, "tail -c 1 /tmp/console | grep -q B")
    host.ok("bhyvectl --vm=x --suspend=poweroff")
    assert status_of(host, "x") == 1
    assert re.fullmatch(r"\.+A+B+", host.ok("tr -s .AB </tmp/console; rm /tmp/console"))


# ---- owners, memory ----

def test_owners(host):
    """The user who made it, a group if it was said, and root; nobody else."""
    host.ok("echo team:x:2000:user,other >>/etc/group; echo third:x:1002:1002::/tmp:/bin/sh "
            ">>/etc/passwd; echo third:x:1002: >>/etc/group")

    def may(user, command):
        return host.run(f"su {user} -c '{command}'")[0]

    load = f"bhyveload -m 16M {RAW} -k /guest/tests/hvc.bin"
    assert may("user", f"{load} mine") == 0
    assert may("user", f"{load} -g 2000 ours") == 0
    assert {vm["name"]: (vm["uid"], vm.get("gid")) for vm in ctl(host, "--list")} == \
        {"mine": (1000, None), "ours": (1000, 2000)}
    for command in ("bhyvectl --vm=mine --get-all", f"{load} mine", "bhyvectl --vm=mine --destroy",
                    "bhyvectl --vm=mine --suspend=halt"):
        assert may("other", command) == 1, command
    assert may("other", "bhyve mine") == 4
    assert may("other", "bhyvectl --vm=ours --get-all") == 0
    assert may("other", "bhyve ours") == 1  # powered off
    assert may("other", f"{load} ours") == 0
    assert may("third", "bhyvectl --vm=ours --get-all") == 1
    assert may("other", "bhyvectl --vm=ours --destroy") == 1  # that is the owner's
    assert may("user", "bhyve mine") == 1 and may("user", f"{load} mine") == 0
    host.ok("bhyvectl --vm=mine --get-all")  # root
    assert host.run("bhyve mine")[0] == 1
    assert may("user", "bhyvectl --destroy --vm=mine") == 0
    host.ok("bhyvectl --destroy --vm=ours")


def charged(host):
    """Bytes that the control group t is charged for; None without memory control."""
    status, text = host.run(
        "mkdir -p /tmp/cg; grep -q /tmp/cg /proc/mounts || mount -t cgroup2 none /tmp/cg; "
        "echo +memory >/tmp/cg/cgroup.subtree_control; mkdir -p /tmp/cg/t; "
        "cat /tmp/cg/t/memory.current")
    return int(text.split()[-1]) if status == 0 else None


def test_memory(host):
    """Allocated when it is touched, charged to the one who touches it, freed at the end."""
    before, empty = free_kib(host), charged(host)
    host.ok(f"truncate -s 20M /tmp/initrd; echo 0 >/tmp/cg/t/cgroup.procs; bhyveload -m 512M "
            f"{RAW} -k /t/idle -i /tmp/initrd large; rm /tmp/initrd")
    used = ctl(host, "--vm=large --info")["mem_bytes"]
    assert 20 << 20 <= used <= 28 << 20
    assert free_kib(host) < before - (18 << 10)
    if empty is not None:
        assert charged(host) - empty > 18 << 20
    host.ok("bhyveload -m 512M -k /guest/tests/hvc.elf large")  # the earlier guest's is given up
    assert ctl(host, "--vm=large --info")["mem_bytes"] <= 8 << 20
    host.ok("bhyvectl --destroy --vm=large")
    assert free_kib(host) > before - SLACK_KIB
    if empty is not None:
        assert charged(host) - empty < 8 << 20


# ---- manual pages ----

def documented(tool):
    """The options and keys in the lists of a manual page."""
    text = (TOP / f"man/{tool}.8").read_text()
    items = re.findall(r"^\.It (.*)$", text, re.M)
    options = {name.replace("Fl ", "-") if name.startswith("Fl Fl") else f"-{name[3:]}"
               for item in items for name in re.findall(r"Fl Fl [\w-]+|Fl \w\b", item)}
    options = {re.sub(r"^-+", lambda m: m.group(0)[:2], o.replace(" ", "")) for o in options}
    options |= {f"--{o}" for o in re.findall(r"^\.(?:Op )?Fl Fl ([\w-]+)", text, re.M)}
    keys = set()
    if ".Sh KEYS" in text:
        part = re.sub(r"\.Bl[^\n]*-compact.*?\.El", "", text.split(".Sh KEYS")[1], flags=re.S)
        part = part.split(".Sh ")[0].replace(r"\&. Ns Ar N Ns Cm .", ".N.")
        part = re.sub(r"\\&\. Ns Ar (\w+)", r".\1", part)
        keys = set(re.findall(r"^\.It Cm (\S+)", part, re.M))
    return options, keys


@pytest.mark.parametrize("tool", ["bhyve", "bhyveload", "bhyvectl"])
def test_manual_page_and_help_agree(host, tool):
    text = host.ok(f"{tool} -h")
    if tool == "bhyvectl":
        assert host.ok("bhyvectl --help") == text
        said = set(re.findall(r"(?<![\w-])--[\w-]+", text)) | {"-h"}
    else:
        columns = re.findall(r"^  (-\w\b.*?)(?:  |$)", text, re.M)
        said = {option for column in columns for option in re.findall(r"(?<!\S)-\w\b", column)}
    options, keys = documented(tool)
    assert said == options
    if tool == "bhyve":
        listed = set(re.findall(r"^ {7}([\w.]+)=", text, re.M))
        listed |= set(re.search(r"also: (.*)", text).group(1).split(", "))
        # devices' keys, and those that are taken without effect, have no lines of their own
        more = {key for key in keys if re.match(r"pci|virtio_|acpi_tables|rtc\.", key)}
        assert listed == keys - more
    page = (TOP / f"man/{tool}.8").read_text().replace("\n", " ")
    for status in re.findall(r"(\d) (\w+)", re.search(r"Exit status: (.*)", text).group(1)):
        assert re.search(rf"\b{status[0]}\b", page.split(".Sh EXIT STATUS")[1]), status


def devices_in_help(text):
    """{device: {option: what holds without it, or None}} of bhyve -s help."""
    found = {}
    for line in text.splitlines():
        name = re.match(r"(\w[\w-]*)( \(PCI only\))?$", line)
        option = re.match(r"    ([\w]+)(=[A-Z]+)? {2,}(.*)$", line)
        if name:
            found[name.group(1)] = {}
        elif option:
            default = re.search(r" \(([^()]*)\)(; first, without key)?$", option.group(3))
            key = option.group(1) if option.group(1) != "NAME" else "name"
            found[list(found)[-1]][key] = default.group(1) if default and option.group(2) else None
    return found


def devices_in_manual(text):
    """{device: {option: its text}} of bhyve(8)."""
    found = {}
    for section in text.split(".Sh DEVICES")[1].split("\n.Sh ")[0].split("\n.Ss ")[1:]:
        name, rest = section.split("\n", 1)
        rest = re.sub(r"\n\.Bl[^\n]*-compact.*?\n\.El", "", rest, flags=re.S)
        items = re.split(r"\n\.It (?:Cm|Ar) (\w+)", "\n" + rest)
        found[name] = dict(zip(items[1::2], items[2::2]))
    return found


def test_devices_agree(host):
    """bhyve -s help, which is the models' own tables; bhyve(8); docs/devices.md."""
    models = devices_in_help(host.ok("bhyve -s help"))
    manual = devices_in_manual((TOP / "man/bhyve.8").read_text())
    assert {"hostbridge", "virtio-blk", "virtio-net"} <= set(models)
    assert list(manual) == list(models)
    docs = {section.split(":")[0]: section for section in
            (TOP / "docs/devices.md").read_text().split("\n## ")}
    for device, options in models.items():
        assert list(manual[device]) == list(options), device
        for option, default in options.items():
            words = " ".join(manual[device][option].replace("\n.Cm", "").split())
            if default and not default.startswith("must be given") and device != "hostbridge" and \
                    option not in ("tap", "bridge", "hostfwd"):
                assert f"default is {default}".replace(", only ports", "") in words, (option, words)
            if option != "name":
                assert re.search(rf"`{option}[=`]", docs[device]), f"docs/devices.md: {option}"
