# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""A guest's network card whose queues the host's kernel serves (vhost-net), through Debian's own
driver: traffic both ways without bhyve, the driver coming and going, bhyve killed in between."""
import re

import pytest

from labhost import hostlib

# The guest does what files say that the host serves; what it did, it says on its console.
GUEST = """
up() {
	ip addr add 192.168.9.2/24 dev eth0
	ip link set eth0 up
	until ping -c 1 -W 1 192.168.9.1 >/dev/null; do sleep 1; done
}
up
echo guest: up
n=0
while :; do
	n=$((n + 1))
	until wget -q -O /do http://192.168.9.1:8000/do-$n 2>/dev/null; do usleep 300000; done
	. /do
	echo "guest: did $n"
done
"""
BULK = 4 << 20
# Times that bhyve's thread may have to run while hundreds of frames pass: the guest's IPv6 joins
# groups when it likes, and each time the driver sends a receive filter through the control queue.
FILTERS = 10


def initrd():
    try:
        return hostlib.guest_initrd(GUEST, modules=("virtio_pci", "virtio_mmio", "virtio_net"))
    except hostlib.LabError:
        return b""  # the test that uses it is skipped, as the tools are missing


HOST = dict(cpus=2, memory=1024, modules=["tun", "vhost_net"],
            files=[("/guest/vhost", initrd())])


class Guest:
    def __init__(self, host, options="vhost=on", place="4", vcpus=1, args=""):
        self.host, self.steps = host, 0
        host.ok("mkdir -p /www && rm -f /www/* /tmp/out && sync; "
                "netstat -tln | grep -q :8000 || httpd -p 8000 -h /www")
        host.ok(f"bhyve -c {vcpus} -m 160M -o kernel=/guest/vmlinuz -o initrd=/guest/vhost "
                f"-o console=stdio -o fdt.bootargs='console=ttyAMA0 quiet {args}' "
                f"-s {place},virtio-net,tap0,{options} v >/tmp/out 2>&1 </dev/null & "
                "echo $! >/tmp/pid; "
                "until ip addr add 192.168.9.1/24 dev tap0 2>/dev/null; do usleep 200000; done")
        self.await_line("guest: up")

    def await_line(self, text, timeout=90):
        status, _ = self.host.run(
            f"for i in $(seq {timeout * 4}); do grep -q '{text}' /tmp/out && exit 0; "
            "[ -d /proc/$(cat /tmp/pid) ] || exit 2; usleep 250000; done; exit 1", timeout + 30)
        assert status == 0, self.output()

    def begin(self, script):
        self.steps += 1
        self.host.ok(f"cat >/www/new <<'END'\n{script}\nEND\nmv /www/new /www/do-{self.steps}")

    def end(self, timeout=90):
        self.await_line(f"guest: did {self.steps}", timeout)

    def do(self, script, timeout=90):
        self.begin(script)
        self.end(timeout)

    def output(self):
        return self.host.ok("cat /tmp/out")

    def counters(self):
        """What passed by bhyve, and what did not."""
        text = self.host.ok("bhyvectl --get-stats --vm=v; for t in /proc/$(cat /tmp/pid)/task/*; "
                            "do [ \"$(cat $t/comm)\" = virtio-net ] && "
                            "sed -n 's/^voluntary_ctxt_switches:/wakes/p' $t/status; done; "
                            "for n in rx tx; do for u in packets bytes; do "
                            "echo ${n}_$u $(cat /sys/class/net/tap0/statistics/${n}_$u); "
                            "done; done")
        found = {}
        for name, value in re.findall(r"^(\w+)\s+(\d+)\b", text, re.M):
            found[name] = found.get(name, 0) + int(value)
        return found

    def cost(self, work):
        """What counters grew by while work() was done."""
        before = self.counters()
        work()
        return {name: n - before.get(name, 0) for name, n in self.counters().items()}

    def power_off(self):
        self.begin("poweroff -f")
        self.host.ok("for i in $(seq 120); do [ -d /proc/$(cat /tmp/pid) ] || exit 0; "
                     "usleep 250000; done; exit 1", timeout=60)


def bulk(guest):
    """A file each way over TCP, and what arrived. Not by nc: busybox's ends when the peer has no
    more to say, whatever it has left itself."""
    host = guest.host
    host.ok(f"[ -e /big ] || head -c {BULK} /dev/urandom >/big; ln -sf /big /www/big", timeout=120)
    want = host.ok("md5sum </big").split()[0]
    seen = guest.output().count(want)
    guest.do("wget -q -O /big http://192.168.9.1:8000/big; md5sum </big; "
             "pidof httpd >/dev/null || httpd -p 8001 -h /", 240)
    assert guest.output().count(want) == seen + 1
    assert host.ok("wget -q -O - http://192.168.9.2:8001/big | md5sum", 240).split()[0] == want


def pings(guest, count):
    out = guest.host.ok(f"ping -A -q -c {count} 192.168.9.2", timeout=90)
    assert f"{count} packets received, 0% packet loss" in out


def vhost_threads(host):
    return int(host.ok("ps -o comm | grep -c ^vhost-; true"))


def test_traffic(host):
    """Neither bhyve's threads nor VM_RUN's caller has anything to do with frames."""
    guest = Guest(host)
    assert vhost_threads(host) == 1
    few = guest.cost(lambda: pings(guest, 50))
    many = guest.cost(lambda: pings(guest, 400))
    assert many["tx_packets"] >= 400 and many["doorbells"] >= 300
    assert few["wakes"] + many["wakes"] <= FILTERS
    assert many["exit_mmio"] - few["exit_mmio"] < 40
    moved = guest.cost(lambda: bulk(guest))
    assert moved["wakes"] <= FILTERS
    for way in ("rx", "tx"):  # segments are left to the other side
        assert moved[f"{way}_bytes"] > BULK
    assert moved["rx_bytes"] > 2000 * moved["rx_packets"]
    guest.power_off()
    assert vhost_threads(host) == 0


def test_driver_comes_and_goes(host):
    """With frames under way; then the machine itself is reset."""
    guest = Guest(host)
    host.ok("ping -q -i 0.02 192.168.9.2 >/dev/null 2>&1 & echo $! >/tmp/ping")
    guest.do("ip link set eth0 down; sleep 1; up")
    guest.do("cd /sys/bus/virtio/drivers/virtio_net; for i in 1 2 3; do "
             "echo virtio0 >unbind; echo virtio0 >bind; done; up")
    guest.do("d=/sys/bus/pci/devices/0000:00:04.0; echo 1 >$d/remove; "
             "echo 1 >/sys/bus/pci/rescan; sleep 1; up")
    assert vhost_threads(host) == 1
    cost = guest.cost(lambda: pings(guest, 100))
    assert cost["wakes"] <= FILTERS and cost["doorbells"] >= 80
    guest.begin("reboot -f")
    host.ok("while [ -d /proc/$(cat /tmp/pid) ]; do usleep 200000; done", timeout=60)
    guest = Guest(host)
    bulk(guest)
    guest.power_off()
    host.run("kill $(cat /tmp/ping)")  # it may have ended when its interface went
    assert "type=1326" not in host.ok("dmesg"), "the sandbox refused a call"


def test_killed(host):
    """In the middle of it; nothing is left but the VM, and the next one has it all again."""
    guest = Guest(host)
    host.ok("[ -e /big ] || head -c 4000000 /dev/urandom >/big; ln -sf /big /www/big", timeout=120)
    guest.begin("while wget -q -O /dev/null http://192.168.9.1:8000/big; do :; done")
    host.ok("ping -q -A 192.168.9.2 >/dev/null 2>&1 & sleep 2; kill -9 $(cat /tmp/pid); kill $!; "
            "while [ -d /proc/$(cat /tmp/pid) ]; do usleep 100000; done; sleep 0.5", timeout=60)
    assert vhost_threads(host) == 0
    host.ok("[ ! -e /sys/class/net/tap0 ] && bhyvectl --destroy --vm=v && "
            "rmmod vmm && insmod /vmm.ko")
    guest = Guest(host)
    pings(guest, 20)
    guest.power_off()


def test_refused(host):
    """vhost=on says why not; without it the card is there all the same."""
    start = ("bhyve -m 64M -o kernel=/guest/vmlinuz -o initrd=/guest/vhost -o console=none "
             "-s 4,virtio-net,{} v 2>&1")
    status, out = host.run(start.format("vhost=on"))
    assert status != 0 and "-s 4,virtio-net" in out and "tap device" in out
    status, out = host.run(start.format("tap0,vhost=yes"))
    assert status != 0 and "neither on, off nor auto" in out
    host.ok("rmmod vhost_net")
    try:
        status, out = host.run(start.format("tap0,vhost=on"))
        assert status != 0 and "modprobe vhost_net" in out
        guest = Guest(host, options="vhost=auto")
        assert guest.cost(lambda: pings(guest, 50))["wakes"] >= 50
        guest.power_off()
    finally:
        host.ok("insmod /modules/*-vhost_net.ko")


@pytest.mark.all
def test_pairs(host):
    guest = Guest(host, options="vhost=on,queues=2", vcpus=2)
    assert vhost_threads(host) == 2
    assert host.ok("ls -d /sys/class/net/tap0/queues/tx-* | wc -l").strip() == "2"
    assert guest.cost(lambda: bulk(guest))["wakes"] <= FILTERS
    guest.do("cd /sys/bus/virtio/drivers/virtio_net; echo virtio0 >unbind; echo virtio0 >bind; up")
    bulk(guest)
    guest.power_off()


@pytest.mark.all
@pytest.mark.parametrize("place,args", [("mmio:2", ""), ("4", "pci=nomsi")])
def test_without_messages(host, place, args):
    """Interrupts that have a status bit are bhyve's; frames are not."""
    guest = Guest(host, place=place, args=args)
    bulk(guest)
    assert guest.cost(lambda: pings(guest, 50))["wakes"] >= 50
    guest.do("cd /sys/bus/virtio/drivers/virtio_net; echo virtio0 >unbind; echo virtio0 >bind; up")
    pings(guest, 20)
    guest.power_off()
