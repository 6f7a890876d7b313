"""A television is signed in from a phone: by whom, how long, how often, and on which pages it starts."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts import devices
from accounts.models import DeviceLink, User

TIZEN = "Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 Version/7.0 TV Safari/537.36"
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36"
NGINX = Path(__file__).parents[2] / "deploy" / "nginx" / "wenlan.conf.template"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rested() -> None:
    """Nobody tried anything yet."""
    cache.clear()


@pytest.fixture
def learner() -> User:
    return User.objects.create_user("mei", password="wenlan-demo", display_name="梅")


@pytest.fixture
def phone(learner: User) -> Client:
    client = Client(headers={"user-agent": PHONE})
    client.force_login(learner)
    return client


@pytest.fixture
def tv() -> Client:
    return Client(headers={"user-agent": TIZEN})


def shown(tv: Client) -> str:
    """The code on the television's screen."""
    return re.search(r"[A-Z]{4}-[A-Z]{4}", tv.get("/tv/link/").content.decode())[0]


def state(tv: Client) -> dict:
    return tv.post("/tv/link/state/").json()


def test_a_television_is_signed_in_by_a_phone_once(tv: Client, phone: Client, learner: User) -> None:
    code = shown(tv)
    assert state(tv)["state"] == "waiting"
    page = phone.get(f"/link/{code}/").content.decode()
    assert "三星电视" in page
    assert "梅" in page
    before = tv.session.session_key
    assert phone.post("/link/", {"code": code, "choice": "only"}).status_code == 200
    assert state(tv) == {"state": "approved", "next": "/tv/"}
    assert tv.session["_auth_user_id"] == str(learner.pk)
    assert tv.session.session_key != before, "the session is a new one"
    assert DeviceLink.objects.count() == 0
    assert state(tv)["state"] == "expired"
    assert phone.get(f"/link/{code}/").status_code == 404


def test_a_code_in_small_letters_with_blanks_is_the_same(tv: Client, phone: Client) -> None:
    code = shown(tv)
    assert phone.get("/link/", {"code": f" {code.lower().replace('-', ' ')} "}).status_code == 200


def test_nobody_is_asked_before_signing_in(tv: Client) -> None:
    answer = Client().get(f"/link/{shown(tv)}/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/?next=/link/")


def test_looking_at_a_code_agrees_to_nothing(tv: Client, phone: Client) -> None:
    code = shown(tv)
    phone.get(f"/link/{code}/?choice=only")
    assert state(tv)["state"] == "waiting"
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())
    assert strict.post("/link/", {"code": code, "choice": "only"}).status_code == 403
    assert state(tv)["state"] == "waiting"


def test_a_refused_television_stays_outside(tv: Client, phone: Client) -> None:
    phone.post("/link/", {"code": shown(tv), "choice": "refuse"})
    assert state(tv)["state"] == "refused"
    assert "_auth_user_id" not in tv.session


def test_a_code_is_dead_after_five_minutes(tv: Client, phone: Client) -> None:
    code = shown(tv)
    phone.post("/link/", {"code": code, "choice": "only"})
    DeviceLink.objects.update(created_at=timezone.now() - timedelta(minutes=5, seconds=1))
    assert state(tv)["state"] == "expired"
    assert "_auth_user_id" not in tv.session
    assert phone.get(f"/link/{code}/").status_code == 404


def test_only_the_television_that_asked_is_signed_in(tv: Client, phone: Client) -> None:
    code = shown(tv)
    phone.post("/link/", {"code": code, "choice": "only"})
    stranger = Client()
    assert state(stranger)["state"] == "expired"
    pk = DeviceLink.objects.get().pk
    assert devices.claim(pk, "guessed").state == "expired"
    assert state(tv)["state"] == "approved"


def test_a_code_is_answered_once(tv: Client, phone: Client) -> None:
    code = shown(tv)
    link = devices.waiting(code)
    assert link is not None
    assert devices.answer(link, None)
    assert not devices.answer(link, User.objects.get())
    assert state(tv)["state"] == "refused"


def test_a_closed_account_signs_nothing_in(tv: Client, phone: Client, learner: User) -> None:
    phone.post("/link/", {"code": shown(tv), "choice": "only"})
    User.objects.filter(pk=learner.pk).update(is_active=False)
    assert state(tv)["state"] == "refused"


def test_guessing_codes_is_stopped(phone: Client) -> None:
    answers = [phone.get("/link/BBBB-CCCC/").status_code for _ in range(11)]
    assert answers == [404] * 10 + [429]


def test_the_secret_is_not_stored(tv: Client) -> None:
    shown(tv)
    _pk, secret = tv.session["device_link"]
    link = DeviceLink.objects.get()
    assert secret not in {link.secret_hash, link.user_code}
    assert len(link.secret_hash) == 64


# Which pages a television gets ---------------------------------------------------------------------


def test_a_television_is_led_to_its_pages_unless_it_chose_others(tv: Client) -> None:
    first = tv.get("/")
    assert (first.status_code, first.headers["Location"]) == (302, "/tv/")
    assert "User-Agent" in first.headers["Vary"]
    tv.get("/look/screen/page/?next=/")
    assert tv.get("/").status_code == 200


def test_phones_and_computers_are_not(client: Client) -> None:
    assert client.get("/", headers={"user-agent": PHONE}).status_code == 200


def test_the_front_knows_the_same_televisions() -> None:
    (listed,) = re.findall(r'"~\(([^)]*)\)" tv;', NGINX.read_text())
    assert listed.split("|") == list(devices.TELEVISIONS)
