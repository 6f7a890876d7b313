"""From files on this machine to courses that play: one file, one asset, one course."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog import publishing
from catalog.errors import NotReady
from catalog.importers import imported_institution
from catalog.kinds import KIND_OF_MEDIA
from catalog.models import Course, Institution, Lesson
from media_pipeline import intake, jobs, tracks
from media_pipeline.errors import MediaError, Refused
from media_pipeline.models import AssetState, MediaAsset

CAPTIONS = frozenset({".vtt", ".srt", ".ass"})
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")

Watch = Callable[[MediaAsset, str, float], None]


@dataclass(slots=True)
class Ingested:
    """What became of one file. ``asset`` is None when the file could not even be taken in, ``course`` when there is
    nothing to show. ``warnings`` are sentences about what did not come along."""

    path: Path
    state: str
    code: str = ""
    sentence: str = ""
    asset: MediaAsset | None = None
    course: Course | None = None
    warnings: list[str] = field(default_factory=list)


def ingest(
    paths: Sequence[Path],
    *,
    title: str = "",
    institution: Institution | None = None,
    publish: bool = False,
    watch: Watch | None = None,
) -> list[Ingested]:
    """Takes the files in, waits until they are playable and makes a course of each; side-car captions
    (``talk.en.vtt`` beside ``talk.mp4``) come along. A file that is refused leaves its asset with the reason, and no
    course. Several files with one ``title`` are numbered."""
    owner = institution or imported_institution()
    films = [path for path in paths if not _is_side_car(path, paths)]
    results = [_take_in(path, owner) for path in films]
    jobs.run_until_done([one.asset for one in results if one.asset is not None], report=watch)
    for number, one in enumerate(results, 1):
        numbered = f"{title}（{number}）" if title and len(results) > 1 else title
        _finish(one, owner, numbered, publish)
    return results


def side_cars(path: Path) -> Iterator[tuple[Path, str]]:
    """Caption files beside ``path`` with their languages: ``talk.vtt`` (zh-Hans), ``talk.en.srt`` (en)."""
    for other in sorted(path.parent.iterdir()):
        if other.suffix.lower() not in CAPTIONS or not other.is_file():
            continue
        if other.stem == path.stem:
            yield other, "zh-Hans"
        elif other.stem.startswith(f"{path.stem}.") and _LANGUAGE.match(other.stem[len(path.stem) + 1 :]):
            yield other, other.stem[len(path.stem) + 1 :].replace("_", "-")


def _is_side_car(path: Path, paths: Sequence[Path]) -> bool:
    if path.suffix.lower() not in CAPTIONS:
        return False
    return any(path.name.startswith(f"{other.stem}.") and other.suffix.lower() not in CAPTIONS for other in paths)


def _take_in(path: Path, owner: Institution) -> Ingested:
    if not path.is_file():
        return Ingested(path, AssetState.REJECTED, "file-missing", f"找不到文件 {path}，请检查路径。")
    try:
        asset = intake.receive_file(path, owner=owner.code)
    except MediaError as error:
        state = AssetState.REJECTED if isinstance(error, Refused) else AssetState.FAILED
        return Ingested(path, state, error.code, error.reason)
    return Ingested(path, asset.state, asset=asset)


def _finish(one: Ingested, owner: Institution, title: str, publish: bool) -> None:
    asset = one.asset
    if asset is None:
        return
    asset.refresh_from_db()
    one.state, one.code, one.sentence = asset.state, asset.reason_code, asset.reason
    if asset.state != AssetState.PUBLISHED:
        return
    for path, language in side_cars(one.path):
        try:
            tracks.set_track(asset, path.read_bytes(), language=language)
        except Refused as refused:
            one.warnings.append(f"字幕 {path.name} 没有带入：{refused.reason}")
    one.course = _course_of(asset, owner, title)
    if publish:
        try:
            publishing.publish(one.course)
        except NotReady as lacks:
            one.warnings.append(str(lacks))


def _course_of(asset: MediaAsset, owner: Institution, title: str) -> Course:
    course = Course(
        institution=owner,
        kind=KIND_OF_MEDIA[asset.media_type],
        title=title or asset.title.replace("_", " ").replace("-", " "),
        live=False,
        has_unpublished_changes=True,
    )
    course.lessons = [Lesson(title=course.title, asset=asset)]
    course.save()
    return course
