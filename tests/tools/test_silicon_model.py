# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""tests/silicon/model/run: the models hold, their seeded faults are found, and it would tell."""
import importlib.machinery
import importlib.util
import pathlib
import shutil
import subprocess
import sys

import pytest

RUN = pathlib.Path(__file__).resolve().parents[1] / "silicon/model/run"
MISSING = [tool for tool in ("spin", "gcc") if not shutil.which(tool)]
MODELS = ["kick", "litmus", "lock", "requests", "tables"]
needs_spin = pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)}: lab/setup")


@pytest.fixture(scope="module")
def script():
    loader = importlib.machinery.SourceFileLoader("model_run", str(RUN))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("model_run", loader))
    loader.exec_module(module)
    return module


def run(*args):
    done = subprocess.run([sys.executable, RUN, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout)
    return done


@needs_spin
@pytest.mark.parametrize("kinds", ["right,seeded", pytest.param("redundant",
                                                                marks=pytest.mark.all)])
@pytest.mark.parametrize("model", MODELS)
def test_model(model, kinds):
    assert run(model, "--only", kinds).returncode == 0


def test_all_models_are_here(script):
    assert script.MODELS == MODELS


@needs_spin
def test_faults_by_name():
    done = run("tables", "--fault", "NO_DSB_TABLE", "NO_TLBI")
    assert done.returncode == 0
    done = run("tables", "--fault", "NO_NONE")
    assert done.returncode == 1 and "tables has only" in done.stdout


@needs_spin
def test_trail():
    assert "CPU 0 stores v0: 1" in run("tables", "--fault", "NO_DSB_TABLE", "--trail").stdout


def test_wrong_is_said(script, capsys, monkeypatch):
    holds = script.Result(0, 5, "", "")
    monkeypatch.setattr(script, "search", lambda *_: holds)
    monkeypatch.setattr(script.shutil, "which", lambda _: "/here")
    assert script.main(["tables", "--only", "right"]) == 0
    assert script.main(["tables", "--only", "seeded"]) == 1
    assert "WRONG" in capsys.readouterr().out


def test_no_spin(script, monkeypatch):
    monkeypatch.setattr(script.shutil, "which", lambda _: None)
    assert script.main([]) == 2


@pytest.mark.parametrize("text", [
    "", "State-vector 76 byte, depth reached 9, errors: 0\n",
    "error: max search depth too small\nerrors: 0\n 5 states, stored\n",
    "pan: out of memory\nerrors: 0\n 5 states, stored\n",
    "Warning: Search not completed\nerrors: 0\n 5 states, stored\n"])
def test_incomplete(script, text):
    with pytest.raises(script.ModelError):
        script.parse(text)


def test_parse(script):
    assert script.parse("errors: 0\n 5 states, stored\n") == (0, 5, "")
    assert script.parse("pan:1: invalid end state (at depth 7)\nWarning: Search not completed\n"
                        "errors: 1\n 5 states, stored\n") == (1, 5, "invalid end state")


def test_cases(script):
    text = "/*\n * redundant: NO_A: why\n * together: NO_A NO_B\n * NO_C\n */\nNO_A NO_B"
    assert script.cases(text) == [("right", ()), ("seeded", ("NO_B",)),
                                  ("seeded", ("NO_A", "NO_B")), ("redundant", ("NO_A",))]
    with pytest.raises(script.ModelError):
        script.cases("/*\n * redundant: NO_X: why\n */\nNO_A")
