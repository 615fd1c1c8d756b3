# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""A guest's network card with each backend: traffic both ways, through Debian's own driver."""
import pytest

from labhost import TOP, hostlib

NAMES = TOP / "build/armhf/tests/load/names"
MKTAP = TOP / "build/armhf/tests/load/mktap"
MODULES = ("net/core/failover", "drivers/net/net_failover", "drivers/virtio/virtio_pci_modern_dev",
           "drivers/virtio/virtio_pci_legacy_dev", "drivers/virtio/virtio_pci",
           "drivers/virtio/virtio_mmio", "drivers/net/virtio_net")
BEGIN = "for m in {}; do insmod /m/$m.ko || exit 9; done\n" \
    .format(" ".join(m.rsplit("/", maxsplit=1)[-1] for m in MODULES))

# The address is DHCP's; both sides fetch a file from the other.
SLIRP = BEGIN + """
cat >/dhcp <<'END'
[ "$1" = bound ] && ip addr add $ip/$mask dev $interface && ip route add default via $router
exit 0
END
chmod +x /dhcp
ip link set eth0 up
udhcpc -i eth0 -n -q -f -s /dhcp >/dev/null || exit 8
mkdir /www
ip -4 -o addr show eth0 | grep -o 10.0.2.15 >/www/page
httpd -p 80 -h /www
wget -q -O - http://10.0.2.2:8000/page || exit 7
nslookup host.test 10.0.2.3 | grep 192.0.2. | head -n 1
wget -q -O /big http://10.0.2.2:8000/big && md5sum </big
while [ ! -e /www/end ]; do
	sleep 1
	wget -q -O /www/end http://10.0.2.2:8000/end || rm -f /www/end
done
"""

WIRE = BEGIN + """
ip addr add 192.168.9.{0}/24 dev eth0
ip link set eth0 up
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	ping -c 1 -W 1 192.168.9.{1} >/dev/null && ping -q -c 5 -s 4000 192.168.9.{1} && break
	sleep 1
done
sleep {2}
"""


def module(name):
    return hostlib.armhf("kernels/armmp/modules/kernel") / (name + ".ko")


def initrd(script):
    try:
        files = [(f"m/{m.rsplit('/', maxsplit=1)[-1]}.ko", module(m)) for m in MODULES]
        return hostlib.guest_initrd(script, files)
    except hostlib.LabError:
        return b""  # the test that uses it is skipped, as the tools are missing


def bhyve(name, script, *devices):
    return (f"bhyve -m 160M -o kernel=/guest/vmlinuz -o initrd=/guest/{script} -o console=stdio "
            "-o fdt.bootargs='console=ttyAMA0 quiet' " + " ".join(f"-s {d}" for d in devices)
            + f" {name}")


@pytest.fixture
def net(hosts):
    if not NAMES.exists():
        pytest.skip("tests/load has not been built")
    return hosts.get(cpus=2, files=[
        ("/guest/slirp", initrd(SLIRP)), ("/guest/one", initrd(WIRE.format(1, 2, 15))),
        ("/guest/two", initrd(WIRE.format(2, 1, 15))), ("/guest/tap", initrd(WIRE.format(2, 1, 0))),
        ("/guest/tun.ko", module("drivers/net/tun").read_bytes())],
        add=[(NAMES, "/names"), (MKTAP, "/mktap")])


@pytest.mark.parametrize("slot", ["4", pytest.param("mmio:2", marks=pytest.mark.all)])
def test_slirp(net, slot):
    net.ok("mkdir -p /www && rm -f /www/* && echo page-of-host >/www/page && "
           "head -c 3000000 /dev/urandom >/www/big")
    digest = net.ok("md5sum </www/big").split()[0]
    net.ok("netstat -tln | grep -q :8000 || httpd -p 127.0.0.1:8000 -h /www")
    # libslirp looks for the name server as the guest asks, from within the sandbox.
    net.ok("echo nameserver 127.0.0.9 >/etc/resolv.conf; "
           "pidof names || { /names 192.0.2.77 </dev/null >/dev/null 2>&1 & }")
    # A connection that comes before the guest is there waits in libslirp, and may be refused.
    out = net.ok(bhyve("s", "slirp", f"'{slot},virtio-net,hostfwd=tcp:127.0.0.1:2222-:80'")
                 + " >/tmp/out 2>&1 </dev/null &\n"
                 "sleep 2; echo nameserver 127.0.0.1 >/etc/resolv.new; "
                 "mv /etc/resolv.new /etc/resolv.conf\n"
                 "for i in $(seq 150); do sleep 1; grep -q '  -' /tmp/out && break; done\n"
                 "wget -q -O - http://127.0.0.1:2222/page; touch /www/end; wait; cat /tmp/out",
                 timeout=300)
    assert out.startswith("10.0.2.15")
    assert "page-of-host" in out
    assert "192.0.2.77" in out
    assert digest in out
    assert "guest: exit 0" in out


def test_tap(net):
    net.ok("[ -e /sys/module/tun ] || insmod /guest/tun.ko")
    out = net.ok(bhyve("t", "tap", "4,virtio-net,tap0,queues=2") + " >/tmp/out 2>&1 </dev/null &\n"
                 "while ! ip addr add 192.168.9.1/24 dev tap0 2>/dev/null; do sleep 1; done\n"
                 "wait; cat /tmp/out", timeout=180)
    assert "5 packets received, 0% packet loss" in out
    assert "guest: exit 0" in out


@pytest.mark.all
def test_tap_that_was_made_with_one_queue(net):
    net.ok("[ -e /sys/module/tun ] || insmod /guest/tun.ko; /mktap tap1; "
           "ip addr add 192.168.9.1/24 dev tap1; ip link set tap1 up")
    status, out = net.run(bhyve("t", "tap", "4,virtio-net,tap1,queues=2") + " </dev/null",
                          timeout=180)
    assert status == 1  # powered off
    assert "5 packets received, 0% packet loss" in out
    assert "guest: exit 0" in out
    net.ok("[ -e /sys/class/net/tap1 ]")  # it is not bhyve's to remove


@pytest.mark.all
def test_wire(net):
    start = [bhyve(me, script, f"4,virtio-net,unix:/tmp/{me},peer=/tmp/{peer}")
             + f" >/tmp/out-{me} 2>&1 </dev/null &\n"
             for me, peer, script in (("a", "b", "one"), ("b", "a", "two"))]
    out = net.ok("".join(start) + "wait; cat /tmp/out-a /tmp/out-b", timeout=240)
    assert out.count("5 packets received, 0% packet loss") == 2
    assert out.count("guest: exit 0") == 2
