"""Writes a configuration as block YAML, as a person would write it."""

import re

_PLAIN = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_/.:%-]*")


def dump(value: object, indent: int = 0) -> str:
    pad = "  " * indent
    lines: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            lines.append(f"{pad}{key}:{_inline_or_block(item, indent)}")
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and item:
                lines.append(f"{pad}- {dump(item, indent + 1).lstrip()}")
            else:
                lines.append(f"{pad}- {_scalar(item)}")
    else:
        raise TypeError(f"not a mapping or list: {value!r}")
    return "\n".join(lines)


def _inline_or_block(item: object, indent: int) -> str:
    if isinstance(item, (dict, list)) and item:
        return "\n" + dump(item, indent + 1)
    return " " + _scalar(item)


def _scalar(item: object) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if item == {}:
        return "{}"
    if item == []:
        return "[]"
    text = str(item)
    if _PLAIN.fullmatch(text) and not text.endswith(":"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
