"""A day's quota: inherited, refused before a byte is sent, told in the desk."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts.models import User
from catalog import quotas
from catalog.models import Institution, Membership
from cms import setup
from media_pipeline import storage
from media_pipeline.models import Upload
from tests.catalog.test_uploads_api import ask, begin
from tests.media_pipeline.parts import mp4_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.STORAGE_URL, settings.MEDIA_STORE_DIR = "", tmp_path / "media"
    storage.store().prepare([])


@pytest.fixture
def county(client):
    province = Institution.add_root(code="sheng", name="省", daily_uploads=2, daily_gigabytes=1)
    county = province.add_child(code="xian", name="县")
    setup.ensure_everything()
    user = User.objects.create_user("u")
    Membership.objects.create(user=user, institution=county, role="uploader")
    client.force_login(user)
    return county


def test_quota_is_the_nearest_above(county):
    assert (quotas.of(county).uploads, quotas.of(county).bytes) == (2, quotas.GB)
    county.daily_uploads = 5
    county.save()
    assert (quotas.of(county).uploads, quotas.of(county).bytes) == (5, quotas.GB)
    assert quotas.of(Institution.add_root(code="free", name="不限")).uploads_left is None


def test_quota_of_files_refuses_the_next_and_not_the_one_on_its_way(client, county):
    data = mp4_bytes(3000)
    first = begin(client, data, fingerprint="1").json()
    begin(client, data, fingerprint="2")
    refused = begin(client, data, fingerprint="3")
    assert refused.status_code == 422
    assert refused.json()["code"] == "quota-uploads"
    assert "县" in refused.json()["message"]
    assert begin(client, data, fingerprint="1").json()["uid"] == first["uid"]
    assert Upload.objects.count() == 2
    ask(client, "DELETE", f"/uploads/{first['uid']}")
    assert begin(client, data, fingerprint="3").status_code == 200


def test_quota_of_bytes_refuses_before_a_byte_is_sent(client, county):
    refused = begin(client, mp4_bytes(3000), bytes=quotas.GB + 1)
    assert refused.json()["code"] == "quota-bytes"
    assert not Upload.objects.exists()


def test_quota_begins_anew_each_day(client, county):
    data = mp4_bytes(3000)
    for number in "12":
        begin(client, data, fingerprint=number)
    Upload.objects.update(created_at=timezone.now() - dt.timedelta(days=1))
    assert quotas.of(county).uploads_left == 2
    assert begin(client, data, fingerprint="3").status_code == 200


def test_desk_tells_what_is_left(client, county):
    begin(client, mp4_bytes(3000))
    page = client.get("/cms/upload/").content.decode()
    assert "今天还可以上传 1 个文件" in page
