"""How a reader wants the pages to look. Kept on the device for a year, in one cookie of words, so it needs no account
and the server can make the page right the first time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "wenlan_look"
YEAR = 365 * 24 * 3600

CHOICES = {
    "mode": ("plain", "senior"),
    "light": ("auto", "light", "dark"),
    "screen": ("auto", "page"),
    "sound": ("none", "pinyin"),
}
"""What can be chosen, the first by itself: ``senior`` is 长辈版, fewer and larger things; ``page`` keeps televisions on
the ordinary pages; ``pinyin`` stands above difficult characters."""

FULL, FEW = 24, 6
"""Courses on a page of a list; in senior mode as many as one can choose from at a glance."""


@dataclass(frozen=True, slots=True)
class Look:
    """One value of each of ``CHOICES``. Its text is what the cookie and the class of the page hold: the values that
    are not the first of their kind, ``senior dark``."""

    mode: str = "plain"
    light: str = "auto"
    screen: str = "auto"
    sound: str = "none"

    @classmethod
    def of(cls, request: HttpRequest) -> Look:
        """What this request's cookie says; words nobody knows are left out."""
        words = request.COOKIES.get(COOKIE, "").split(".")
        return cls(**{name: word for name, values in CHOICES.items() for word in values if word in words})

    @property
    def senior(self) -> bool:
        return self.mode == "senior"

    @property
    def sounded(self) -> bool:
        return self.sound == "pinyin"

    @property
    def per_page(self) -> int:
        return FEW if self.senior else FULL

    def __bool__(self) -> bool:
        return bool(str(self))

    def __str__(self) -> str:
        words = ((getattr(self, name), values[0]) for name, values in CHOICES.items())
        return " ".join(word for word, first in words if word != first)

    def show(self, request: HttpRequest) -> None:
        """Makes this request one of a reader who has chosen this look; for previews."""
        request.COOKIES = {**request.COOKIES, COOKIE: self.words}

    @property
    def words(self) -> str:
        return str(self).replace(" ", ".")

    def keep(self, response: HttpResponse, name: str, value: str) -> None:
        """Keeps this look with one choice changed. Raises KeyError or ValueError for one there is none of."""
        if value not in CHOICES[name]:
            raise ValueError(value)
        words = replace(self, **{name: value}).words
        if words:
            _set(response, COOKIE, words)
        else:
            response.delete_cookie(COOKIE, samesite="Lax")


def keep_language(response: HttpResponse, code: str) -> None:
    """Keeps the language of the pages, as the look is kept."""
    _set(response, settings.LANGUAGE_COOKIE_NAME, code)


def _set(response: HttpResponse, name: str, value: str) -> None:
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, max_age=YEAR, samesite="Lax", httponly=True, secure=secure)


def look(request: HttpRequest) -> dict[str, Look]:
    """For templates (a context processor): ``look``."""
    return {"look": Look.of(request)}
