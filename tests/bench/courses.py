"""A library that looks real, of any size: courses put together from the words of the demo library and of the division
tree, and what people would ask it. The same seed gives the same courses, and a larger library begins like a smaller."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from pathlib import Path

from django.conf import settings
from opencc import OpenCC
from pypinyin import lazy_pinyin

from catalog.models import Institution, Place, Theme
from catalog.place_data import Row, read_divisions
from cms.demo.content import library
from search.documents import CourseDocument, Name, PassageDocument
from search.facets import place_ancestors

SEED = 20
HOUSES = 200
TEACHERS = 3000
KINDS = {"video": 60, "audio": 15, "reading": 15, "gallery": 6, "link": 4}
LENGTHS = {"short": 25, "medium": 40, "long": 25, "series": 10}
LANGUAGES = {"zh-Hans": 92, "yue": 3, "wuu": 2, "zh-Hant": 2, "en": 1}
LEVELS = {"starter": 60, "middle": 25, "advanced": 15}
ENDINGS = (
    *("入门", "基础", "十讲", "二十四讲", "公开课", "欣赏", "手把手", "从零开始", "进阶", "实操", "一学就会", "小课堂"),
    *("讲座", "工作坊", "技法", "常识", "问答", "图解", "指南", "的故事", "与生活", "在社区", "传承人说", "研习班"),
)
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许邓冯韩曹"
GIVEN = "华英明秀兰桂芳建国志强丽萍文军玉梅春生海燕红霞晓东永平淑珍水根阿福云飞思远静怡"
HAN = re.compile(r"[\u4e00-\u9fff]{2,8}")


@dataclass(frozen=True, slots=True)
class Session:
    """One word as a typist enters it: what stands in the box after each key."""

    way: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: words and two filters."""

    text: str
    filters: tuple[tuple[str, str], ...]


class Words:
    """What courses are made of, read once."""

    def __init__(self) -> None:
        demo = library()
        rng = random.Random(SEED)
        pieces = [run for course in demo.courses for run in HAN.findall(course.title)]
        pieces += [run for course in demo.courses for text in course.subjects for run in HAN.findall(text)]
        pieces += [run for course in demo.courses for one in course.lessons for run in HAN.findall(one.title)[-1:]]
        self.subjects = sorted({piece for piece in pieces if not re.match("第.*[讲课集]", piece)})
        rng.shuffle(self.subjects)
        texts = [one.text for course in demo.courses for one in course.lessons]
        self.clauses = sorted({clause for text in texts for clause in re.split(r"[，。；：？！\n]", text) if clause})
        self.english = [course.title_en for course in demo.courses if course.title_en]
        self.themes = [(theme, child) for theme in demo.partners["theme"] for child in theme["children"]]
        self.places = [row for row in read_divisions(Path(settings.PLACES_DIR), 3) if row.valid_until is None]
        self.counties = [row for row in self.places if row.level == 3]
        rng.shuffle(self.counties)
        self.houses = [
            (f"house-{n}", f"{county.name}{'社区大学' if n % 2 else '老年开放大学'}")
            for n, county in enumerate(self.counties[:HOUSES])
        ]
        self.teachers = [rng.choice(SURNAMES) + "".join(rng.sample(GIVEN, rng.choice((1, 2)))) for _ in range(TEACHERS)]

    @cached_property
    def names_of_places(self) -> dict[str, str]:
        return {row.code: row.name for row in self.places}

    def put_into_database(self) -> None:
        """The rows behind the labels of filters; courses need none."""
        for theme in library().partners["theme"]:
            node = Theme.add_root(slug=theme["slug"], name=theme["name"])
            for slug, name, _english in theme["children"]:
                node.add_child(slug=slug, name=name)
        rows = sorted(self.places, key=lambda row: len(row.code))
        above = {row.code for row in rows}
        Place.objects.bulk_create(
            Place(code=row.code, name=row.name, level=row.level, parent_id=_parent(row, above)) for row in rows
        )
        for number, (code, name) in enumerate(self.houses):
            above = _above(number)
            if above is None:
                Institution.add_root(code=code, name=name)
            else:
                Institution.objects.get(code=self.houses[above][0]).add_child(code=code, name=name)


def _above(number: int) -> int | None:
    """Which house the n-th belongs to: ten provinces, four cities in each, and the counties."""
    if number < 10:
        return None
    return number % 10 if number < 50 else 10 + number % 40


def _parent(row: Row, known: set[str]) -> str | None:
    return next((code for code in reversed(place_ancestors(row.code)[:-1]) if code in known), None)


class _Few:
    """Choices in which the first of a list come up most: the n-th with a weight of 1 / (n + 3)."""

    def __init__(self, items: Sequence) -> None:
        self.items = items
        self.weights = list(accumulate(1 / (n + 3) for n in range(len(items))))

    def __call__(self, rng: random.Random):
        return rng.choices(self.items, cum_weights=self.weights)[0]


class Library:
    """Courses and questions from some words."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self._subject, self._county, self._house = map(_Few, (words.subjects, words.counties, words.houses))
        self._clause, self._teacher, self._theme = map(_Few, (words.clauses, words.teachers, words.themes))

    def documents(self, count: int) -> Iterator[CourseDocument]:
        rng = random.Random(SEED)
        return (self._document(rng, number) for number in range(1, count + 1))

    def _document(self, rng: random.Random, number: int) -> CourseDocument:
        county, teacher = self._county(rng), rng.randrange(TEACHERS)
        subject = self._subject(rng)
        title = self._title(rng, subject, county, self.words.teachers[teacher])
        known = self._known(rng, county, teacher)
        values = {(name.facet, name.value) for name in known}
        for facet, shares in (("kind", KINDS), ("length", LENGTHS), ("language", LANGUAGES), ("level", LEVELS)):
            values.add((facet, rng.choices(list(shares), list(shares.values()))[0]))
        values |= {("captions", "yes")} if rng.random() < 0.3 else set()
        english = (rng.choice(self.words.english),) if rng.random() < 0.08 else ()
        inside = rng.random() < 0.2
        return CourseDocument(
            id=number,
            slug=f"course-{number}",
            titles=(title, *english),
            version=number,
            names=(*(name.text for name in known), subject, self._subject(rng)),
            body=self._text(rng, rng.randint(100, 300)),
            facets=tuple(sorted(values)),
            known=known,
            passages=tuple(self._passages(rng, rng.randint(3, 10))) if inside else (),
            until="2020-12-31" if rng.random() < 0.01 else "",
            views=int(rng.paretovariate(0.9)) - 1,
            published=1.6e9 + rng.random() * 1.5e8,
            sort_key=" ".join(lazy_pinyin(title[:6])),
        )

    def _title(self, rng: random.Random, subject: str, county: Row, teacher: str) -> str:
        place, ending = county.name.removesuffix("区").removesuffix("市").removesuffix("县"), rng.choice(ENDINGS)
        shape = rng.random()
        if shape < 0.5:
            return f"{place}{subject}{ending}"
        if shape < 0.8:
            return f"{subject}与{self._subject(rng)}{rng.choice(('', ending))}"
        if shape < 0.9:
            return f"{teacher}讲{subject}"
        return f"{subject}{ending}第{rng.randint(1, 60)}期"

    def _known(self, rng: random.Random, county: Row, teacher: int) -> tuple[Name, ...]:
        theme, (slug, name, _english) = self._theme(rng)
        places = [code for code in place_ancestors(county.code) if code in self.words.names_of_places]
        house, called = self._house(rng)
        return (
            Name("theme", theme["slug"], theme["name"]),
            Name("theme", slug, name),
            *(Name("place", code, self.words.names_of_places[code]) for code in places),
            Name("institution", house, called),
            Name("teacher", str(teacher), self.words.teachers[teacher]),
        )

    def _text(self, rng: random.Random, length: int) -> str:
        pieces: list[str] = []
        left = length
        while left > 0:
            pieces.append(rng.choice(self.words.clauses) if rng.random() < 0.8 else self._subject(rng))
            left -= len(pieces[-1]) + 1
        return "，".join(pieces) + "。"

    def _passages(self, rng: random.Random, count: int) -> Iterator[PassageDocument]:
        for number in range(count):
            text = self._text(rng, rng.randint(80, 160))
            yield PassageDocument(1, "第一讲", text, seconds=number * 30, marks=((0, number * 30),))

    # Asking -------------------------------------------------------------------------------------

    def questions(self, count: int) -> list[Asked]:
        """A word, two words, or a part from the middle of a title, each with two filters of a course that has it."""
        rng = random.Random(SEED + 1)
        return [self._question(rng, course) for course in _some(self.documents(count * 5), 5)]

    def _question(self, rng: random.Random, course: CourseDocument) -> Asked:
        title, subject = course.titles[0], course.names[-2]
        first = rng.randrange(max(1, len(title) - 4))
        way = rng.random()
        place = next(name.text for name in course.known if name.facet == "place")
        text = subject if way < 0.4 else f"{place[:2]} {subject}" if way < 0.7 else title[first : first + 4]
        values = dict(reversed(course.facets))  # of a tree the widest
        return Asked(text, tuple((name, values[name]) for name in rng.choice((("kind", "theme"), ("kind", "place")))))

    def sessions(self, count: int) -> list[Session]:
        """Words typed key by key: characters, pinyin, initials, both mixed, traditional."""
        rng = random.Random(SEED + 2)
        return [self._session(rng, course) for course in _some(self.documents(count * 7), 7)]

    def _session(self, rng: random.Random, course: CourseDocument) -> Session:
        title = course.titles[0]
        first = rng.randrange(max(1, len(title) - 5))
        named = rng.choice(course.known).text
        word = rng.choice((course.names[-2], title[first : first + 5], title, named))[:6]
        way = rng.choices(("characters", "pinyin", "initials", "mixed", "traditional"), (35, 30, 15, 10, 10))[0]
        spoken = lazy_pinyin(word)
        match way:
            case "characters":
                text = word
            case "pinyin":
                text = "".join(spoken[:4])
            case "initials":
                text = "".join(one[0] for one in spoken)
            case "mixed":
                text = spoken[0] + word[1:3]
            case _:
                text = OpenCC("s2t").convert(word)
        return Session(way, tuple(text[:end] for end in range(1, len(text) + 1)))


def _some(documents: Iterator[CourseDocument], step: int) -> Iterable[CourseDocument]:
    return islice(documents, 0, None, step)
