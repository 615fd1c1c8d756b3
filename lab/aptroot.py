# SPDX-License-Identifier: BSD-2-Clause
"""A private apt root: Debian packages for the lab that the machine's own dpkg never hears of."""
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE_OPTIONS = {"signed-by", "trusted", "allow-insecure", "allow-weak", "check-valid-until",
                  "check-date"}


class Trouble(Exception):
    """Something cannot be had; the message says what to do."""


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "bhyve-arm"


def make_cache_dir():
    cache = cache_dir()
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise Trouble(f"cannot make the cache directory {cache}: {err.strerror}; "
                      "set XDG_CACHE_HOME") from None
    return cache


def say(text):
    print(f"setup: {text}", file=sys.stderr, flush=True)


def debian_sources(wanted):
    """The machine's Debian entries that have any of the suites wanted, cut down to these, as a list
    of deb822 stanzas (dicts)."""
    etc = Path(apt_config("Dir::Etc", "/etc/apt/"))
    found = []
    files = [etc / "sources.list"]
    parts = etc / "sources.list.d"
    if parts.is_dir():
        files += sorted(parts.iterdir())
    for path in files:
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if path.suffix == ".sources":
            found += parse_deb822(text)
        elif path.suffix == ".list":
            found += parse_one_line(text)
    out = []
    for entry in found:
        suites = [s for s in entry["Suites"].split() if s in wanted]
        uris = [u for u in entry["URIs"].split() if not u.startswith("cdrom:")]
        if suites and uris and "deb" in entry["Types"].split() and \
                "main" in entry["Components"].split() and \
                entry.get("Enabled", "yes").lower() not in ("no", "false", "0"):
            keep = {"Types": "deb", "URIs": " ".join(uris), "Suites": " ".join(suites),
                    "Components": "main"}
            keep.update((k, v) for k, v in entry.items() if k.lower() in SOURCE_OPTIONS)
            out.append(keep)
    return out


def parse_deb822(text):
    for stanza in re.split(r"\n[ \t]*\n", text):
        entry, key = {}, None
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and key:
                entry[key] += "\n" + line  # an inline key, or a folded list
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip()
                canonical = {"types": "Types", "uris": "URIs", "suites": "Suites",
                             "components": "Components", "enabled": "Enabled"}
                key = canonical.get(key.lower(), key)
                entry[key] = value.strip()
        if all(k in entry for k in ("Types", "URIs", "Suites", "Components")):
            yield entry


def parse_one_line(text):
    for line in text.splitlines():
        match = re.match(r"\s*(deb)\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if not match:
            continue
        kind, options, uri, suite, components = match.groups()
        entry = {"Types": kind, "URIs": uri, "Suites": suite, "Components": components.strip()}
        for option in (options or "").split():
            name, _, value = option.partition("=")
            if name.lower() in SOURCE_OPTIONS:
                entry["-".join(w.capitalize() for w in name.split("-"))] = value.replace(",", " ")
        yield entry


def apt_config(key, default):
    try:
        out = subprocess.run(["apt-config", "shell", "V", key + "/d"], capture_output=True,
                             text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return default
    match = re.search(r"V='([^']*)'", out)
    return match.group(1) if match and match.group(1) else default


class PrivateApt:
    """An apt state of its own under a directory; what dpkg and apt know of this machine stays as it
    is. Each method that cannot do its work raises Trouble."""

    def __init__(self, top, sources, architectures):
        """sources: deb822 stanzas (dicts); architectures: the first is the native one."""
        if not sources:
            raise Trouble(
                "no Debian source for bookworm main found among apt's sources on this machine.\n"
                "  Add one (`deb MIRROR bookworm main`) and run lab/setup again.")
        self.top = top
        for sub in ("lists/partial", "archives/partial", "etc/preferences.d"):
            (top / sub).mkdir(parents=True, exist_ok=True)
        (top / "status").touch()
        (top / "debian.sources").write_text("\n\n".join(
            "\n".join(f"{k}: {v}" for k, v in entry.items()) for entry in sources) + "\n")
        # apt reads *.sources as deb822 only from a directory.
        parts = top / "etc/sources.list.d"
        parts.mkdir(exist_ok=True)
        shutil.move(top / "debian.sources", parts / "debian.sources")
        known = " ".join(f'"{name}";' for name in architectures)
        (top / "apt.conf").write_text(f'''
Dir::State "{top}";
Dir::State::Lists "{top}/lists";
Dir::State::status "{top}/status";
Dir::Cache "{top}";
Dir::Cache::archives "{top}/archives";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{parts}";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{top}/etc/preferences.d";
APT::Architecture "{architectures[0]}";
APT::Architectures {{ {known} }};
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
''')

    def run(self, *cmd, **kw):
        env = dict(os.environ, APT_CONFIG=str(self.top / "apt.conf"), LC_ALL="C")
        return subprocess.run(cmd, env=env, text=True, stdin=subprocess.DEVNULL, **kw)

    def update(self):
        """Fetches the package lists; what could not be fetched, as lines of text."""
        done = self.run("apt-get", "-q", "update", capture_output=True)
        # A mirror out of reach is a warning to apt, and its status 0.
        lines = re.findall(r"^(?:E: |W: Failed to fetch).*", done.stdout + done.stderr, re.M)
        if done.returncode and not lines:
            lines = [f"E: apt-get update ended with status {done.returncode}"]
        return lines

    @functools.lru_cache(maxsize=None)
    def show(self, package):
        """[{field: value}] for every version of a package, newest first."""
        out = self.run("apt-cache", "show", "--all-versions", package, capture_output=True).stdout
        stanzas = []
        for block in out.split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", block, re.M))
            if "Version" in fields:
                stanzas.append(fields)
        return sorted(stanzas, key=functools.cmp_to_key(
            lambda a, b: version_order(b["Version"], a["Version"])))

    def has(self, package, version):
        return any(s["Version"] == version for s in self.show(package))

    def download(self, names, into):
        into.mkdir(parents=True, exist_ok=True)
        done = self.run("apt-get", "-q", "download", *names, cwd=into, stdout=sys.stderr.fileno())
        if done.returncode:
            raise Trouble(
                "the packages could not be downloaded (messages above). When the mirror is being\n"
                "  updated this passes: run lab/setup again in a while.")


@functools.lru_cache(maxsize=None)
def version_order(a, b):
    if a == b:
        return 0
    less = subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False).returncode == 0
    return -1 if less else 1


def swap(tree, name):
    """Makes the link `name` point to its neighbour `tree` in one step."""
    new = name.with_name(name.name + ".new")
    new.unlink(missing_ok=True)
    new.symlink_to(tree.name)
    new.rename(name)
