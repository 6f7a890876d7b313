"""``transcode``: the pipeline on files, without a database."""

import json
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from media_pipeline import profiles
from media_pipeline.errors import Failed, MediaError, Refused
from media_pipeline.produce import produce
from media_pipeline.product import Product

STEP_NAMES = {"probe": "检查", "encode": "转码", "verify": "核对", "package": "打包"}
STATE_NAMES = {"published": "完成", "rejected": "退回", "failed": "失败"}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file: ``product`` and its ``place``, or the ``error``."""

    file: str
    product: Product | None = None
    place: Path | None = None
    error: MediaError | None = None

    @property
    def state(self) -> str:
        if self.error is None:
            return "published"
        return "rejected" if isinstance(self.error, Refused) else "failed"


class Command(BaseCommand):
    help = "把文件转成可播放的包（HLS 和 DASH、页面图、图片各尺寸），写入目录；不需要数据库。"
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument("--out", required=True, metavar="DIR", type=Path, help="每个文件在其中得到一个目录")
        parser.add_argument("--profile", default="default", metavar="NAME", help="转码方案，见 profiles.toml")
        parser.add_argument("--json", action="store_true", dest="as_json", help="标准输出只有一个 JSON 对象")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            profiles.load(options["profile"])
            options["out"].mkdir(parents=True, exist_ok=True)
        except (Failed, OSError) as error:
            raise CommandError(str(getattr(error, "reason", error))) from error
        results = []
        with _progress() as progress:
            for file in options["files"]:
                results.append(_transcode(file, options["out"], options["profile"], progress))
                if not options["as_json"]:
                    self.stdout.write(_line(results[-1]))
        if options["as_json"]:
            self.stdout.write(json.dumps({"files": [_entry(result) for result in results]}, ensure_ascii=False))
        unfinished = sum(result.error is not None for result in results)
        if unfinished:
            raise CommandError(f"{len(results)} 个文件中有 {unfinished} 个没有完成。")


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())


def _transcode(file: Path, out: Path, profile: str, progress: Progress) -> Result:
    task = progress.add_task(file.name, total=1.0)

    def report(step: str, fraction: float) -> None:
        progress.update(task, completed=fraction, description=f"{file.name} {STEP_NAMES.get(step, step)}")

    try:
        if not file.is_file():
            raise Refused("no-such-file", f"找不到文件“{file}”。", "请检查路径。")
        with tempfile.TemporaryDirectory(dir=out, prefix=".making-") as making:
            package = Path(making) / "package"
            product = produce(file.absolute(), package, profile=profile, report=report)
            place = _publish(package, out / f"{file.stem}-{product.digest}")
        return Result(str(file), product, place)
    except MediaError as error:
        return Result(str(file), error=error)
    finally:
        progress.remove_task(task)


def _publish(package: Path, place: Path) -> Path:
    """The same file under the same profile lands in the same place."""
    if place.exists():
        shutil.rmtree(place)
    package.mkdir(exist_ok=True)
    package.rename(place)
    return place


def _entry(result: Result) -> dict[str, Any]:
    product, place = result.product, result.place
    entry: dict[str, Any] = {"file": result.file, "state": result.state, "reason": None}
    if result.error:
        entry["reason"] = {"code": result.error.code, "sentence": result.error.reason}
    if product and place:
        entry |= {
            "media_type": product.media_type,
            "out": str(place),
            "hls": str(place / product.hls) if product.hls else None,
            "dash": str(place / product.dash) if product.dash else None,
            "poster": str(place / product.poster) if product.poster else None,
            "duration": product.duration,
            "pages": len(product.pages),
            "tracks": [{"kind": kind, "language": language} for kind, language, _ in product.tracks],
            "renditions": [asdict(rendition) for rendition in product.renditions],
            "warnings": list(product.facts.get("warnings", ())),
            "cpu_seconds": product.cpu_seconds,
            "wall_seconds": product.wall_seconds,
        }
    empty: dict[str, Any] = {"hls": None, "dash": None, "renditions": [], "cpu_seconds": None, "wall_seconds": None}
    return {**empty, **entry}


def _line(result: Result) -> str:
    if result.error:
        return f"{STATE_NAMES[result.state]}  {result.file}  [{result.error.code}] {result.error.reason}"
    product = result.product
    assert product  # noqa: S101  published means there is one
    made = "、".join(rendition.spec for rendition in product.renditions) or f"{len(product.pages)} 页"
    return f"完成  {result.file}  {made}  CPU {product.cpu_seconds:.1f} 秒  → {result.place}"
