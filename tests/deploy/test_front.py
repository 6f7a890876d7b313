"""nginx alone: a signed file needs no Django, and everything that is not plainly right is asked of Django."""

import time
import urllib.request
import uuid
from urllib.error import HTTPError

import pytest

from deploy import services
from deploy.components import Missing
from media_pipeline.access import signature

UID = uuid.uuid4()
KEY = f"packages/{UID.hex}/0123456789ab/video-360-h264.mp4"


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    from django.conf import settings

    media = tmp_path_factory.mktemp("media")
    (media / KEY).parent.mkdir(parents=True)
    (media / KEY).write_bytes(b"0123456789")
    try:
        # Nobody listens at the upstream: whatever is asked of Django answers 502.
        server = services.launch(
            "nginx", media=str(media), upstream="127.0.0.1:9", link_secret=settings.MEDIA_LINK_SECRET
        )
    except Missing as reason:
        (pytest.fail if services.IN_CI else pytest.skip)(f"nginx: {reason}")
    yield server.url
    services.stop_server(server)


def get(url: str, **headers: str):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10)


def signed(expiry: int, sign: str | None = None) -> str:
    return f"/media/~{expiry}.{sign or signature(UID, expiry)}/{KEY}"


def test_a_signed_file_comes_by_range_without_django(front):
    answer = get(front + signed(int(time.time()) + 3600), Range="bytes=2-5")
    assert (answer.status, answer.read()) == (206, b"2345")
    assert answer.headers["Content-Type"] == "video/mp4"
    assert "private" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        signed(int(time.time()) - 10),
        signed(int(time.time()) + 3600, "A" * 22),
        signed(int(time.time()) + 3600).replace(UID.hex, uuid.uuid4().hex),
        signed(int(time.time()) + 3600).replace(".mp4", ".gone"),
        f"/media/{KEY}",
    ],
    ids=["expired", "forged", "another's", "not there", "not signed"],
)
def test_everything_else_is_asked_of_django(front, path):
    with pytest.raises(HTTPError) as refusal:
        get(front + path)
    assert refusal.value.code == 502
