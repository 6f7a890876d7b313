"""The table of all figures. Each bench tells its rows (``tell``); ``docs/benchmarks.md`` keeps the rows of the last run
of each (``write``)."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

WHERE = "WENLAN_BENCH_ROWS"
"""Environment variable with the file that rows are told to; without it they are told to nobody."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with its baselines of the same run, in ``unit``. ``usual``: what the usual way gives; ``limit``: what
    the bare thing gives. ``aim``: what the ratio, or the figure where there is none, is to reach, in words."""

    what: str
    unit: str
    ours: float
    usual: float | None = None
    limit: float | None = None
    aim: str = ""

    def cells(self) -> list[str]:
        ratios = [f"{self.ours / base:.3g}" if base else "–" for base in (self.usual, self.limit)]
        figures = [_figure(one) for one in (self.ours, self.usual, self.limit)]
        return [self.what, self.unit, *figures, *ratios, self.aim or "–"]


HEAD = ["what", "unit", "ours", "usual way", "limit", "ours ÷ usual", "ours ÷ limit", "aim"]


def tell(rows: Sequence[Row], more: str = "") -> None:
    """To whoever runs the benches together; ``more`` is Markdown to stand below the rows."""
    if path := os.environ.get(WHERE):
        Path(path).write_text(json.dumps({"rows": [asdict(row) for row in rows], "more": more}))


def section(name: str, about: str, told: Path) -> str:
    """``## name``, when and where it was measured, and the table of what was told. Raises FileNotFoundError."""
    said = json.loads(told.read_text())
    return "\n".join(
        [f"## {name}", about, "", markdown(HEAD, [Row(**row).cells() for row in said["rows"]]), said["more"]]
    )


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines]) + "\n"


def write(page: Path, head: str, sections: dict[str, str]) -> None:
    """Puts ``sections`` over those of the same name; the others stay as they were measured."""
    old = page.read_text() if page.exists() else ""
    kept = {
        match[1]: match[0].strip() + "\n" for match in re.finditer(r"^## (.+)\n(?:(?!^## ).*\n?)*", old, re.MULTILINE)
    }
    kept |= sections
    page.write_text("\n".join([head, *(kept[name] for name in sorted(kept))]))


def _figure(number: float | None) -> str:
    if number is None:
        return "–"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
