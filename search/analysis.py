"""How text becomes tokens. Pure, the same for documents and queries, for both engines; needs no dictionary of words.

The specification, with examples:

==================  =============================================  ==========================================
step                rule                                           example
==================  =============================================  ==========================================
fold                each character by itself: NFKC, lower case,    ``苗繡ＡＢＣ`` → ``苗绣abc``
                    traditional → simplified. Offsets map back.
runs                Han characters (and kana, hangul) that stand   ``C语言(基础)`` → ``c`` ``语言`` ``基础``
                    together; words of any other script with
                    digits and a closing ``+`` or ``#``
text stream         a Han run gives its bigrams and its last       ``苗绣针法`` → ``苗绣 绣针 针法 法``
                    character, a word itself
text of a query     the same without the last character of the     ``苗绣`` → ``苗绣``; ``C语言`` → ``c 语言``
                    last run; a single character asks for all      ``茶`` → ``茶…``
                    tokens that begin with it
py stream           a syllable a Han character, words as they      ``重庆苗绣`` → ``chong qing miao xiu``
                    are; as read in context, then, where it
                    differs, character by character
init stream         first letters, words letter by letter          ``C语言`` → ``c y y``
near stream         py with sounds that are often mixed up         ``zhang`` → ``zan``, ``ning`` → ``lin``
                    folded: zh/z ch/c sh/s, n/l, -ng/-n, ü/u;      ``都匀`` → ``dou yun``, ``du yun``
                    characters also as they are read elsewhere
==================  =============================================  ==========================================

A phrase in the text stream is a substring of one run, so a part from the middle of a title is found like its
beginning, and a two-character word is one token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import opencc
from pypinyin import Style, lazy_pinyin, pinyin

HAN = (
    "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u3040-\u309f\u30a1-\u30fa\u30fc-\u30ff\uac00-\ud7af"
)
"""Scripts without blanks between words, as they stand in a character class: Han, kana, hangul."""

BREAK = "¶"
"""A token no reader types. It stands at both ends of every title and name: phrases cannot reach over it, and a phrase
with breaks at its ends means the whole title."""

WORD_LIMIT = 40
"""Characters of a word that are kept; longer ones are addresses or noise."""

_ALL_SYLLABLES = """
    a ai an ang ao ba bai ban bang bao bei ben beng bi bian biao bie bin bing bo bu ca cai can cang cao ce cen ceng
    cha chai chan chang chao che chen cheng chi chong chou chu chua chuai chuan chuang chui chun chuo ci cong cou cu
    cuan cui cun cuo da dai dan dang dao de dei den deng di dia dian diao die ding diu dong dou du duan dui dun duo e
    ei en eng er fa fan fang fei fen feng fo fou fu ga gai gan gang gao ge gei gen geng gong gou gu gua guai guan guang
    gui gun guo ha hai han hang hao he hei hen heng hong hou hu hua huai huan huang hui hun huo ji jia jian jiang jiao
    jie jin jing jiong jiu ju juan jue jun ka kai kan kang kao ke kei ken keng kong kou ku kua kuai kuan kuang kui kun
    kuo la lai lan lang lao le lei leng li lia lian liang liao lie lin ling liu lo long lou lu luan lun luo lv lve ma
    mai man mang mao me mei men meng mi mian miao mie min ming miu mo mou mu na nai nan nang nao ne nei nen neng ni
    nian niang niao nie nin ning niu nong nou nu nuan nuo nv nve o ou pa pai pan pang pao pei pen peng pi pian piao pie
    pin ping po pou pu qi qia qian qiang qiao qie qin qing qiong qiu qu quan que qun ran rang rao re ren reng ri rong
    rou ru ruan rui run ruo sa sai san sang sao se sen seng sha shai shan shang shao she shei shen sheng shi shou shu
    shua shuai shuan shuang shui shun shuo si song sou su suan sui sun suo ta tai tan tang tao te teng ti tian tiao tie
    ting tong tou tu tuan tui tun tuo wa wai wan wang wei wen weng wo wu xi xia xian xiang xiao xie xin xing xiong xiu
    xu xuan xue xun ya yan yang yao ye yi yin ying yo yong you yu yuan yue yun za zai zan zang zao ze zei zen zeng zha
    zhai zhan zhang zhao zhe zhei zhen zheng zhi zhong zhou zhu zhua zhuai zhuan zhuang zhui zhun zhuo zi zong zou zu
    zuan zui zun zuo
"""
SYLLABLES = frozenset(_ALL_SYLLABLES.split())
TYPED_AS = {"lue": "lve", "nue": "nve"}
"""Syllables that keyboards without ü spell otherwise; ``nue`` may also be ``nu e``, and ``nuer`` ``nu er``."""

LONGEST = max(map(len, SYLLABLES))
BEGINNINGS = frozenset(syllable[:end] for syllable in SYLLABLES for end in range(1, len(syllable) + 1))
SPELLINGS_LIMIT = 8
"""Ways to cut a run of letters into syllables that are tried; the fewest syllables first."""

READINGS_LIMIT, NEIGHBOURS = 3, 3
"""Readings of a character that are looked at, and syllables before and behind one that is read otherwise."""

_SIMPLIFIER = opencc.OpenCC("t2s")
_HAN_CHAR = re.compile(f"[{HAN}]")
_RUN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+[+#]*")
_TOKEN = re.compile(rf"(?=([{HAN}]{{1,2}}))[{HAN}]|([^\W_{HAN}]+[+#]*)")
"""A Han character with the next of its run, or a word: all runs in one pass."""

_LATIN = re.compile(r"[a-z]+")


class _Folding(dict[int, str]):
    """A table for ``str.translate`` that fills itself, one character at a time."""

    def __missing__(self, code: int) -> str:
        folded = unicodedata.normalize("NFKC", chr(code)).lower()
        folded = "".join(_SIMPLIFIER.convert(char) if ord(char) > 0x2FFF else char for char in folded)
        self[code] = folded
        return folded


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Text as it is compared: ``苗繡 ＡＩ`` → ``苗绣 ai``."""
    return text.translate(_FOLDING)


@lru_cache(maxsize=256)
def fold_with_offsets(text: str) -> tuple[str, list[int]]:
    """The folded text and, for each of its characters, the position of its origin; one more at the end."""
    pieces: list[str] = []
    offsets: list[int] = []
    for position, char in enumerate(text):
        piece = char.translate(_FOLDING)
        pieces.append(piece)
        offsets.extend([position] * len(piece))
    offsets.append(len(text))
    return "".join(pieces), offsets


def is_han(run: str) -> bool:
    return bool(_HAN_CHAR.match(run))


def runs(folded: str) -> list[str]:
    """Han runs and words: ``c语言 基础`` → ``["c", "语言", "基础"]``."""
    return _RUN.findall(folded)


def run_spans(folded: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in _RUN.finditer(folded))


def _run_tokens(run: str) -> list[str]:
    if not is_han(run):
        return [run[:WORD_LIMIT]]
    return [run[i : i + 2] for i in range(len(run))]


def text_tokens(text: str) -> list[str]:
    """The text stream: ``苗绣针法`` → ``["苗绣", "绣针", "针法", "法"]``."""
    return [pair or word[:WORD_LIMIT] for pair, word in _TOKEN.findall(fold(text))]


def query_tokens(text: str) -> tuple[tuple[str, ...], bool]:
    """Tokens of one word of a query, and whether the last is only a beginning: ``茶`` → ``(("茶",), True)``."""
    found = runs(fold(text))
    if not found:
        return (), False
    tokens = [token for run in found[:-1] for token in _run_tokens(run)]
    last = _run_tokens(found[-1])
    if not is_han(found[-1]):
        return (*tokens, *last), False
    return (*tokens, *(last[:-1] or last)), len(last) == 1


# Sounds -----------------------------------------------------------------------------------------


def _simplified(text: str) -> str:
    """Simplified by words where that keeps the length (乾隆 stays 乾隆), else by characters: for reading aloud."""
    plain = unicodedata.normalize("NFKC", text).lower()
    simple = _SIMPLIFIER.convert(plain)
    return simple if len(simple) == len(plain) else plain.translate(_FOLDING)


@lru_cache(maxsize=50_000)
def _read(run: str) -> tuple[str, ...]:
    """Syllables of a Han run as read in context, one a character; a character without a reading stands for itself."""
    spoken = lazy_pinyin(run, style=Style.NORMAL)
    return tuple(spoken) if len(spoken) == len(run) else tuple(map(_read_char, run))


@lru_cache(maxsize=50_000)
def _read_char(char: str) -> str:
    return "".join(lazy_pinyin(char, style=Style.NORMAL)) or char


@lru_cache(maxsize=20_000)
def readings(text: str) -> tuple[tuple[str, ...], ...]:
    """One or two ways to read a text: in context and, where it differs, character by character.
    ``音乐`` → ``(("yin", "yue"), ("yin", "le"))``."""
    found = runs(_simplified(text))
    context = tuple(unit for run in found for unit in (_read(run) if is_han(run) else (run[:WORD_LIMIT],)))
    single = tuple(unit for run in found for unit in (map(_read_char, run) if is_han(run) else (run[:WORD_LIMIT],)))
    return (context,) if context == single else (context, single)


@lru_cache(maxsize=20_000)
def ways_to_read(char: str) -> tuple[str, ...]:
    """The commonest syllables a Han character may be read as, without tones: ``都`` → ``("dou", "du")``."""
    return tuple(dict.fromkeys(pinyin(char, style=Style.NORMAL, heteronym=True)[0]))[:READINGS_LIMIT]


def read_elsewhere(text: str) -> Iterator[tuple[str, ...]]:
    """The neighbourhood of each character that may also be read otherwise, read so: ``都匀`` → ``("du", "yun")``,
    ``("dou", "jun")``. For names a dictionary reads wrongly, and readers who do."""
    spoken = readings(text)
    units, found = spoken[0], runs(_simplified(text))
    chars = [char for run in found for char in (run if is_han(run) else [""])]
    for n, char in enumerate(chars):
        for other in ways_to_read(char) if char else ():
            if all(other != way[n] for way in spoken):
                yield (*units[max(0, n - NEIGHBOURS) : n], other, *units[n + 1 : n + 1 + NEIGHBOURS])


def initials(units: Iterable[str]) -> tuple[str, ...]:
    """First letters of syllables; words letter by letter: ``("c++", "yu")`` → ``("c", "+", "+", "y")``."""
    return tuple(letter for unit in units for letter in (unit[0] if unit in SYLLABLES else unit))


_NEAR = (
    (re.compile(r"^([zcs])h"), r"\1"),
    (re.compile(r"^n(?=.)"), "l"),
    (re.compile(r"ng$"), "n"),
    (re.compile(r"v"), "u"),
)


@lru_cache(maxsize=5_000)
def near(syllable: str) -> str:
    """A syllable without what is often mixed up: ``zhang`` → ``zan``, ``niu`` → ``liu``; words unchanged."""
    if syllable not in SYLLABLES:
        return syllable
    for pattern, replacement in _NEAR:
        syllable = pattern.sub(replacement, syllable)
    return syllable


@lru_cache(maxsize=5_000)
def spellings(letters: str, unfinished: bool = False) -> tuple[tuple[str, ...], ...]:
    """Ways to cut letters into syllables, fewest first: ``xian`` → ``(("xian",), ("xi", "an"))``; empty when there is
    none. ``unfinished``: the last may be the beginning of one, ``miaox`` → ``(("miao", "x"),)``."""
    letters = letters.replace("u:", "v")
    if not _LATIN.fullmatch(letters) or len(letters) > WORD_LIMIT:
        return ()
    best: list[list[tuple[str, ...]]] = [[()]]
    for end in range(1, len(letters) + 1):
        known = BEGINNINGS if unfinished and end == len(letters) else SYLLABLES
        ways = [
            (*way, TYPED_AS.get(letters[start:end], letters[start:end]))
            for start in range(max(0, end - LONGEST), end)
            if letters[start:end] in known or letters[start:end] in TYPED_AS
            for way in best[start]
        ]
        best.append(sorted(ways, key=len)[:SPELLINGS_LIMIT])
    return tuple(best[-1])


def sounds(text: str, unfinished: bool = False) -> tuple[tuple[str, ...], ...]:
    """Ways a typed word may sound, Han and letters mixed: ``miao绣`` → ``(("miao", "xiu"),)``. Empty when some
    letters are no pinyin."""
    found = runs(_simplified(text))
    parts: list[tuple[tuple[str, ...], ...]] = []
    for number, run in enumerate(found):
        last = unfinished and number == len(found) - 1
        parts.append(readings(run) if is_han(run) or run.isdigit() else spellings(run, last))
    ways = product(*parts) if parts else ()
    joined = dict.fromkeys(tuple(unit for part in way for unit in part) for way in ways)
    return tuple(joined)[:SPELLINGS_LIMIT]


@dataclass(frozen=True, slots=True)
class Streams:
    """The token streams of one field, blank-separated, as both engines store them."""

    text: str
    py: str = ""
    near: str = ""
    init: str = ""


def _framed(lines: Iterable[str]) -> str:
    """Lines of tokens in one, a break before, between and after them, so that a phrase with breaks at its ends means
    the whole of a title."""
    return f" {BREAK} ".join(["", *lines, ""]).strip()


def text_stream(parts: Iterable[str]) -> str:
    return _framed(_text_line(part) for part in parts if part)


@lru_cache(maxsize=2_000)
def _text_line(part: str) -> str:
    """Kept, for what is said in a course stands in the course and by itself."""
    return " ".join(text_tokens(part))


def streams(parts: Iterable[str]) -> Streams:
    """All streams of several titles or names: ``["苗绣", "Miao embroidery"]``."""
    each = [_streams_of(part) for part in parts if part]
    return Streams(*(_framed(one[form] for one in each) for form in range(len(Streams.__slots__))))


@lru_cache(maxsize=20_000)
def _streams_of(part: str) -> tuple[str, ...]:
    """The streams of one title or name, in the order of ``Streams``, without breaks at their ends. Kept, for names
    come again with every course."""
    spoken = readings(part)
    heard = [map(near, units) for units in (*spoken, *read_elsewhere(part))]
    lines = [[text_tokens(part)], spoken, heard, [initials(units) for units in spoken]]
    return tuple(f" {BREAK} ".join(map(" ".join, units)) for units in lines)
