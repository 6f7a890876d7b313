"""Pinyin above difficult characters: which ones, with which sound, and what is left alone."""

import pytest
from django.test import Client

from accounts.look import COOKIE
from accounts.ruby import annotate, difficult


@pytest.mark.parametrize("char", "髹缂畲傩榫婺歙")
def test_ruby_difficult_characters_are_those_few_people_read(char):
    assert difficult(char)


@pytest.mark.parametrize("char", "苗绣川剧銀繡a1，。 ")
def test_ruby_leaves_common_ones_and_their_traditional_forms(char):
    assert not difficult(char)


def test_ruby_stands_over_each_difficult_character_and_nothing_else():
    page = '<head><title>髹漆</title></head><body><a title="髹" href="/x">髹漆技艺</a><script>"髹"</script></body>'
    assert annotate(page) == (
        '<head><title>髹漆</title></head><body><a title="髹" href="/x"><ruby>髹<rp>(</rp><rt>xiū</rt><rp>)</rp></ruby>'
        '漆技艺</a><script>"髹"</script></body>'
    )


def test_ruby_takes_the_sound_from_the_words_around():
    assert "<rt>huí</rt>" not in annotate("<body>回</body>")
    assert "<rt>diàn</rt>" in annotate("<body>螺钿</body>")
    assert annotate("<body>缂丝 &amp; <ruby>婺<rt>wù</rt></ruby>剧</body>").count("<ruby>") == 2


def test_ruby_on_a_page_only_for_who_asked(db, client: Client):
    address = "/search/?q=缂丝"
    assert "<ruby>" not in client.get(address).text
    client.cookies[COOKIE] = "pinyin"
    page = client.get(address)
    assert "<ruby>缂<rp>(</rp><rt>kè</rt><rp>)</rp></ruby>丝" in page.text
    client.cookies["django_language"] = "zh-hant"
    assert "<ruby>緙<rp>(</rp><rt>kè</rt>" in client.get(address).text


def test_ruby_is_a_choice_kept_like_the_others(db, client: Client):
    kept = client.get("/look/sound/pinyin/?next=/help/")
    assert kept.cookies[COOKIE].value == "pinyin"
    assert "不注音" in client.get("/help/").text
    assert client.get("/look/sound/loud/").status_code == 404
