"""From what people write to the division they mean: names with their ancestors, codes, former names, both scripts.

Only an answer that is certain is given. A name that several divisions bear (朝阳区) is answered with a reason."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from accounts.scripts import simplified
from catalog.models import GAPS, Place
from catalog.place_data import coded_aliases

_PEOPLES = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|高山|拉祜|水|东乡|纳西|景颇|柯尔克孜|土|达斡尔|"
    "仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|京|塔塔尔|独龙|鄂伦春|赫哲|门巴|珞巴|基诺|各"
)
_ETHNIC = re.compile(rf"((?:{_PEOPLES})族?)+(自治[区州县旗]|自治旗)$")
_ENDING = re.compile(r"(特别行政区|自治区|自治州|自治县|自治旗|地区|[省市区县盟州旗])$")
_SEPARATORS = re.compile(r"[、，,;；/\n]+")
_NOISE = re.compile(r"[\s·•]+")


def fold(name: str) -> str:
    """The form in which names are compared: simplified, NFKC, without blanks."""
    return _NOISE.sub("", simplified(unicodedata.normalize("NFKC", name))).replace("臺", "台")


def short_names(name: str) -> set[str]:
    """A division's everyday names, of two characters at least: 湖北; 海西, 海西州; 谷城."""
    bare = _ETHNIC.sub("", name)
    names = {_ENDING.sub("", name)} if bare == name else {bare, bare + name[-1]}
    return {short for short in names if len(short) >= 2 and short != name}


@dataclass(frozen=True, slots=True)
class Answer:
    """``codes`` of the divisions meant, without repetition; ``rest`` is what was written beyond their names;
    ``reason`` says why (a part of) the text led nowhere, "" when all of it did."""

    codes: tuple[str, ...] = ()
    rest: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Name:
    """A name of the division ``code``; ``rank`` 0 for its own, 1 for a former or uncoded one, 2 for its short one;
    among former names the one that ended later counts more. ``today`` is the division it leads to."""

    code: str
    today: str
    rank: int
    ended: int = 9999


@dataclass(slots=True)
class Gazetteer:
    """The names of levels 1 to 3, in memory (about 7,000 rows, 40 ms to build); lower levels are asked of the
    database below a county that is already known."""

    names: dict[str, list[_Name]] = field(default_factory=lambda: defaultdict(list))
    full: dict[str, str] = field(default_factory=dict)
    longest: int = 0
    _known: dict[str, Answer] = field(default_factory=dict)

    @classmethod
    def load(cls) -> "Gazetteer":
        gazetteer = cls()
        for place in Place.objects.filter(level__lte=3).only(
            "code", "level", "name", "aliases", "valid_until", "successor_id"
        ):
            gazetteer._take(place)
        for name, within in coded_aliases().items():
            if within in gazetteer.full:
                gazetteer._add(name, _Name(within + "~", within, 1))
        gazetteer.longest = max(map(len, gazetteer.names), default=0)
        return gazetteer

    def _take(self, place: Place) -> None:
        code, ended = place.code, place.valid_until
        if place.name in GAPS:
            return
        self.full[code] = place.name
        today = code if ended is None else place.successor_id
        if not today:
            return
        self._add(place.name, _Name(code, today, 1 if ended else 0, ended or 9999))
        for alias in place.aliases:
            self._add(alias, _Name(code, today, 1, ended or 9998))
        if ended is None:
            for short in short_names(place.name):
                self._add(short, _Name(code, today, 2))

    def _add(self, name: str, entry: _Name) -> None:
        self.names[fold(name)].append(entry)

    def resolve(self, text: str) -> Answer:
        """Divisions named in ``text``: one or, separated by 、 or a comma, several; or a code. Answers are kept."""
        text = text.strip()
        if text not in self._known:
            self._known[text] = self._of_code(text) if text.isascii() and text.isdigit() else self._of_names(text)
        return self._known[text]

    def _of_code(self, text: str) -> Answer:
        for code in _codes(text):
            place = Place.objects.filter(code=code).first()
            if place is not None and (place.valid_until is None or place.successor_id):
                return Answer((place.successor_id or place.code,))
        return Answer(reason=f"没有代码为“{text}”的行政区划")

    def _of_names(self, text: str) -> Answer:
        codes: dict[str, None] = {}
        rests: list[str] = []
        reasons: list[str] = []
        around = ""
        for piece in filter(None, (part.strip() for part in _SEPARATORS.split(text))):
            answer = self._one(piece, around) if around else Answer()
            if not answer.codes:
                answer = self._one(piece, "")
            codes.update(dict.fromkeys(answer.codes))
            if answer.codes:
                around = around or answer.codes[0][:2]
            rests += filter(None, [answer.rest])
            reasons += filter(None, [answer.reason])
        return Answer(tuple(codes), "、".join(rests), "；".join(reasons))

    def _one(self, piece: str, around: str) -> Answer:
        text, found, position = fold(piece), around, 0
        while position < len(text):
            length, candidates = self._longest_match(text[position:], found)
            if not length:
                break
            if len(candidates) > 1:
                following = self._narrow(text[position + length :], candidates)
                if following is None:
                    return Answer(reason=self._ambiguous(text[: position + length], candidates))
                candidates = {following}
            found, position = next(iter(candidates)), position + length
            if self._is_uncoded(text[position - length : position], found):
                return Answer((found,), rest=piece)
        if position == 0:
            return Answer(reason=f"没有找到名为“{piece}”的行政区划")
        return _further_down(found, piece, text[position:])

    def _is_uncoded(self, name: str, code: str) -> bool:
        return any(entry.code == code + "~" for entry in self.names.get(name, ()))

    def _longest_match(self, text: str, within: str) -> tuple[int, set[str]]:
        """Length of the longest beginning of ``text`` that is a name within ``within``, and the divisions meant."""
        for length in range(min(len(text), self.longest), 1, -1):
            entries = [
                entry
                for entry in self.names.get(text[:length], ())
                if _lies_in(entry, within) and (entry.rank < 2 or len(entry.code) < 6 or length == len(text))
            ]
            if entries:
                return length, _best(entries)
        return 0, set()

    def _narrow(self, rest: str, candidates: Iterable[str]) -> str | None:
        """The one candidate within which ``rest`` goes on to name something, if there is exactly one."""
        fits = [code for code in candidates if rest and self._longest_match(rest, code)[0]]
        return fits[0] if len(fits) == 1 else None

    def _ambiguous(self, name: str, codes: Iterable[str]) -> str:
        places = [self._full_name(code) for code in sorted(codes)]
        shown = "、".join(places[:3]) + ("等" if len(places) > 3 else "")
        return f"“{name}”有 {len(places)} 处（{shown}），请写明上级地名"

    def _full_name(self, code: str) -> str:
        return "".join(self.full.get(code[:length], "") for length in (2, 4, 6) if length <= len(code))


def _codes(text: str) -> list[str]:
    """Codes that digits may stand for: as written, or without the zeros with which six and twelve digits are filled."""
    shorter = [text[:length] for length in (9, 6, 4, 2) if len(text) > length and not text[length:].strip("0")]
    return [code for code in [text, *reversed(shorter)] if len(code) in {2, 4, 6, 9, 12}]


def _lies_in(entry: _Name, within: str) -> bool:
    return (entry.code.startswith(within) and entry.code != within) or (
        entry.today.startswith(within) and entry.today != within
    )


def _best(entries: list[_Name]) -> set[str]:
    """What the best names lead to: of one rank, the latest former ones, the widest of those that hold each other."""
    rank = min(entry.rank for entry in entries)
    ended = max(entry.ended for entry in entries if entry.rank == rank)
    codes = {entry.today for entry in entries if entry.rank == rank and entry.ended == ended}
    return {code for code in codes if not any(code != wide and code.startswith(wide) for wide in codes)}


def _further_down(code: str, piece: str, rest: str) -> Answer:
    """Goes on to streets, towns and villages named in ``rest``; what names none is kept as it was written."""
    while rest and len(code) >= 4:
        below = Place.objects.current().filter(code__startswith=code, level__in=(4, 5)).exclude(code=code)
        level = 5 if len(code) == 9 else 4
        names = [(fold(name), found) for name, found in below.filter(level=level).values_list("name", "code")]
        fits = [(len(name), found) for name, found in names if rest.startswith(name)]
        longest = max(fits, default=(0, ""))[0]
        found = [code for length, code in fits if length == longest]
        if len(found) != 1:
            break
        code, rest = found[0], rest[longest:]
    return Answer((code,), rest=piece[len(piece) - len(rest) :] if rest else "")


@lru_cache(maxsize=1)
def _kept(count: int) -> Gazetteer:
    return Gazetteer.load()


def gazetteer() -> Gazetteer:
    """The gazetteer of this process; made anew when the number of places changed, or after ``forget``."""
    return _kept(Place.objects.filter(level__lte=3).count())


def forget() -> None:
    """Drops what is kept, after a place was edited."""
    _kept.cache_clear()


def resolve(text: str) -> Answer:
    """See ``Gazetteer.resolve``."""
    return gazetteer().resolve(text)


def find(name_or_code: str) -> Place | None:
    """The one division meant, as it is today; None where nothing or more than one is named (``resolve`` says why)."""
    answer = resolve(name_or_code)
    return Place.objects.filter(code=answer.codes[0]).first() if len(answer.codes) == 1 else None
