"""The story of one file: probe, plan, make, verify, describe."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from media_pipeline import film, manifests, packaging, plan, probe, profiles, subtitles, tuning, verify
from media_pipeline.cage import Cage
from media_pipeline.film import Made
from media_pipeline.formats import cmaf, document, picture, poster, storyboard
from media_pipeline.manifests import Track
from media_pipeline.plan import FilmPlan
from media_pipeline.product import ProducedFile, ProducedRendition, Product, Report
from media_pipeline.work import Work

# Where each step ends on the way from 0 to 1: encoding is nearly all of the work.
STEPS = {"probe": (0.0, 0.03), "encode": (0.03, 0.93), "verify": (0.93, 0.99), "package": (0.99, 1.0)}
CONTENT_TYPES = {
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".vtt": "text/vtt; charset=utf-8",
}
MANIFESTS_LAST = (".vtt", ".m3u8", ".mpd")


def produce(source: Path, out: Path, *, profile: str = "default", report: Report, name: str = "") -> Product:
    """Make ``source`` playable: files under ``out``, and what they are.

    ``name`` is what the uploader called the file, when ``source`` is stored under another name. ``report`` gets
    (step, 0..1) and may raise to cancel; whatever it raises passes through once the children are dead. Raises Refused
    when the file is the reason, Failed when the surroundings are."""
    started = time.monotonic()
    work = begin(source, out, profile=profile, report=report, name=name)
    product = MAKERS[work.facts.media_type](work)
    work.report("package", 1.0)
    return finish(work, product, time.monotonic() - started)


def begin(  # noqa: PLR0913  what each caller happens to know
    source: Path, out: Path, *, profile: str = "default", report: Report, name: str = "", sha256: str = ""
) -> Work:
    """Probe ``source`` and open the work on it; ``sha256`` of the source where it is known already."""
    chosen = profiles.load(profile)
    out.mkdir(parents=True, exist_ok=True)
    cage = Cage(out, readable=(source,))
    tell = _steady(report)
    tell("probe", 0.0)
    facts = probe.probe(source, cage, name=name)
    return Work(source, out, facts, chosen, sha256 or _sha256(source, tell), cage, tell)


def finish(work: Work, product: Product, wall_seconds: float) -> Product:
    """With the files that lie in ``work.out``, the facts of the source and what it cost."""
    return replace(
        product,
        files=_files(work.out),
        renditions=tuple(replace(made, sha256=_hash(work.out / made.name)) for made in product.renditions),
        facts={**asdict(work.facts), "warnings": [*work.facts.warnings, *product.warnings]},
        cpu_seconds=round(work.cage.cpu_seconds, 3),
        wall_seconds=round(wall_seconds, 3),
    )


def _film(work: Work) -> Product:
    """Video and audio."""
    planned = plan_film(work)
    return package_film(work, planned, film.encode(work, planned))


def plan_film(work: Work) -> FilmPlan:
    """What will be made of a film, fitted to it when the profile says so."""
    planned = plan.film(work.facts, work.profile, work.sha256)
    return tuning.tune(work, planned) if work.profile.per_title else planned


def package_film(work: Work, planned: FilmPlan, made: Made) -> Product:
    """Verify, index and describe the files of the plan's steps, which lie in ``work.out`` as ``<spec>.mp4``."""
    facts, out = work.facts, work.out
    warning = verify.damage(made.told, facts)
    download = film.take_away(work, planned)
    tracks = packaging.pack(_tracks(planned, out), out)
    work.report("verify", 0.0)
    verify.verify(tracks, out, facts, work.cage)
    seconds = max(track.index.seconds for track in tracks)
    texts, complaints = subtitles.tracks(work)
    work.report("package", 0.0)
    lists = packaging.describe(tracks, out, board=planned.storyboard)
    if planned.storyboard:
        (out / storyboard.TRACK).write_text(storyboard.track(planned.storyboard, seconds), "utf-8")
    return Product(
        media_type=facts.media_type if planned.videos else "audio",
        digest=planned.digest,
        files=(),
        renditions=tuple(_rendition(track) for track in tracks),
        hls=manifests.MASTER,
        dash=manifests.MPD,
        poster=_poster(work, planned),
        storyboard=storyboard.TRACK if planned.storyboard else "",
        duration=round(seconds, 3),
        width=facts.width if planned.videos else None,
        height=facts.height if planned.videos else None,
        tracks=texts,
        manifest={"hls": lists, **_beside(made), **_taken_away(out, download)},
        warnings=(*([warning] if warning else []), *complaints),
    )


def _beside(made: Made) -> dict[str, Any]:
    """What a page needs beyond the files, as JSON."""
    return {"waveform": list(made.waveform), "loudness": made.loudness, "scenes": list(made.scenes)}


def _taken_away(out: Path, name: str) -> dict[str, Any]:
    return {"download": name, "download_bytes": (out / name).stat().st_size} if name else {}


def _document(work: Work) -> Product:
    facts, spec = work.facts, document.SPEC[work.facts.container]
    reading = document.make(work)
    return Product(
        media_type=facts.media_type,
        digest=plan.digest(work.sha256, [spec]),
        files=(),
        poster=picture.FALLBACK if (work.out / picture.FALLBACK).exists() else "",
        width=facts.width,
        height=facts.height,
        pages=reading.pages,
        manifest={"reading": reading.manifest},
        warnings=reading.warnings,
    )


def _picture(work: Work) -> Product:
    steps, pyramid = picture.steps(work.facts), picture.zoom(work.facts)
    sizes = picture.make(work, steps, pyramid)
    return Product(
        media_type=work.facts.media_type,
        digest=plan.digest(work.sha256, [*map(asdict, steps), *([pyramid] if pyramid else [])]),
        files=(),
        renditions=tuple(
            ProducedRendition(step.spec, step.name, (work.out / step.name).stat().st_size, None, *sizes[step.name])
            for step in steps
        ),
        poster=picture.FALLBACK,
        width=work.facts.width,
        height=work.facts.height,
        manifest={"pictures": [_shown(step, *sizes[step.name]) for step in steps]}
        | ({"zoom": pyramid} if pyramid else {}),
    )


def _shown(step: picture.PictureStep, width: int, height: int) -> dict[str, Any]:
    return {"name": step.name, "type": step.content_type, "width": width, "height": height}


MAKERS: dict[str, Callable[[Work], Product]] = {
    "video": _film,
    "audio": _film,
    "document": _document,
    "picture": _picture,
}


def _tracks(planned: FilmPlan, out: Path) -> list[Track]:
    """The files of the plan's steps, pictures first."""
    fps = Fraction(*planned.fps)
    return [_track(step.spec, out, fps=fps) for step in planned.videos] + [
        _track(
            step.spec,
            out,
            language=step.language,
            label=step.label,
            default=step.default,
            group="" if step.codec == plan.RADIO else f"sound-{step.bit_rate // 1000}-{step.channels}",
        )
        for step in planned.audios
    ]


def _track(spec: str, out: Path, **more) -> Track:
    name = f"{spec}.mp4"
    return Track(spec, name, cmaf.index(out / name), **more)


def _rendition(track: Track) -> ProducedRendition:
    index = track.index
    rate = index.average_rate
    return ProducedRendition(track.spec, track.name, index.bytes, rate, index.width, index.height, index.codecs)


def _poster(work: Work, planned: FilmPlan) -> str:
    if planned.poster:
        return poster.NAME
    return film.cover(work) if work.facts.cover is not None else ""


def _files(out: Path) -> tuple[ProducedFile, ...]:
    """Every file of the package in the order it is stored: media first, the playlists that name them last."""
    found = [path for path in sorted(out.rglob("*")) if path.is_file()]
    found.sort(key=lambda path: (path.suffix in MANIFESTS_LAST, path.name == manifests.MASTER))
    return tuple(
        ProducedFile(path.relative_to(out).as_posix(), CONTENT_TYPES[path.suffix], path.stat().st_size)
        for path in found
    )


def _sha256(source: Path, tell: Report) -> str:
    tell("probe", 0.8)
    return _hash(source)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _steady(report: Report) -> Report:
    """Steps with their own 0..1 become the whole's 0..1 that never goes back."""
    reached = 0.0

    def tell(step: str, fraction: float) -> None:
        nonlocal reached
        start, end = STEPS.get(step, (reached, reached))
        reached = max(reached, min(1.0, start + (end - start) * min(1.0, max(0.0, fraction))))
        report(step, reached)

    return tell
