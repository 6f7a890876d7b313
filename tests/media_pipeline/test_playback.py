"""What pages are told, tracks, periodic work and system checks."""

import pytest
from django.core.checks import run_checks

from media_pipeline import periodic, tracks
from media_pipeline.errors import Refused
from media_pipeline.models import DocumentPage, Package, Rendition
from media_pipeline.playback import Heading, playback, section_html
from tests.media_pipeline.parts import asset_with


def picture_asset():
    asset = asset_with(state="published", public=True, poster_key="packages/x/d/poster.jpg")
    manifest = {"pictures": [{"name": "1600.webp", "type": "image/webp", "width": 1600, "height": 900}]}
    Package.objects.create(asset=asset, prefix="packages/x/d/", current=True, manifest=manifest)
    return asset


@pytest.mark.django_db
def test_playback_is_nothing_before_there_is_a_package():
    assert playback(asset_with()) is None
    assert playback(asset_with(state="published")) is None


@pytest.mark.django_db
def test_playback_names_pictures_pages_and_tracks():
    asset = picture_asset()
    DocumentPage.objects.create(asset=asset, number=1, title="一", picture_key="packages/x/d/p1.webp", width=3)
    tracks.set_track(asset, "1\n00:00:01,000 --> 00:00:02,500\n你好\n")
    shown = playback(asset)
    assert shown.poster == "/media/packages/x/d/poster.jpg"
    assert [(p.url, p.width) for p in shown.pictures] == [("/media/packages/x/d/1600.webp", 1600)]
    assert [(p.number, p.picture_url) for p in shown.pages] == [(1, "/media/packages/x/d/p1.webp")]
    assert [(t.label, t.url) for t in shown.tracks] == [
        ("简体中文", f"/media/track/{asset.uid.hex}/captions.zh-Hans.vtt")
    ]
    assert (shown.hls, shown.dash, shown.download) == ("", "", "")


@pytest.mark.django_db
def test_playback_of_what_is_not_public_is_signed_on_demand():
    asset = picture_asset()
    asset.public = False
    assert playback(asset).poster == "/media/packages/x/d/poster.jpg"
    assert playback(asset, signed=True).poster.startswith("/media/~")


def film_asset(manifest: dict, *codecs: str):
    """A published film with one rendition of each codec, as the pipeline leaves it."""
    asset = asset_with(state="published", public=True)
    Package.objects.create(
        asset=asset, prefix="packages/x/d/", current=True, hls_key="packages/x/d/master.m3u8", manifest=manifest
    )
    for codec in codecs:
        spec = "audio-und-128-aac" if codec == "mp4a.40.2" else f"video-480-{codec[:4]}"
        Rendition.objects.create(asset=asset, spec=spec, source_sha256="x", key="k", bytes=1, codecs=codec)
    return asset


@pytest.mark.django_db
def test_playback_of_a_film_names_lists_sound_download_and_waveform():
    manifest = {
        "hls": {"h264": "master.m3u8", "av1": "master-av1.m3u8"},
        "download": "download.mp4",
        "waveform": [0, 255],
        "scenes": [1.5],
    }
    shown = playback(film_asset(manifest, "avc1.64001e", "av01.0.04M.08", "mp4a.40.2"))
    assert shown.hls == "/media/packages/x/d/master.m3u8"
    assert shown.hls_av1 == "/media/packages/x/d/master-av1.m3u8"
    assert shown.sound == "/media/packages/x/d/audio-und-128-aac.m3u8"
    assert shown.download == "/media/packages/x/d/download.mp4"
    assert (shown.waveform, shown.scenes, shown.unfinished) == ((0, 255), (1.5,), False)


@pytest.mark.django_db
def test_playback_of_a_film_in_one_codec_or_without_sound_names_no_other():
    shown = playback(film_asset({"hls": {"av1": "master.m3u8"}}, "av01.0.04M.08"))
    assert (shown.hls_av1, shown.sound, shown.download) == ("", "", "")


@pytest.mark.django_db
def test_playback_says_that_better_sizes_are_still_to_come():
    asset = film_asset({})
    asset.packages.update(complete=False)
    assert playback(asset).unfinished


@pytest.mark.django_db
def test_playback_offers_no_draft():
    asset = picture_asset()
    asset.tracks.create(kind="captions", language="en", cues=[[0, 1, "guess"]], draft=True)
    assert playback(asset).tracks == ()


@pytest.mark.django_db
def test_reading_has_its_contents_as_lines_and_sections_find_their_pictures_and_each_other():
    asset = asset_with(state="published", public=True)
    below = {"title": "二", "page": 3, "children": []}
    manifest = {"reading": {"pages": [], "outline": [{"title": "一", "page": 1, "children": [below]}]}}
    Package.objects.create(asset=asset, prefix="packages/x/d/", current=True, manifest=manifest)
    assert playback(asset).contents == (Heading(0, "一", 1), Heading(1, "二", 3))
    html = '<h1>一</h1><img src="pictures/0001.webp"><a href="#page-3">二</a><a href="#page-x">三</a>'
    shown = section_html(asset, DocumentPage(asset=asset, number=1, html=html))
    assert shown == (
        '<h2>一</h2><img src="/media/packages/x/d/pictures/0001.webp"><a href="?page=3#reader">二</a>'
        '<a href="#page-x">三</a>'
    )


@pytest.mark.django_db
def test_track_is_replaced_and_a_bad_one_changes_nothing():
    asset = asset_with()
    tracks.set_track(asset, "WEBVTT\n\n00:01.000 --> 00:02.000\none\n", language="en")
    tracks.set_track(asset, "WEBVTT\n\n00:01.000 --> 00:02.000\ntwo\n", language="en", label="English")
    with pytest.raises(Refused):
        tracks.set_track(asset, "no captions at all", language="en")
    track = asset.tracks.get()
    assert ([cue[2] for cue in track.cues], track.label) == (["two"], "English")
    assert "two" in tracks.vtt(track)


@pytest.mark.django_db
def test_periodic_work_has_its_turn_and_survives_a_failure(monkeypatch):
    monkeypatch.setattr(periodic, "_turns", {})
    done = []

    @periodic.every(seconds=0, name="fails")
    def fails():
        raise ValueError("on purpose")

    periodic.every(seconds=0, name="often")(lambda: done.append("often"))
    periodic.every(seconds=3600, name="seldom")(lambda: done.append("seldom"))
    assert periodic.do_what_is_due() == ["fails", "often", "seldom"]
    assert periodic.do_what_is_due() == ["fails", "often"]
    assert done == ["often", "seldom", "often"]


@pytest.mark.parametrize(
    ("set_wrong", "found"),
    [
        ({}, set()),
        ({"STORAGE_URL": "https://bucket"}, {"media.E001"}),
        ({"STORAGE_URL": "s3://b?endpoint=host:9000", "UPLOAD_PART_BYTES": 1024}, {"media.E002", "media.E003"}),
        ({"JOB_LEASE_SECONDS": 1}, {"media.E004"}),
        ({"TASKS_URL": "http://x"}, {"media.E005"}),
    ],
)
def test_checks_name_what_is_wrong_and_the_remedy(settings, set_wrong, found):
    for name, value in set_wrong.items():
        setattr(settings, name, value)
    said = run_checks(tags=["media"])
    assert {message.id for message in said} == found
    assert all(message.hint for message in said)


def test_deployment_check_warns_of_files_on_one_machine(settings):
    settings.TASKS_URL, settings.STORAGE_URL = "amqp://host//", ""
    said = run_checks(tags=["media"], include_deployment_checks=True)
    assert {message.id for message in said} == {"media.W001"}
