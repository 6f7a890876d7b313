"""E6 as readers meet it: 简, 繁 and EN from any page, staying where they are, kept for the next page."""

import re

import pytest

PAGES = ["/", "/search/?q=miaoxiu", "course", "/tv/"]
SIMPLIFIED_ONLY = set("门课绣针讲页题区")
TRADITIONAL = set("門課繡針講頁題區")


@pytest.mark.parametrize("path", PAGES[:3])
def test_languages_are_switched_in_place_and_kept(page, site, talk, path):
    address = site.url + (talk["url"] if path == "course" else path)
    page.goto(address)
    page.locator(".languages a", has_text="繁").first.click()
    page.wait_for_function("() => document.documentElement?.lang === 'zh-Hant'")
    assert page.url == address
    written = set(page.locator("body").inner_text())
    assert written & TRADITIONAL
    assert not written & SIMPLIFIED_ONLY - TRADITIONAL
    words = page.locator("#player-data").text_content() if path == "course" else "再試一次"
    assert "再試一次" in words, "what scripts will say is converted too"
    page.locator(".languages a", has_text="EN").first.click()
    page.wait_for_function("() => document.documentElement?.lang === 'en'")
    assert page.url == address
    around = " ".join(page.locator("header, footer").all_inner_texts())
    assert not re.search(r"[\u4e00-\u9fff]", re.sub("[文澜瀾简簡繁]", "", around)), around
    page.goto(f"{site.url}/help/")
    assert page.evaluate("() => document.documentElement.lang") == "en"
    page.locator(".languages a[lang='zh-Hans']").first.click()
    page.wait_for_function("() => document.documentElement?.lang === 'zh-Hans'")
