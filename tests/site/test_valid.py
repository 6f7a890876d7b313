"""Every kind of page is valid HTML, by html-validate (its content model is that of the HTML Standard)."""

import subprocess

import pytest

from accounts.look import COOKIE
from cms.models import CollectionIndexPage, CollectionPage
from deploy import prepare

ADDRESSES = {
    "home": "/",
    "search": "/search/?q=lessons",
    "search-filtered": "/search/?q=lessons&kind=video&sort=newest",
    "search-nothing": "/search/?q=zzzzqqqq",
    "search-bad": "/search/?page=x",
    "themes": "/themes/",
    "places": "/places/",
    "collections": "/collections/",
    "collection": "/collections/threads/",
    "shelf": "/shelf/",
    "help": "/help/",
    "privacy": "/privacy/",
    "styleguide": "/styleguide/",
    "offline": "/offline/",
    "sign-in": "/accounts/login/",
    "sign-up": "/accounts/signup/",
    "lost": "/nowhere/",
    "tv": "/tv/",
    "tv-search": "/tv/search/?q=n",
    "tv-link": "/tv/link/",
    "tv-collection": "/tv/collections/threads/",
}


@pytest.fixture
def pages(library) -> dict[str, str]:
    body = [
        {"type": "chapter", "value": {"title": "First thread", "text": "<p>Silk is split.</p>"}},
        {"type": "picture", "value": {"course": library.gallery.pk, "number": 1, "caption": "", "wide": True}},
        {"type": "courses", "value": {"title": "Look", "courses": [library.film.pk]}},
        {"type": "chapter", "value": {"title": "Second thread", "text": ""}},
    ]
    page = CollectionPage(title="Threads", slug="threads", credits="Three aunts", body=body)
    CollectionIndexPage.objects.get().add_child(instance=page)
    page.save_revision().publish()
    named = {
        "theme": library.theme.get_absolute_url(),
        "place": library.place.get_absolute_url(),
        "institution": library.film.institution.get_absolute_url(),
        "embed": f"/embed/{library.film.slug}/1/",
    }
    for kind in ("film", "reading", "gallery", "link"):
        course = getattr(library, kind)
        named |= {kind: course.get_absolute_url(), f"tv-{kind}": f"/tv/{course.slug}/"}
    return {**ADDRESSES, **named, "tv-player": f"/tv/{library.film.slug}/1/"}


@pytest.mark.parametrize("look", ["", "senior", "dark.pinyin"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_is_valid_html(pages, client, tmp_path, look, language):
    if look:
        client.cookies[COOKIE] = look
    client.cookies["django_language"] = language
    for name, address in pages.items():
        answer = client.get(address)
        assert answer["Content-Type"].startswith("text/html"), address
        (tmp_path / f"{name}.html").write_bytes(answer.content)
    _npm, env = prepare.node()
    command = ["node", str(prepare.FRONTEND / "validate.mjs"), str(tmp_path)]
    told = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert told.returncode == 0, told.stderr
    assert not told.stdout, told.stdout[:6000]
