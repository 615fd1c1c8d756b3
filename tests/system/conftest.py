# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures and the record of results for the system tests; docs/testing.md shows how to add one."""
import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import labhost  # noqa: E402
from labhost import LabHost, hostlib  # noqa: E402

TOP = labhost.TOP


def pytest_addoption(parser):
    parser.addoption("--record", metavar="FILE",
                     help="append each result to FILE; skip what passed there with the same --key")
    parser.addoption("--key", default="", help="what the sources are (see --record)")


def need_module(kernel):
    if not hostlib.module_path(kernel).exists():
        pytest.skip(f"vmm.ko for {kernel} has not been built")


def need_tools():
    for tool in hostlib.TOOLS:
        if not (TOP / "build/armhf" / tool).exists():
            pytest.skip(f"{tool} has not been built")


class Hosts:
    """Hosts by their options, one at a time: asking for another kind ends the one before."""

    def __init__(self, name):
        self.name = name
        self.host = None
        self.options = None

    def get(self, **options):
        options.setdefault("module", True)
        if options["module"]:
            need_module(options.get("kernel", "armmp"))
        if self.host is None or not self.host.alive or self.options != options:
            self.close()
            self.options = options
            self.host = LabHost(log=TOP / f"build/system/{self.name}.log", **options)
            self.host.boot()
        return self.host

    def close(self):
        if self.host is not None:
            self.host.close()
            self.host = None


@pytest.fixture(scope="module")
def hosts(request):
    """hosts.get(**options): a host of that kind, kept from test to test of a module while it is
    well. Only one runs at a time, since at most two of all workers' QEMUs should."""
    pool = Hosts(request.module.__name__)
    log = TOP / f"build/system/{pool.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    yield pool
    pool.close()


@pytest.fixture
def host(request, hosts):  # pylint: disable=redefined-outer-name
    """A host with the module loaded. A module may set HOST = dict(cpus=2, ...) for its options.
    Fails the test when the host's kernel complained meanwhile."""
    machine = hosts.get(**getattr(request.module, "HOST", {}))
    machine.clear_dmesg()
    yield machine
    if machine.alive:
        bad = machine.complaints()
        # What a failed test has left running would make the next fail, too.
        if getattr(request.node, "failed", False):
            hosts.close()
        assert not bad, "the host's kernel complained:\n" + "\n".join(bad)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed:
        item.failed = True


# The record: what passed with these very sources need not run again.

def recorded(config):
    path, key = config.getoption("--record"), config.getoption("--key")
    passed = {}
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # cut off when the run was stopped
                if entry["key"] == key:
                    passed[entry["test"]] = entry["outcome"] == "passed"
    return {name for name, well in passed.items() if well}


def pytest_collection_modifyitems(config, items):
    done = recorded(config)
    if done:
        kept = [item for item in items if item.nodeid not in done]
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in done])
        items[:] = kept


class Recorder:
    """Writes one line a test, as soon as its outcome is known."""

    def __init__(self, config):
        self.path = config.getoption("--record")
        self.key = config.getoption("--key")
        self.worst = {}

    def pytest_runtest_logreport(self, report):
        outcome, seconds, reason = self.worst.get(report.nodeid, ("passed", 0.0, ""))
        seconds += report.duration
        if report.failed:
            outcome, reason = "failed", str(report.longrepr).splitlines()[-1:]
            reason = reason[0] if reason else ""
        elif report.skipped and outcome == "passed":
            outcome = "skipped"
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        self.worst[report.nodeid] = (outcome, seconds, reason)
        if report.when == "teardown":
            with open(self.path, "a", encoding="utf-8") as file:
                json.dump(dict(key=self.key, test=report.nodeid, outcome=outcome,
                               seconds=round(seconds, 1), reason=reason), file)
                file.write("\n")


def pytest_configure(config):
    # With xdist every report reaches the controller, which alone writes.
    if config.getoption("--record") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config), "recorder")
