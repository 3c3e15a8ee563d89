"""What a compiler does not check: the floors of the house, and the form of every file.

Each rule is a function of the tree's root that yields faults as "path:line: what is wrong".
`tests/tidy/run` runs them over the repository, after showing on a made-up tree that each can fail.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

FLOORS = {
    "base": 0,
    "net": 1, "http": 1, "observe": 1,
    "session": 2, "upstream": 2,
    "discovery": 3, "health": 3,
    "admin": 4, "relay": 4,
    "app": 5,
}
MAIN_FLOOR = 6  # main.cpp: above all, so that it may include all
CONFIG_FLOOR = 5  # app/ and main.cpp alone read the configuration

# Headers that one part of the house keeps to itself: a library can be replaced in one place.
ONLY_USER = {
    "uv.h": {"net"},
    "llhttp.h": {"http"},
    "xxhash.h": {"base"},
    "yaml-cpp/": {"config"},
    "spdlog/": {"observe"},
    "CLI/": {"app", "main.cpp"},
}
# These are pure: bytes or values in, values out. A system header would be the first step away.
PURE = {"http", "session", "upstream"}
SYSTEM_HEADERS = ("sys/", "netinet/", "arpa/", "unistd.h", "poll.h", "fcntl.h", "netdb.h")

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
OPTIONS = re.compile(r"\b(?:struct|class)\s+\w*Options\b(?!\s*;)")
LEFTOVER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b|@[A-Z_]{3,}@")
INLINE_CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
MAX_COLUMNS = 100

Faults = Iterator[str]


@lru_cache(maxsize=None)
def lines_of(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8").split("\n"))


def sources(root: Path) -> list[Path]:
    """The C++ files of the program."""
    found = []
    for folder in ("proxy", "config"):
        found += [p for p in (root / folder).rglob("*") if p.suffix in {".h", ".cpp"}]
    return sorted(found)


def part_of(root: Path, path: Path) -> str:
    """The folder that owns the file: "session", "config"; "main.cpp" for that file itself."""
    parts = path.relative_to(root).parts
    return "config" if parts[0] == "config" else parts[1]


def includes(path: Path) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(lines_of(path), 1):
        if match := INCLUDE.match(line):
            yield number, match[1], match[2]


def floors(root: Path) -> Faults:
    """Every include goes to a lower floor or stays in its own folder."""
    for path in sources(root):
        here = part_of(root, path)
        name = path.relative_to(root)
        if here not in FLOORS and here not in {"config", "main.cpp"}:
            yield f"{name}:1: no floor is known for the folder {here}/"
            continue
        for number, quote, target in includes(path):
            if quote == '"' and (fault := fault_of_include(root, here, target)):
                yield f"{name}:{number}: {fault}"


def fault_of_include(root: Path, here: str, target: str) -> str | None:
    there = target.split("/")[0]
    header = root / target if there == "config" else root / "proxy" / target
    if "/" not in target or not header.is_file():
        return f'"{target}" is not a file of proxy/ (write the path from there) or config/'
    if there == here:
        return None
    if here == "config":
        if there == "base" or OPTIONS.search("\n".join(lines_of(header))):
            return None
        return f'config/ fills Options, and "{target}" declares none'
    own = MAIN_FLOOR if here == "main.cpp" else FLOORS[here]
    if there == "config":
        return None if own >= CONFIG_FLOOR else "only app/ and main.cpp include config/"
    if FLOORS[there] < own:
        return None
    direction = "sideways" if FLOORS[there] == own else "upwards"
    return f"{here} (floor {own}) includes {direction}: {there} (floor {FLOORS[there]})"


def only_users(root: Path) -> Faults:
    """A library's headers are included by the one part that wraps it."""
    for path in sources(root):
        here = part_of(root, path)
        for number, _, target in includes(path):
            for prefix, allowed in ONLY_USER.items():
                if target.startswith(prefix) and here not in allowed:
                    users = " and ".join(sorted(allowed))
                    yield f"{path.relative_to(root)}:{number}: only {users} may include {target}"


def purity(root: Path) -> Faults:
    """The pure parts include no system header."""
    for path in sources(root):
        if (here := part_of(root, path)) not in PURE:
            continue
        for number, _, target in includes(path):
            if target.startswith(SYSTEM_HEADERS):
                yield f"{path.relative_to(root)}:{number}: {here} is pure, but includes {target}"


def opening_comments(root: Path) -> Faults:
    """Every file says first what it is."""
    for path in sources(root):
        code = (line.strip() for line in lines_of(path))
        first = next((line for line in code if line and line != "#pragma once"), "")
        if not first.startswith(("//", "/*")):
            yield f"{path.relative_to(root)}:1: no opening comment"


def used_files(root: Path) -> Faults:
    """Every file of proxy/ is built or included; every header of config/ is."""
    included: dict[str, set[Path]] = {}
    for path in sources(root):
        for _, quote, target in includes(path):
            if quote == '"':
                included.setdefault(target, set()).add(path)
    for path in sources(root):
        name = path.relative_to(root)
        target = str(name.relative_to("proxy") if name.parts[0] == "proxy" else name)
        if path.suffix == ".cpp":
            depth = 2 if name.parts[0] == "config" or name.name == "main.cpp" else 3
            if len(name.parts) != depth:
                yield f"{name}:1: nothing builds this file"
        elif not included.get(target, set()) - {path.with_suffix(".cpp")}:
            yield f"{name}:1: no other part of the program includes this header"
    for path in sorted((root / "proxy").rglob("*")):
        if path.is_file() and path.suffix not in {".h", ".cpp"}:
            yield f"{path.relative_to(root)}:1: not C++, and nothing builds it"


def text_files(root: Path) -> list[Path]:
    """Every text file that is, or could be, committed."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        found = [root / name for name in listed.stdout.split("\0") if name]
    else:
        found = [p for p in root.rglob("*")
                 if not p.relative_to(root).parts[0].startswith((".git", "build"))]
    return sorted(p for p in found if p.is_file() and is_text(p))


def is_text(path: Path) -> bool:
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def leftovers(root: Path) -> Faults:
    """Nothing says that it is unfinished."""
    for path in text_files(root):
        for number, line in enumerate(lines_of(path), 1):
            if match := LEFTOVER.search(line):
                yield f"{path.relative_to(root)}:{number}: {match[0]}"


def is_code(path: Path) -> bool:
    if path.suffix in {".h", ".cpp", ".py", ".cmake"} or path.name == "CMakeLists.txt":
        return True
    return path.suffix in {"", ".sh"} and lines_of(path)[0].startswith("#!")


def columns(root: Path) -> Faults:
    """Lines of the program fit the screen."""
    for path in sources(root):
        for number, line in enumerate(lines_of(path), 1):
            if len(line) > MAX_COLUMNS:
                yield f"{path.relative_to(root)}:{number}: {len(line)} columns, {MAX_COLUMNS} fit"


def whitespace(root: Path) -> Faults:
    """No line of code ends in blanks, no tab, and every file ends with a line end."""
    for path in text_files(root):
        if not is_code(path):
            continue
        lines = lines_of(path)
        for number, line in enumerate(lines, 1):
            if line != line.rstrip() or "\t" in line:
                yield f"{path.relative_to(root)}:{number}: blanks at the end of the line, or a tab"
        if lines[-1]:
            yield f"{path.relative_to(root)}:{len(lines)}: no line end at the end"


def links(root: Path) -> Faults:
    """The documents link to files that exist."""
    for path in text_files(root):
        if path.suffix != ".md":
            continue
        in_code = False
        for number, line in enumerate(lines_of(path), 1):
            in_code ^= line.lstrip().startswith("```")
            for target in [] if in_code else LINK.findall(INLINE_CODE.sub("", line)):
                if "://" not in target and not (path.parent / target).exists():
                    yield f"{path.relative_to(root)}:{number}: {target} does not exist"


CASES = set(range(1, 96)) - {46, 47}  # those two need endpoints that come and go
CASE_ROW = re.compile(r"^\| (\d\d) \|")
CASE_TEST = re.compile(r"^def test_\w*case_(\d+)")


def cases(root: Path) -> Faults:
    """The table of cases in docs/sessions.md names every test of a case, and no other file."""
    document = root / "docs" / "sessions.md"
    shown_by: dict[int, set[str]] = {}
    for path in [p for p in text_files(root) if re.fullmatch(r"test_\w+\.py", p.name)]:
        for line in lines_of(path):
            for number in CASE_TEST.findall(line):
                shown_by.setdefault(int(number), set()).add(str(path.relative_to(root)))
    if not document.exists():
        return
    rows = {}
    for number, line in enumerate(lines_of(document), 1):
        if row := CASE_ROW.match(line):
            rows[int(row[1])] = number
            named = {target.removeprefix("../") for target in LINK.findall(line)}
            if wrong := named ^ shown_by.get(int(row[1]), set()):
                yield f"docs/sessions.md:{number}: case {row[1]}: {', '.join(sorted(wrong))}"
    for case in sorted(CASES - rows.keys()):
        yield f"docs/sessions.md:1: case {case:02} has no row"


RULES: dict[str, Callable[[Path], Faults]] = {
    rule.__name__: rule
    for rule in (floors, only_users, purity, opening_comments, used_files, leftovers, columns,
                 whitespace, links, cases)
}
