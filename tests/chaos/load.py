"""People at the site while parts of it fail: readers, viewers and partners who upload. Each does what its real client
does when nothing comes (docs/site.md, docs/uploads.md): a page is asked once, a player and an uploader try again."""

import base64
import hashlib
import json
import random
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urljoin

import urllib3
from urllib3.util import Timeout

from tests.chaos.production import PART

PATIENCE = (1, 2, 4, 8, 15, 30, 60)  # seconds between the attempts of the player, frontend/src/lib/engine.js
PAUSE = 0.15  # seconds a reader looks at a page; many readers are few threads here
BETWEEN_FILMS = 20  # seconds; two encoders' worth of work
PAGE, PLAY, UPLOAD = "page", "play", "upload"


@dataclass(frozen=True, slots=True)
class Event:
    """``at``: seconds since the load began. ``wrong``: an answer that says it is right and is not."""

    at: float
    kind: str
    ok: bool
    what: str = ""
    wrong: bool = False


def told(events: list[Event]) -> str:
    """Cells of a table: pages / failed, plays / failed, uploads, wrong answers."""
    kinds = {kind: [event for event in events if event.kind == kind] for kind in (PAGE, PLAY, UPLOAD)}
    failed = {kind: sum(not event.ok for event in mine) for kind, mine in kinds.items()}
    both = [f"{len(kinds[kind])} / {failed[kind]}" for kind in (PAGE, PLAY)]
    return " | ".join([*both, str(len(kinds[UPLOAD])), str(sum(event.wrong for event in events))])


@dataclass(slots=True)
class Ledger:
    """What everybody met, in order; and what was uploaded: the uid of each asset with its SHA-256."""

    began: float = field(default_factory=time.monotonic)
    events: list[Event] = field(default_factory=list)
    uploaded: dict[str, str] = field(default_factory=dict)

    def now(self) -> float:
        return time.monotonic() - self.began

    def note(self, kind: str, what: str = "", *, ok: bool = True, wrong: bool = False) -> None:
        self.events.append(Event(self.now(), kind, ok, what, wrong))

    def between(self, start: float, end: float) -> list[Event]:
        return [event for event in self.events if start <= event.at < end]


@dataclass(frozen=True, slots=True)
class Course:
    """Public before anything fails: ``hls`` is an address on the site."""

    title: str
    url: str
    hls: str = ""


def pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(retries=False, timeout=Timeout(connect=5, read=20), maxsize=4)


# Readers ------------------------------------------------------------------------------------------
def read(site: str, courses: list[Course], ledger: Ledger, stop: threading.Event, seed: int) -> None:
    """Half of what is asked stands in nginx's cache, as on any evening; searches and later pages do not."""
    dice, people = random.Random(seed), pool()
    while not stop.is_set():
        course = dice.choice(courses)
        path, expected = dice.choice(
            [
                ("/", "文澜"),
                ("/themes/", "常青乐龄"),
                (course.url, course.title),
                (course.url, course.title),
                (f"/search/?q={quote(course.title)}&from={dice.random()}", course.url),
                (f"/api/v1/search?q={quote(course.title)}", course.url),
            ]
        )
        try:
            answer = people.request("GET", urljoin(site, path))
        except urllib3.exceptions.HTTPError as error:
            ledger.note(PAGE, f"{path[:40]}: {type(error).__name__}", ok=False)
        else:
            good = answer.status == 200
            wrong = good and expected not in answer.data.decode()
            told = f"{path[:40]}: {'not in it: ' + expected if wrong else answer.status}"
            ledger.note(PAGE, told, ok=good and not wrong, wrong=wrong)
        stop.wait(PAUSE * dice.uniform(0.5, 1.5))


# Viewers ------------------------------------------------------------------------------------------
def patiently(people: urllib3.PoolManager, url: str, headers: dict[str, str], stop: threading.Event) -> bytes | None:
    """The bytes there, tried as long as our player does; None when it would have told the viewer that nothing plays."""
    for wait in (*PATIENCE, None):
        try:
            answer = people.request("GET", url, headers=headers)
            if answer.status in {200, 206}:
                return answer.data
        except urllib3.exceptions.HTTPError:
            pass
        if wait is None or (stop.is_set() and wait > 4):
            return None
        time.sleep(wait)
    return None


RANGE = re.compile(r'BYTERANGE[:=]"?(\d+)@(\d+)')


def pieces(playlist: str, at: str) -> Iterator[tuple[str, str]]:
    """``(address, Range)`` of the start and of each segment of a media playlist (RFC 8216, section 4.3.2.2)."""
    span = ""
    for line in playlist.splitlines():
        if found := RANGE.search(line):
            size, offset = map(int, found.groups())
            span = f"bytes={offset}-{offset + size - 1}"
        if line.startswith("#EXT-X-MAP"):
            yield urljoin(at, re.findall(r'URI="([^"]+)"', line)[0]), span
        elif line and not line.startswith("#"):
            yield urljoin(at, line), span


def watch(site: str, films: list[Course], ledger: Ledger, stop: threading.Event, seed: int) -> None:
    """A film from its first playlist to its last segment; every byte is the same as when it was seen first."""
    dice, people = random.Random(seed), pool()
    seen: dict[tuple[str, str], int] = {}
    while not stop.is_set():
        film = dice.choice(films)
        master = urljoin(site, film.hls)
        list_ = patiently(people, master, {}, stop)
        names = [] if list_ is None else [one for one in list_.decode().splitlines() if one and one[0] != "#"][:1]
        todo = [(urljoin(master, name), "") for name in names]
        failed, wrong = list_ is None, False
        while todo and not failed:
            address, span = todo.pop(0)
            data = patiently(people, address, {"Range": span} if span else {}, stop)
            if data is None:
                failed = True
            elif address.endswith(".m3u8"):
                todo += list(pieces(data.decode(), address))
            else:
                wrong = wrong or seen.setdefault((address, span), zlib.crc32(data)) != zlib.crc32(data)
                stop.wait(0.1)
        if not (failed and stop.is_set()):
            ledger.note(PLAY, film.title, ok=not failed and not wrong, wrong=wrong)


# Partners -----------------------------------------------------------------------------------------
@dataclass(slots=True)
class Uploader:
    """Sends one film after another, each unlike the others, and describes it; what fails is tried until it works."""

    site: str
    token: str
    film: bytes
    ledger: Ledger
    stop: threading.Event
    seed: int
    people: urllib3.PoolManager = field(default_factory=pool)
    made: int = 0

    def run(self) -> None:
        while not self.stop.is_set():
            self.made += 1
            self._send(f"film-{self.seed}-{self.made}")
            self.stop.wait(BETWEEN_FILMS)

    def _send(self, name: str) -> None:
        # A free box at the end (ISO/IEC 14496-12, 8.1.2) makes the file another one and as long as two parts.
        filler = random.Random(name).randbytes(PART + 1000)
        data = self.film + (len(filler) + 8).to_bytes(4) + b"free" + filler
        begin = {
            "institution": "cq-qj",
            "filename": f"{name}.mp4",
            "bytes": len(data),
            "fingerprint": hashlib.sha256(data).hexdigest(),
            "head": base64.b64encode(data[:4096]).decode(),
        }
        upload = self._call("POST", "/uploads", begin)
        for number in (1, 2):
            self._insist(lambda number=number: self._part(upload["uid"], number, data))
        asset = self._call("POST", f"/uploads/{upload['uid']}/complete", {})
        lesson = {"title": name, "asset": asset["uid"]}
        course = self._call("POST", "/deposits", {"external_id": name, "title": name, "kind": "video"})
        self._call("PATCH", f"/deposits/{course['id']}", {"lessons": [lesson], "summary": "一段片子"})
        self.ledger.uploaded[asset["uid"]] = hashlib.sha256(data).hexdigest()
        self.ledger.note(UPLOAD, name)

    def _part(self, uid: str, number: int, data: bytes) -> None:
        chunk = data[(number - 1) * PART : number * PART]
        crc = base64.b64encode(zlib.crc32(chunk).to_bytes(4)).decode()
        signed = self._ask("POST", f"/uploads/{uid}/parts", {"number": number, "crc32": crc})
        answer = self.people.request("PUT", signed["url"], body=chunk, headers=signed["headers"])
        if answer.status != 200:
            raise ConnectionError(f"part: {answer.status}")

    def _call(self, method: str, path: str, body: dict) -> dict:
        return self._insist(lambda: self._ask(method, path, body))

    def _ask(self, method: str, path: str, body: dict) -> dict:
        told = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        answer = self.people.request(method, f"{self.site}/api/v1{path}", body=json.dumps(body), headers=told)
        if answer.status >= 500:
            raise ConnectionError(f"{path}: {answer.status}")
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data.decode()[:300]}")
        return json.loads(answer.data)

    def _insist(self, do: Callable[[], Any]) -> Any:
        """An uploader of people has them press 继续; what was begun before the end is brought to its end."""
        wait = 1.0
        while True:
            try:
                return do()
            except (urllib3.exceptions.HTTPError, ConnectionError):
                time.sleep(wait)
                wait = min(8, wait * 2)


@dataclass(slots=True)
class Load:
    """Everybody, until ``end``."""

    ledger: Ledger
    stop: threading.Event
    threads: list[threading.Thread]
    errors: list[str]

    def end(self, patience: float = 120) -> None:
        """Raises RuntimeError when somebody never finished what was begun or met what must not be."""
        self.stop.set()
        for thread in self.threads:
            thread.join(patience)
        self.errors += [f"{thread.name} never ended" for thread in self.threads if thread.is_alive()]
        if self.errors:
            raise RuntimeError("; ".join(self.errors))


def begin(site: str, courses: list[Course], token: str, film: bytes, *, readers: int = 6, viewers: int = 2) -> Load:
    """Starts them. ``courses`` with ``hls`` are watched; ``film`` is what partners send."""
    load = Load(Ledger(), threading.Event(), [], [])
    films = [course for course in courses if course.hls]
    work: list[tuple[str, Callable[[], None]]] = [
        *((f"reader {n}", lambda n=n: read(site, courses, load.ledger, load.stop, n)) for n in range(readers)),
        *((f"viewer {n}", lambda n=n: watch(site, films, load.ledger, load.stop, n)) for n in range(viewers)),
        *((f"partner {n}", Uploader(site, token, film, load.ledger, load.stop, n).run) for n in range(2)),
    ]

    def guarded(name: str, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told at the end)
            load.errors.append(f"{name}: {error!r}")

    for name, do in work:
        load.threads.append(threading.Thread(target=guarded, args=(name, do), name=name, daemon=True))
        load.threads[-1].start()
    return load
