# SPDX-License-Identifier: BSD-2-Clause
"""`make run`, as a person types it: to the guest's shell and out again."""
import pexpect
import pytest
from conftest import need_module, need_tools
from labhost import TOP


@pytest.mark.parametrize("machine, kernel, vcpus", [
    ("virt", "armmp", 2),
    pytest.param("vexpress-a15", "armmp-lpae", 2, marks=pytest.mark.all),
])
def test_make_run_reaches_the_guests_shell(machine, kernel, vcpus):
    need_module(kernel)
    need_tools()
    child = pexpect.spawn("make", ["run", f"MACHINE={machine}", f"KERNEL={kernel}",
                                   f"VCPUS={vcpus}"], cwd=str(TOP), echo=False, timeout=600)
    child.delaybeforesend = None
    with open(TOP / f"build/system/make-run-{machine}.log", "wb") as log:
        child.logfile_read = log
        try:
            child.expect_exact("guest: ready")
            child.expect_exact("guest# ")
            child.send("nproc; hostname\n")
            child.expect(rf"\n{vcpus}\r*\nguest\r*\n")
            child.send("exit\n")
            child.expect(pexpect.EOF)  # the guest powers off, and the host after it
            assert b"ended with status" not in child.before
        finally:
            child.close()
    assert child.exitstatus == 0
