"""Reads the Prometheus text format, strictly."""

import re
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{((?:{_LABEL})(?:,{_LABEL})*)?,?\}})? (\S+)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
_HELP = re.compile(rf"# HELP ({_NAME}) .+")


@dataclass
class Samples:
    types: dict[str, str] = field(default_factory=dict)
    samples: list[tuple[str, dict[str, str], float]] = field(default_factory=list)

    def sum(self, name: str, **labels: str) -> float:
        """The total over every sample that has these labels; 0 when there is none."""
        return sum(
            value
            for sample, has, value in self.samples
            if sample == name and all(has.get(key) == want for key, want in labels.items())
        )

    def names(self) -> set[str]:
        return {name for name, _, _ in self.samples}


def parse(text: str) -> Samples:
    assert text.endswith("\n"), "the last line must end with a line feed"
    assert text.replace("\n", "").isprintable(), f"garbage in {text!r}"
    result = Samples()
    seen: set[tuple[str, str]] = set()
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            match = _TYPE.fullmatch(line)
            assert match, line
            assert match[1] not in result.types, f"a second TYPE: {line}"
            result.types[match[1]] = match[2]
        elif line.startswith("#"):
            assert _HELP.fullmatch(line) or not line.startswith("# HELP"), line
        elif line:
            match = _SAMPLE.fullmatch(line)
            assert match, f"not a sample: {line!r}"
            assert (match[1], match[2] or "") not in seen, f"twice: {line}"
            seen.add((match[1], match[2] or ""))
            labels = dict(
                (pair.split("=", 1)[0], pair.split("=", 1)[1][1:-1])
                for pair in re.findall(_LABEL, match[2] or "")
            )
            result.samples.append((match[1], labels, float(match[3])))
    return result
