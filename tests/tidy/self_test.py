"""Shows on a small made-up tree that every rule of check.py can fail, and for its reason."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import check

CLEAN = {
    "proxy/main.cpp": '// Main.\n#include <CLI/CLI.hpp>\n#include "app/process.h"\n',
    "proxy/app/process.h": '// App.\n#pragma once\n#include "config/reader.h"\n'
                           '#include "relay/server.h"\n#include "session/table.h"\n',
    "proxy/relay/server.h": '// Relay.\n#include "session/options.h"\n#include "upstream/ring.h"\n',
    "proxy/session/table.h": '// Table.\n#include "base/hash.h"\n#include "session/options.h"\n',
    "proxy/session/options.h": "// Options.\nstruct Options { int bound = 1; };\n",
    "proxy/upstream/ring.h": '#pragma once\n// Ring.\n#include "base/hash.h"\n',
    "proxy/base/hash.h": "// Hash.\n",
    "proxy/base/hash.cpp": '// Hash.\n#include "base/hash.h"\n#include <xxhash.h>\n',
    "config/reader.h": '// Reader.\n#include "session/options.h"\n#include "base/hash.h"\n',
    "config/reader.cpp": '// Reader.\n#include "config/reader.h"\n#include <yaml-cpp/yaml.h>\n',
    "config/examples/sidecar.yaml": "workers: 1\n",
}

# RULE, file, its text in place of the clean one, and what the fault must say.
BROKEN = [
    ("floors", "proxy/session/table.h", '// T.\n#include "upstream/ring.h"\n', "sideways"),
    ("floors", "proxy/base/hash.cpp", '// H.\n#include "session/table.h"\n', "upwards"),
    ("floors", "proxy/relay/server.h", '// R.\n#include "config/reader.h"\n', "only app/"),
    ("floors", "config/reader.h", '// R.\n#include "upstream/ring.h"\n', "declares none"),
    ("floors", "proxy/upstream/ring.h", '// R.\n#include "hash.h"\n', "not a file"),
    ("floors", "proxy/upstream/ring.h", '// R.\n#include "../base/hash.h"\n', "not a file"),
    ("floors", "proxy/cellar/wine.h", "// W.\n", "no floor"),
    ("only_users", "proxy/relay/server.h", "// R.\n#include <uv.h>\n", "only net"),
    ("only_users", "proxy/session/table.h", "// T.\n#include <llhttp.h>\n", "only http"),
    ("only_users", "proxy/upstream/ring.h", '// R.\n#include "xxhash.h"\n', "only base"),
    ("purity", "proxy/session/table.h", "// T.\n#include <sys/socket.h>\n", "is pure"),
    ("opening_comments", "proxy/base/hash.h", "#pragma once\nint hash();\n", "no opening comment"),
    ("used_files", "proxy/relay/forgotten.h", "// F.\n", "no other part"),
    ("used_files", "proxy/base/deeper/hash.cpp", "// H.\n", "nothing builds"),
    ("used_files", "proxy/base/notes.txt", "notes\n", "not C++"),
    ("leftovers", "proxy/base/hash.h", "// Hash. TO" + "DO: seed it\n", "TO" + "DO"),
    ("leftovers", "README.md", "It takes @" + "TIME@.\n", "@" + "TIME@"),
    ("columns", "proxy/base/hash.h", "// " + "x" * 98 + "\n", "101 columns"),
    ("columns", "config/reader.h", "// R.\n// " + "x" * 98 + "\n", "101 columns"),
    ("links", "docs/tour.md", "[a](tour.md#a) [b](https://b.example/) [c](c.md#d)\n", "c.md"),
    ("cases", "docs/sessions.md", "| 01 | x | [a](../tests/test_a.py) |\n", "test_a.py"),
    ("cases", "docs/sessions.md", "| 01 | x | |\n", "case 02 has no row"),
    ("whitespace", "proxy/base/hash.h", "// Hash. \n", "blanks"),
    ("whitespace", "proxy/base/hash.h", "// Hash.", "no line end"),
]


def lay(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def faults_of(files: dict[str, str]) -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        lay(Path(folder), files)
        return {name: list(rule(Path(folder))) for name, rule in check.RULES.items()}


def cases() -> Iterator[tuple[str, str | None]]:
    """Every case as its name and what is wrong with it, or None."""
    found = {rule: faults for rule, faults in faults_of(CLEAN).items() if faults}
    yield "self-test: a clean tree has no fault", str(found) if found else None
    for rule, name, text, wanted in BROKEN:
        faults = faults_of({**CLEAN, name: text})[rule]
        hit = any(fault.startswith(name + ":") and wanted in fault for fault in faults)
        wrong = None if hit else f"{rule} found {faults}, not '{wanted}' in {name}"
        yield f"self-test: {rule} finds '{wanted}' in {name}", wrong
    untested = set(check.RULES) - {rule for rule, *_ in BROKEN}
    yield "self-test: every rule is shown to fail", f"not: {untested}" if untested else None
