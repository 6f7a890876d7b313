"""Both stores for the tests that must hold on either."""

import pytest

from media_pipeline import storage


@pytest.fixture(params=["local", "s3"])
def any_store(request, settings, tmp_path):
    """The store of the settings: a fresh directory, then a fresh bucket on a real S3 server."""
    settings.MEDIA_WORK_DIR = tmp_path / "work"
    if request.param == "local":
        settings.STORAGE_URL, settings.MEDIA_STORE_DIR = "", tmp_path / "media"
    else:
        settings.STORAGE_URL = request.getfixturevalue("s3_url")
    storage.store().prepare(["http://127.0.0.1:8000"])
    return storage.store()


@pytest.fixture
def local_store(settings, tmp_path):
    settings.STORAGE_URL, settings.MEDIA_STORE_DIR = "", tmp_path / "media"
    settings.MEDIA_WORK_DIR = tmp_path / "work"
    storage.store().prepare([])
    return storage.store()


@pytest.fixture
def s3_store(settings, tmp_path, s3_url):
    settings.STORAGE_URL, settings.MEDIA_WORK_DIR = s3_url, tmp_path / "work"
    storage.store().prepare(["http://127.0.0.1:8000"])
    return storage.store()
