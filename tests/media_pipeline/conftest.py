"""The stores for the tests that must hold on each."""

import pytest

from media_pipeline import storage


@pytest.fixture(params=["local", "s3", "s3proxy"])
def any_store(request, settings, tmp_path, new_bucket):
    """The store of the settings: a fresh directory, then a fresh bucket on two real S3 servers."""
    settings.MEDIA_WORK_DIR = tmp_path / "work"
    if request.param == "local":
        settings.STORAGE_URL, settings.MEDIA_STORE_DIR = "", tmp_path / "media"
    else:
        settings.STORAGE_URL = new_bucket(request.param)
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
