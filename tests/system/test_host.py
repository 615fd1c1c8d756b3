# SPDX-License-Identifier: BSD-2-Clause
"""The ARM hosts come up in HYP mode, and vmm.ko loads and unloads on them."""
import pytest
from conftest import need_module

IN_CHECK = (("virt", "armmp", 1), ("vexpress-a15", "armmp-lpae", 2))
MATRIX = [
    pytest.param({"machine": machine, "kernel": kernel, "cpus": cpus},
                 id=f"{machine}-{kernel}-{cpus}",
                 marks=() if (machine, kernel, cpus) in IN_CHECK else pytest.mark.all)
    for machine in ("virt", "vexpress-a15")
    for kernel in ("armmp", "armmp-lpae")
    for cpus in (1, 2, 4)
    if cpus <= (4 if machine == "virt" else 2)
]


@pytest.fixture(scope="module", params=MATRIX)
def kind(request):
    """Of module scope, so that pytest runs all tests of one kind of host in a row."""
    return request.param


def test_boots_in_hyp_mode(hosts, kind):
    host = hosts.get(module=False, **kind)
    assert host.ok("nproc").strip() == str(kind["cpus"])
    assert host.ok("uname -r").strip().endswith(kind["kernel"])
    assert "All CPU(s) started in HYP mode" in host.dmesg()
    assert not host.complaints()


def test_module_loads_and_unloads(hosts, kind):
    need_module(kind["kernel"])
    host = hosts.get(module=False, **kind)
    host.clear_dmesg()
    for _ in range(3):
        host.ok("insmod /vmm.ko")
        assert "vmm" in host.ok("cat /proc/modules")
        host.ok("rmmod vmm")
    assert not host.complaints()
