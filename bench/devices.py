# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""What devices cost (bench/guest/io.c): a run of the I/O bench guest on the lab's host, with a disk
and a network, and what bhyve itself takes. bench/run prints it, tests/system/test_bench.py holds
it to its limits."""
import array
import re
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
GUESTS = TOP / "build/bench"
INSTRUCTIONS_A_TICK = 16  # of CNTVCT, under icount shift=0
DISK_BYTES = 16 << 20  # brd's
# The host's module and the ends of the wire; each has the guest's peer at 10.0.2.2.
NETWORKS = {
    "slirp": dict(device="virtio-net,slirp", peer="127.0.0.1"),
    "tap": dict(device="virtio-net,tap:bench,vhost=off", peer="10.0.2.2", tap=True),
    "vhost": dict(device="virtio-net,tap:bench,vhost=on", peer="10.0.2.2", tap=True,
                  modules=("vhost_net",)),
}
DEFAULT_NETWORKS = ("slirp", "tap", "vhost")
# to reach, from the project's goals: exits to user space for 1000 requests to a disk, KiB
EXITS_TO_REACH = 10
GOALS = {"private_kib": 8192}
MODULES = ("brd", "tun")  # a RAM disk: what a block device or a file in the page cache costs

# The reader sleeps in read() but for a line of the guest's, who sleeps then, too.
RUN = """
STALLED=120 # virtual seconds, which pass at once where nobody does anything
counters() {
	bhyvectl --get-stats --vm=$vm |
		awk '/^(exit_user|doorbells|irq_injected) / { print "io:", $1, $2 }'
}
private() {
	awk '/^[0-9a-f]+-/ { skip = /\\/dev\\/vmm\\// }
		/^Private_/ && !skip { n += $2 } END { print "io: private", n }' \\
		$(for p in $(pidof bhyve); do echo /proc/$p/smaps; done)
}
watch_guest() {
	while read -r line; do
		case $line in
		*"bench: begin"*) echo "$line"; private; counters ;;
		*bench:*) echo "$line" ;;
		*) counters ;;
		esac
	done
}
run_io() {
	echo "io: network $1"
	vm=$1
	shift
	timeout $STALLED bhyve -c 1 -m 64M -o kernel=/bench/bench-io.elf -o console=stdio "$@" $vm \
		</dev/null 2>&1 | watch_guest
}
others="-s 5,virtio-console,port1=unix:/tmp/port -s 6,virtio-rnd"
cat /bench/disk >/dev/ram0
"""
# The kernel takes a second to make its first random numbers, for whoever asks first.
START = """
head -c 1 /dev/random >/dev/null
/bench/launch /bin/bhyve -c 1 -m 64M -o kernel=/bench/bench-off.elf -o console=stdio -o keep=true \\
	-s 3,virtio-blk,/dev/ram0 -s 4,virtio-net,slirp $others off </dev/null | sed 's/^/io: /'
bhyvectl --trace --vm=off | grep -m 1 enter | sed 's/^/io: first /'
bhyvectl --destroy --vm=off
"""
# bhyve makes the tap; the guest sleeps for two seconds before it asks for anybody.
TAP = "(while ! ip addr add 10.0.2.2/24 dev bench 2>/dev/null; do sleep 0.1; done; "
DISK = "cmp /dev/ram0 /bench/inverse && echo io: disk right\n"


def words(invert):
    return array.array("I", (i * 2654435761 & 0xffffffff ^ invert
                             for i in range(DISK_BYTES // 4))).tobytes()


def build():
    """The guests and their disk; what lab/host is to --add."""
    subprocess.run([TOP / "bench/guest/build", GUESTS], check=True)
    (GUESTS / "disk").write_bytes(words(0))
    (GUESTS / "inverse").write_bytes(words(0xffffffff))
    return [(GUESTS / name, f"/bench/{name}")
            for name in ("bench-io.elf", "bench-off.elf", "peer", "launch", "disk", "inverse")]


def script(networks, start=True):
    """For the host's shell. The first network's guest has the disk as well."""
    text = RUN + (START if start else "")
    disk = "-s 3,virtio-blk,/dev/ram0 $others"
    for name in networks:
        net = NETWORKS[name]
        text += (TAP if net.get("tap") else "") + f"/bench/peer {net['peer']}" + \
            (")" if net.get("tap") else "") + " &\n" + \
            f"run_io {name} {disk} -s 4,{net['device']}\nwait\n"
        if disk:
            text += DISK
        disk = ""
    return text


class DeviceError(Exception):
    """What the host printed makes no sense; shows its end."""


def parse(text):
    """What the script said: {row: (instructions, and for a thousand of them exits to user space,
    doorbells, interrupts)}, and {figure: N} of bhyve itself."""
    rows, figures, network, name, rounds, seen = {}, {}, "", "", 1, {}
    launched = first = None
    for line in text.replace("\r", "").splitlines():
        if m := re.match(r"io: network (\w+)$", line):
            network = m.group(1)
        elif m := re.match(r"bench: begin (\w+) (\d+)$", line):
            name, rounds, seen = m.group(1), int(m.group(2)), {}
        elif m := re.match(r"io: private (\d+)$", line):
            figures["private_kib"] = max(int(m.group(1)), figures.get("private_kib", 0))
        elif m := re.match(r"io: (exit_user|doorbells|irq_injected) (\d+)$", line):
            seen.setdefault(m.group(1), []).append(int(m.group(2)))
        elif m := re.match(r"io: launched (\d+)$", line):
            launched = int(m.group(1))
        elif m := re.match(r"io: first +(\d+) ", line):
            first = int(m.group(1))
        elif line == "io: disk right":
            figures["disk_right"] = 1
        elif (m := re.match(r"bench: (\w+) (\d+)$", line)) and m.group(1) == name:
            row = name.replace("net_", network + "_")
            rows[row] = (int(m.group(2)),) + tuple(
                (seen[c][-1] - seen[c][0]) * 1000 // rounds
                for c in ("exit_user", "doorbells", "irq_injected"))
    if text.count("bench: done") != text.count("io: network"):
        raise DeviceError("a bench guest did not finish:\n    " +
                          "\n    ".join(text.splitlines()[-15:]))
    if launched and first:
        figures["start"] = (first - launched) * INSTRUCTIONS_A_TICK
    return rows, figures


def measure(networks):
    """Builds, runs and counts it all: what parse() gives."""
    modules = sum((NETWORKS[name].get("modules", ()) for name in networks), MODULES)
    command = [TOP / "lab/host", "--icount", "--cpus", "1", "--timeout", "600", "--modules",
               ",".join(modules), "--run", script(networks)]
    for here, there in build():
        command += ["--add", f"{here}:{there}"]
    host = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", check=False)
    return parse(host.stdout + host.stderr)
