# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""docs/silicon.md has the rules of tests/silicon/rules_list.h, and its links lead somewhere."""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
DOC = TOP / "docs/silicon.md"
LIST = TOP / "tests/silicon/rules_list.h"
HEADER = ["rule", "duty", "section", "where our code fulfils it", "mutant"]
RULE = re.compile(r'^(?:STRICT_)?RULE\(\s*\w+,\s*"([^"]*)",\s*"([^"]*)"', re.M)
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^]]+\]:\s*(\S+)", re.M)


def listed():
    """(name, section) of all rules, in order."""
    return RULE.findall(LIST.read_text())


def cells(line):
    if not line.startswith("|"):
        return []
    return [c.strip() for c in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def documented():
    """The rows of all tables that have HEADER above them."""
    rows, inside = [], False
    for line in DOC.read_text().splitlines():
        row = cells(line)
        if row == HEADER:
            inside = True
        elif not row:
            inside = False
        elif inside and set("".join(row)) - set("-: "):
            rows.append(row)
    return rows


def row_names():
    return [row[0].strip("`") for row in documented()]


def test_list_is_read():
    text = LIST.read_text()
    assert len(listed()) == len(re.findall(r"^(?:STRICT_)?RULE\(", text, re.M)) > 40
    assert len({name for name, _ in listed()}) == len(listed())


def test_every_rule_has_a_row():
    assert [name for name, _ in listed() if name not in row_names()] == []


def test_every_row_has_a_rule():
    rules = [name for name, _ in listed()]
    assert [name for name in row_names() if name not in rules] == []


def test_rows_are_whole():
    rows = documented()
    assert [row for row in rows if len(row) != len(HEADER) or not all(row)] == []
    assert [row[0] for row in rows if not re.fullmatch(r"`[a-z-]+`", row[0])] == []
    assert len(row_names()) == len(set(row_names()))


def test_sections_agree():
    sections = dict(listed())
    assert [(row[0], row[2], sections[row[0].strip("`")]) for row in documented()
            if sections.get(row[0].strip("`"), row[2]) != row[2]] == []


def test_links_lead_somewhere():
    links = [a or b for a, b in LINK.findall(DOC.read_text())]
    local = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if link and not (DOC.parent / link).exists()] == []
