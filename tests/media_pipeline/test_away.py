"""A bucket that is away or silent: who asks is told at once, pages that do not need it come, and it is met again when
it is back."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.models import User
from deploy import services
from deploy.components import free_port
from media_pipeline import breaker, storage
from media_pipeline.errors import Failed
from media_pipeline.models import AssetState, Package
from media_pipeline.storage import PATIENT, QUICK, Bucket, S3Store
from tests.media_pipeline.parts import asset_with

THREADS = 16  # of two web processes


class Silent:
    """A server that takes connections and never says a word; ``taken`` counts them."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self.listening.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for one in self.taken:
            one.close()


@pytest.fixture
def silent():
    server = Silent()
    yield server
    server.close()


@pytest.fixture
def keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")


def at(server: Silent) -> Bucket:
    port = server.listening.getsockname()[1]
    return Bucket.from_url(f"s3://b?endpoint=http://127.0.0.1:{port}&region=us-east-1")


def test_questions_end_soon_and_films_may_take_their_time(s3_store):
    with s3_store.asking("k") as quick, s3_store.working("k") as patient:
        assert (quick.meta.config.connect_timeout, quick.meta.config.read_timeout) == (3, 10)
        assert quick.meta.config.retries["total_max_attempts"] <= QUICK["retries"]["max_attempts"] + 1
        assert patient.meta.config.read_timeout == PATIENT["read_timeout"] >= 60


def test_silent_bucket_is_asked_once_and_then_left_alone(silent, keys, monkeypatch):
    """Sixteen threads ask it after one has found out: none of them opens a connection."""
    monkeypatch.setitem(QUICK, "read_timeout", 0.3)
    monkeypatch.setattr(breaker, "PAUSE", 3600.0)
    store = S3Store(at(silent))
    with pytest.raises(Failed, match="没有回应"):
        store.size("packages/aa/d/f")
    first = len(silent.taken)
    assert 1 <= first <= 3

    def ask(number: int) -> str:
        with pytest.raises(Failed) as told:
            store.exists(f"packages/aa/d/{number}") if number % 2 else b"".join(store.read_range("packages/a", 0, 9))
        return told.value.code

    with ThreadPoolExecutor(THREADS) as threads:
        assert set(threads.map(ask, range(4 * THREADS))) == {"store"}
    assert len(silent.taken) == first


def test_one_tries_again_after_the_pause_and_an_answer_opens_for_all(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now[0])
    one = breaker.Breaker()
    one.failed()
    assert not one.admits()
    now[0] += breaker.PAUSE
    assert [one.admits() for _ in range(3)] == [True, False, False]
    one.answered()
    assert one.admits()


def test_a_missing_key_is_an_answer(s3_store):
    s3_store._breaker.failed()
    s3_store._breaker._next_try = 0.0  # the pause is over
    assert not s3_store.exists("packages/none")
    assert all(not s3_store.exists("packages/none") for _ in range(2))


@pytest.mark.django_db
def test_site_without_its_bucket_and_with_it_again(client, settings, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wenlan")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "only-for-loopback")
    settings.MEDIA_WORK_DIR = tmp_path
    port = str(free_port())
    server = services.launch("s3", port=port)
    settings.STORAGE_URL = f"{server.url}&region=us-east-1"
    asset = asset_with(public=True, state=AssetState.PUBLISHED, media_type="video")
    prefix = f"packages/{asset.uid.hex}/d/"
    Package.objects.create(asset=asset, prefix=prefix, current=True, storyboard_key=f"{prefix}board.vtt")
    for name in ("poster.jpg", "board.vtt"):
        storage.store().put_bytes(b"bytes", f"{prefix}{name}", "image/jpeg")
    film = f"/media/{prefix}poster.jpg"
    assert b"".join(client.get(film).streaming_content) == b"bytes"
    services.stop_server(server)
    for _ in range(THREADS):  # the first finds out, the others are told
        answer = client.get(film)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert client.get("/health/ready").json()["parts"]["storage"] == "down"
    client.force_login(User.objects.create_superuser("root", "root@example.cn", "x"))
    assert client.get(f"/cms/assets/inspect/{asset.pk}/").status_code == 200
    assert "存储没有回应" in client.get("/cms/assets/").content.decode()
    again = services.launch("s3", port=port)
    try:
        monkeypatch.setattr(storage.store()._breaker, "_next_try", 0.0)  # the pause is over
        storage.store().put_bytes(b"bytes", f"{prefix}poster.jpg", "image/jpeg")
        assert b"".join(client.get(film).streaming_content) == b"bytes"
        assert client.get("/health/ready").json()["parts"]["storage"] == "ok"
    finally:
        services.stop_server(again)
