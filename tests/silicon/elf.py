# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
"""As much of ELF (32 bits, little-endian) as modules and bare-metal guests need."""
import bisect
import struct
from collections import namedtuple

SHF_ALLOC, SHF_EXECINSTR = 2, 4
SHT_SYMTAB, SHT_NOBITS, SHT_REL = 2, 8, 9
STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE = 1, 2, 3, 4
ET_REL = 1

Section = namedtuple("Section", "index name type flags addr offset size link info")
Symbol = namedtuple("Symbol", "name value size type section")
Reloc = namedtuple("Reloc", "offset type symbol at")  # at: of the entry, in the file


class ElfError(Exception):
    """The file is not what was expected."""


def text(table, at):
    return table[at:table.index(b"\0", at)].decode()


class Elf:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        try:
            self._read()
        except (struct.error, IndexError, ValueError) as err:
            raise ElfError(f"{path} is no 32-bit little-endian ELF file: {err}") from err

    def _read(self):
        if self.data[:6] != b"\x7fELF\1\1":
            raise ValueError("the magic number is another")
        self.type, = struct.unpack_from("<H", self.data, 16)
        shoff, = struct.unpack_from("<I", self.data, 32)
        shentsize, shnum, shstrndx = struct.unpack_from("<HHH", self.data, 46)
        rows = [struct.unpack_from("<10I", self.data, shoff + i * shentsize) for i in range(shnum)]
        names = self._bytes(rows[shstrndx][4], rows[shstrndx][5])
        self.sections = [Section(i, text(names, r[0]), *r[1:8]) for i, r in enumerate(rows)]
        self.symbols = self._symbols()

    def _bytes(self, offset, size):
        return bytes(self.data[offset:offset + size])

    def content(self, section):
        return self._bytes(section.offset, section.size)

    def section(self, name):
        for section in self.sections:
            if section.name == name:
                return section
        raise ElfError(f"there is no section {name}")

    def _symbols(self):
        found = []
        for table in (s for s in self.sections if s.type == SHT_SYMTAB):
            names = self.content(self.sections[table.link])
            for row in struct.iter_unpack("<IIIBBH", self.content(table)):
                kind, shndx = row[3] & 15, row[5]
                where = self.sections[shndx].name if 0 < shndx < len(self.sections) else None
                found.append(Symbol(text(names, row[0]), row[1], row[2], kind, where))
        return found

    def relocs(self, section):
        """Relocations of a section."""
        found = []
        for table in self.sections:
            if table.type == SHT_REL and table.info == section.index:
                for i in range(table.size // 8):
                    at = table.offset + i * 8
                    offset, info = struct.unpack_from("<II", self.data, at)
                    found.append(Reloc(offset, info & 0xff, self.symbols[info >> 8], at))
        return found

    def named(self, section):
        """Names for the places in a section."""
        good = [s for s in self.symbols
                if s.section == section and s.name and s.name[0] != "$"
                and not s.name.startswith(".L") and s.type not in (STT_SECTION, STT_FILE)]
        good.sort(key=lambda s: (s.type != STT_FUNC, s.name.endswith("_end"), s.name))
        return Names((s.value, s.name) for s in good)

    def code(self, section):
        """[(start, end)]: what of a section is ARM code, by its mapping symbols."""
        marks = sorted((s.value, s.name[1]) for s in self.symbols
                       if s.section == section.name and s.name[:2] in ("$a", "$d", "$t"))
        ends = [value for value, _ in marks[1:]] + [section.size]
        return [(value, end) for (value, kind), end in zip(marks, ends)
                if kind == "a" and end > value]


class Names:
    """Addresses with names, of several at one address the first; finds the one at or below an
    address."""

    def __init__(self, pairs):
        names = {}
        for addr, name in pairs:
            names.setdefault(addr, name)
        self.starts = sorted(names)
        self.names = [names[addr] for addr in self.starts]

    def find(self, addr):
        """(name, offset), or None below the first."""
        at = bisect.bisect_right(self.starts, addr) - 1
        if at < 0:
            return None
        return self.names[at], addr - self.starts[at]
