"""What a page needs to play or show an asset: addresses and sizes, and nothing of how they are stored."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from media_pipeline.access import media_url, track_url
from media_pipeline.models import AssetState, DocumentPage, MediaAsset, MediaType, Package, Rendition
from media_pipeline.plan import RADIO


@dataclass(frozen=True, slots=True)
class Track:
    """Timed text. ``kind``: captions, chapters or transcript; ``url`` answers WebVTT."""

    kind: str
    language: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One encoded file; ``bitrate`` in bit/s, sizes in pixels, None when it has none."""

    spec: str
    bytes: int
    bitrate: int | None
    width: int | None
    height: int | None
    codecs: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One size of a picture; ``type`` is its media type."""

    url: str
    width: int | None
    height: int | None
    type: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a reading, from 1; ``picture_url`` is "" where the page is text only."""

    number: int
    title: str
    picture_url: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of a reading's contents; ``level`` from 0, ``page`` from 1."""

    level: int
    title: str
    page: int


@dataclass(frozen=True, slots=True)
class Playback:
    """Addresses are "" where the asset has no such file. ``duration`` in seconds.

    ``hls`` is the H.264 list, or the only one; ``hls_av1`` the same film in AV1; ``sound`` the first voice alone,
    ``radio`` the same on the least data.
    ``waveform``: the loudest sound of equal spans, 0 to 255. ``scenes``: seconds where the picture changes.
    ``unfinished``: what plays now is a first, small package; the other sizes are still being made.
    """

    hls: str
    hls_av1: str
    dash: str
    sound: str
    radio: str
    poster: str
    storyboard: str
    tracks: tuple[Track, ...]
    duration: float | None
    width: int | None
    height: int | None
    renditions: tuple[Variant, ...]
    pictures: tuple[Picture, ...]
    pages: tuple[Page, ...]
    download: str
    contents: tuple[Heading, ...] = ()
    waveform: tuple[int, ...] = ()
    scenes: tuple[float, ...] = ()
    unfinished: bool = False


def playback(asset: MediaAsset, *, signed: bool = False) -> Playback | None:
    """How to play ``asset`` now, or None while there is nothing to play. ``signed`` as in ``access.media_url``: only
    for people whose right to see an asset that is not public has been checked."""
    package = asset.package if asset.state == AssetState.PUBLISHED else None
    if package is None:
        return None

    def url(key: str) -> str:
        return media_url(asset, key, signed=signed)

    def inside(name: str) -> str:
        return url(f"{package.prefix}{name}") if name else ""

    made = package.manifest
    renditions = list(asset.renditions.all())
    return Playback(
        hls=url(package.hls_key),
        hls_av1=inside(_av1(made)),
        dash=url(package.dash_key),
        sound=inside(_sound(renditions, "audio")) if package.hls_key else "",
        radio=inside(_sound(renditions, RADIO)) if package.hls_key else "",
        poster=url(asset.poster_key),
        storyboard=url(package.storyboard_key),
        tracks=_tracks(asset, signed=signed),
        duration=asset.duration,
        width=asset.width,
        height=asset.height,
        renditions=tuple(Variant(r.spec, r.bytes, r.bitrate, r.width, r.height, r.codecs) for r in renditions),
        pictures=_pictures(asset, package, signed=signed),
        pages=tuple(
            Page(p.number, p.title, url(p.picture_key), p.width, p.height)
            for p in asset.pages.defer("text", "html").all()
        ),
        download=inside(made.get("download", "")),
        contents=tuple(_headings((made.get("reading") or {}).get("outline", ()))),
        waveform=tuple(made.get("waveform", ())),
        scenes=tuple(made.get("scenes", ())),
        unfinished=not package.complete,
    )


def _av1(manifest: dict) -> str:
    """The AV1 list of a film that also has one in H.264: a film in AV1 alone is played by its only list."""
    lists = manifest.get("hls") or {}
    return lists.get("av1", "") if "h264" in lists else ""


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A recording as one progressive file; ``type`` is its media type."""

    url: str
    bytes: int
    type: str = "audio/mp4"


def sound_files(assets: Iterable[MediaAsset]) -> dict[int, SoundFile]:
    """Key of each recording that can be fetched now → its file. One query."""
    wanted = {asset.pk: asset for asset in assets if asset.media_type == MediaType.AUDIO}
    found: dict[int, SoundFile] = {}
    for package in Package.objects.filter(asset__in=wanted, current=True):
        if size := package.manifest.get("download_bytes"):
            url = media_url(wanted[package.asset_id], package.prefix + package.manifest["download"])
            found[package.asset_id] = SoundFile(url, size)
    return found


def _sound(renditions: list[Rendition], kind: str) -> str:
    """The playlist of the first sound of this kind, made in the order of the tracks; "" for none."""
    sounds = [r for r in renditions if r.spec.startswith(f"{kind}-")]
    return f"{min(sounds, key=lambda r: r.pk).spec}.m3u8" if sounds else ""


def section_html(asset: MediaAsset, page: DocumentPage, *, signed: bool = False) -> str:
    """The cleaned HTML of a section, with the addresses of its pictures and of the other sections; its headings stand
    below the one of the page it is shown on."""
    package = asset.package
    if package is None:
        return ""
    pictures = media_url(asset, f"{package.prefix}pictures/", signed=signed)
    html = page.html.replace('src="pictures/', f'src="{pictures}')
    html = re.sub(r"<(/?)h1\b", r"<\1h2", html)
    return re.sub(r'href="#page-(\d+)"', r'href="?page=\1#reader"', html)


def _headings(outline: Iterable[dict], level: int = 0) -> Iterator[Heading]:
    for entry in outline:
        yield Heading(level, entry["title"], entry["page"])
        yield from _headings(entry.get("children", ()), level + 1)


def _tracks(asset: MediaAsset, *, signed: bool) -> tuple[Track, ...]:
    return tuple(
        Track(t.kind, t.language, t.label or _language(t.language), track_url(asset, t.kind, t.language, signed=signed))
        for t in asset.tracks.filter(draft=False).defer("cues")
    )


def _pictures(asset: MediaAsset, package: Package, *, signed: bool) -> tuple[Picture, ...]:
    return tuple(
        Picture(
            url=media_url(asset, f"{package.prefix}{p['name']}", signed=signed),
            width=p.get("width"),
            height=p.get("height"),
            type=p.get("type", ""),
        )
        for p in package.manifest.get("pictures", ())
    )


def _language(code: str) -> str:
    """The name under which a player offers a language."""
    names = {"zh-hans": _("简体中文"), "zh-hant": _("繁体中文"), "zh": _("中文"), "en": _("英文"), "und": _("原文")}
    return names.get(code.lower(), code)
