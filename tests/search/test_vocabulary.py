"""Words as editors write them, and how soon every process knows them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from search import vocabulary
from search.models import Term
from search.vocabulary import Vocabulary, syllables, vocabulary_of

ROOT = Path(__file__).resolve().parents[2]


def term(word: str, *same: str, one_way: bool = False, spelling: str = "") -> Term:
    return Term.objects.create(word=word, same=list(same), one_way=one_way, spelling=spelling)


@pytest.mark.django_db
def test_vocabulary_is_empty_without_terms(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert vocabulary.current() == Vocabulary()


@pytest.mark.django_db
def test_vocabulary_folds_words_and_goes_both_ways() -> None:
    term("苗繡", "花绣", "Miao  Embroidery")
    found = vocabulary.current()
    assert found.words == {"苗绣", "花绣", "miao embroidery"}
    assert found.same["苗绣"] == ("花绣", "miao embroidery")
    assert found.same["花绣"] == ("苗绣", "miao embroidery")
    assert found.same["miao embroidery"] == ("苗绣", "花绣")


@pytest.mark.django_db
def test_vocabulary_of_one_way_terms_does_not_lead_back() -> None:
    term("糕点", "定胜糕", one_way=True)
    assert vocabulary.current().same == {"糕点": ("定胜糕",)}
    assert vocabulary.current().words == {"糕点", "定胜糕"}


@pytest.mark.django_db
def test_vocabulary_gathers_what_two_terms_say_and_infers_nothing() -> None:
    term("苗绣", "花绣")
    term("花绣", "绣花")
    same = vocabulary.current().same
    assert same["花绣"] == ("苗绣", "绣花")
    assert same["苗绣"] == ("花绣",)


@pytest.mark.django_db
def test_vocabulary_does_not_cut_at_single_characters() -> None:
    term("茗", "茶叶")
    assert vocabulary.current().words == {"茶叶"}
    assert vocabulary.current().same["茗"] == ("茶叶",)


@pytest.mark.django_db
def test_vocabulary_knows_how_a_word_is_read() -> None:
    term("鸭通", spelling="ya tong")
    assert vocabulary.current().readings == {"鸭通": ("ya", "tong")}


@pytest.mark.django_db
def test_vocabulary_knows_each_change_at_once_and_asks_once_when_there_is_none(django_assert_num_queries: Any) -> None:
    one = term("苗绣", "花绣")
    assert "花绣" in vocabulary.current().same
    one.same = ["绣花"]
    one.save()
    assert set(vocabulary.current().same) == {"苗绣", "绣花"}
    with django_assert_num_queries(1):
        vocabulary.current()
    one.delete()
    assert vocabulary.current() == Vocabulary()


@pytest.mark.django_db
def test_vocabulary_forgets_what_was_rolled_back() -> None:
    term("苗绣")
    with transaction.atomic():
        term("侗锦")
        assert "侗锦" in vocabulary.current().words
        transaction.set_rollback(True)
    term("壮锦")
    assert vocabulary.current().words == {"苗绣", "壮锦"}


A_PROCESS = """
import sys, django
django.setup()
from django.db import connection
from search import vocabulary
from search.models import Edition, Term
for line in sys.stdin:
    if line == "tables\\n":
        with connection.schema_editor() as editor:
            editor.create_model(Edition)
            editor.create_model(Term)
    elif line != "words\\n":
        Term.objects.create(word=line.strip())
    print(*sorted(vocabulary.current().words), flush=True)
"""


def test_vocabulary_is_known_to_the_next_question_of_another_process(tmp_path: Path) -> None:
    """Two processes and one database: what the first saves, the second knows when it is asked the next time."""
    env = {**os.environ, "WENLAN_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    env.pop("DATABASE_URL", None)
    command = [sys.executable, "-c", A_PROCESS]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": env, "cwd": ROOT}

    def tell(process: subprocess.Popen[str], line: str) -> str:
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    with subprocess.Popen(command, **pipes) as desk, subprocess.Popen(command, **pipes) as web:
        tell(desk, "tables")
        assert tell(web, "words") == ""
        for saved, known in (("苗绣", "苗绣"), ("侗锦", "侗锦 苗绣")):
            tell(desk, saved)
            assert tell(web, "words") == known
        desk.stdin.close()
        web.stdin.close()


def test_vocabulary_of_many_terms_is_a_plain_function() -> None:
    terms = [Term(word=f"词{n}", same=[f"同{n}"]) for n in range(2000)]
    assert len(vocabulary_of(terms).words) == 4000


@pytest.mark.parametrize(
    ("word", "typed", "read"),
    [
        ("鸭通", "ya tong", ("ya", "tong")),
        ("鸭通", "yā tóng", ("ya", "tong")),
        ("鸭通", "Ya1 tong2", ("ya", "tong")),
        ("鸭通", "yatong", ("ya", "tong")),
        ("西安", "xian", ("xi", "an")),
        ("女红", "nǚ gōng", ("nv", "gong")),
        ("女紅", "nü'gong", ("nv", "gong")),
    ],
)
def test_syllables_are_read_as_people_type_them(word: str, typed: str, read: tuple[str, ...]) -> None:
    assert syllables(word, typed) == read


@pytest.mark.parametrize(
    ("word", "typed", "told"),
    [
        ("鸭通", "ya", "2 个字"),
        ("鸭通", "ya tong guo", "3 个音节"),
        ("鸭通", "ya tnog", "“tnog”不是拼音"),
        ("C语言", "yu yan", "不全是汉字"),
        ("鸭通", "鸭通", "不是拼音"),
    ],
)
def test_syllables_that_cannot_be_are_refused_in_words(word: str, typed: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        syllables(word, typed)
