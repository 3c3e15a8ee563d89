"""Where things are, and how long things may take."""

import os
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
REPOSITORY = SOURCE.parent.parent
INSTALLED = Path(os.environ.get("RINGSIDE_MCP_DIR", REPOSITORY / "build" / "mcp"))
RINGSIDE = Path(os.environ.get("RINGSIDE", REPOSITORY / "build" / "ringside"))
FLAVOUR = os.environ.get("RINGSIDE_FLAVOUR", "release")

# No wait is ever this long unless something is wrong: sanitizers and a busy machine are allowed
# for.
DEADLINE = 30.0 if FLAVOUR == "release" else 90.0


def command(module: str) -> list[str | Path]:
    """The command that runs one of our modules, such as pods/typescript_v1.mjs, in its own
    environment."""
    if module.endswith(".mjs"):
        # Through the link beside node_modules, so that imports resolve there.
        flags = ["--preserve-symlinks", "--preserve-symlinks-main"]
        return [INSTALLED / "node", *flags, INSTALLED / "source" / module]
    environment = "python_v1" if module.endswith("_v1.py") else "python_v2"
    return [INSTALLED / environment / "bin" / "python", SOURCE / module]
