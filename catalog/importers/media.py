"""The files that rows name: found on a shelf or among what was uploaded before, and taken in as assets.

The same content is the same asset, whatever it is called and however often it comes. Looking reads names and sizes, and
the bytes of a file only where the library has one of that very size.
"""

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import PurePosixPath
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet

from catalog import quotas
from catalog.importers import shelves
from catalog.importers.shelves import MOST_LISTED, Shelf
from catalog.models import Institution
from media_pipeline import uploads, workplace
from media_pipeline.errors import Failed, Refused
from media_pipeline.models import MediaAsset
from media_pipeline.sniff import FAMILY_OF

KINDS = {"media": "音视频", "document": "文档", "picture": "图片"}
OFFERED, LOOKED_AT = 3, 30


@dataclass(frozen=True, slots=True)
class Found:
    """The file that a name in a row means. ``name``: where it lies; ``kind`` in words; ``asset``: it was uploaded
    before."""

    name: str
    bytes: int
    kind: str
    asset: MediaAsset | None = None


class Received:
    """Files that an institution has uploaded before, by their name. A name that several different files have is
    nobody's: the wrong film would come in without a word."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._found: dict[str, Found] = {}

    def find(self, name: str) -> Found:
        """Raises Refused, with the names that come near."""
        if name not in self._found:
            self._found[name] = self._look(name)
        return self._found[name]

    def _look(self, name: str) -> Found:
        newest = self._named(name).order_by("-pk").first()
        if newest is None:
            raise _missing(self._near(name), "请检查文件名，或先在“上传”里传好这个文件")
        if len(set(self._named(name).values_list("sha256", flat=True)[:2])) > 1:
            raise Refused("file-ambiguous", "上传过几个同名而不同的文件，分不清是哪一个", "请给文件改名，重新上传。")
        return Found(newest.filename, newest.bytes, newest.get_media_type_display(), newest)

    def known(self, name: str, owner: str) -> MediaAsset | None:
        return self.find(name).asset

    def _named(self, name: str) -> QuerySet[MediaAsset]:
        return self._all().filter(filename=name)

    def _all(self) -> QuerySet[MediaAsset]:
        return MediaAsset.objects.filter(owner=self.owner).exclude(state__in=uploads.TURNED_DOWN)

    @cached_property
    def _near(self) -> "Near":
        return Near(self._all().order_by("-pk").values_list("filename", flat=True)[:MOST_LISTED])


@dataclass(slots=True)
class _File:
    name: str
    real: str
    bytes: int


@dataclass(kw_only=True)
class MediaSource:
    """The files of a shelf, then what was ``uploaded`` before. ``where``: the shelf in words. ``limited``: quotas hold.
    ``beat`` is called while a file is read, often, and
    ``storing`` with its size before it is stored. ``coming``: owner → ``[files, bytes]`` that were planned."""

    shelf: Shelf
    where: str
    uploaded: Received | None = None
    limited: bool = False
    beat: Callable[[], None] = lambda: None
    storing: Callable[[int], None] = lambda size: None
    coming: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_base: dict[str, list[_File]] = defaultdict(list)
        for real, size in self.shelf.listed.items():
            name = _plain(real)
            self._by_base[_base(name)].append(_File(name, real, size))
        self._left = {_base(_plain(one.name)): one for one in self.shelf.left_out}
        self._hashes: dict[str, str] = {}
        self._quotas: dict[str, quotas.Quota] = {}
        self._planned: set[tuple[str, str]] = set()

    @property
    def remedy(self) -> str:
        return f"请检查文件名，或把文件放到{self.where}里"

    @classmethod
    def at(cls, address: str) -> "MediaSource":
        """From a directory, a ZIP or ``s3://bucket/prefix?endpoint=…``. Raises FileRefused."""
        return cls(shelf=shelves.at(address), where=" --media 指定的位置")

    def find(self, name: str) -> Found:
        """The file that a row means: of that very path, or the only one whose path ends so. Raises Refused."""
        wanted = _plain(name)
        hits = self._hits(wanted)
        if len(hits) > 1:
            says = f"有 {len(hits)} 个文件都叫这个名字：{'、'.join(one.name for one in hits[:OFFERED])}"
            raise Refused("file-ambiguous", says, f"请写上文件夹，例如“{hits[0].name}”。")
        if not hits:
            return self._elsewhere(name, wanted)
        file = hits[0]
        extension = PurePosixPath(uploads.check_name(file.name)).suffix[1:].lower()
        uploads.check_size(file.name, file.bytes)
        return Found(file.real, file.bytes, KINDS[FAMILY_OF[extension]])

    def _hits(self, wanted: str) -> list[_File]:
        alike = self._by_base.get(_base(wanted), [])
        if not alike and wanted and not self.shelf.whole:  # more lies there than was listed
            try:
                alike = [_File(wanted, wanted, self.shelf.size(wanted))]
            except FileNotFoundError:
                return []
        folded = wanted.casefold()
        tests: tuple[Callable[[_File], bool], ...] = (
            lambda one: one.name == wanted,
            lambda one: one.name.endswith(f"/{wanted}"),
            lambda one: f"/{one.name.casefold()}".endswith(f"/{folded}"),
        )
        return next((hits for test in tests if (hits := [one for one in alike if test(one)])), [])

    def _elsewhere(self, name: str, wanted: str) -> Found:
        if left := self._left.get(_base(wanted)):
            raise Refused("file-left-out", f"压缩包里的“{left.name}”没有收：{left.reason}", left.remedy)
        if self.uploaded is not None:
            try:
                return self.uploaded.find(name)
            except Refused as refused:
                if refused.code != "file-missing":
                    raise
        raise _missing(self._near(wanted), self.remedy)

    @cached_property
    def _near(self) -> "Near":
        return Near(file.name for files in self._by_base.values() for file in files)

    def known(self, name: str, owner: str) -> MediaAsset | None:
        """What ``owner`` has of this content. Raises Refused."""
        found = self.find(name)
        if found.asset is not None:
            return found.asset
        if not MediaAsset.objects.filter(owner=owner, bytes=found.bytes).exclude(sha256="").exists():
            return None
        if found.name not in self._hashes:
            digest = hashlib.sha256()
            self._read(found, digest.update)
            self._hashes[found.name] = digest.hexdigest()
        return uploads.same(owner, self._hashes[found.name])

    def plan(self, name: str, owner: str) -> None:
        """What ``receive`` would say of a file that is not known, as far as its name, its beginning and the quota tell.
        Raises Refused."""
        found = self.find(name)
        with self._still_there():
            head = self.shelf.head(found.name)
        uploads.check_head(uploads.check_name(found.name), found.bytes, head)
        if (owner, found.name) in self._planned:
            return
        files, size = self.coming.get(owner, (0, 0))
        if self.limited:
            house = Institution.objects.get(code=owner)
            quota = self._quotas.get(owner) or self._quotas.setdefault(owner, quotas.of(house))
            used = {"used_uploads": quota.used_uploads + files, "used_bytes": quota.used_bytes + size}
            quotas.refuse(house, replace(quota, **used), found.bytes)
        self.coming[owner] = [files + 1, size + found.bytes]
        self._planned.add((owner, found.name))

    def receive(self, name: str, owner: str, title: str, user: AbstractBaseUser | None) -> MediaAsset:
        """Takes one file in as an asset of ``owner`` and starts its job; what is known is found. Raises Refused."""
        if there := self.known(name, owner):
            return there
        found = self.find(name)
        if self.limited:  # asked again when the file is there; here it saves reading it
            quotas.check(Institution.objects.get(code=owner), found.bytes)
        with workplace.work_dir(uuid4()) as folder:
            path, digest = folder / "file", hashlib.sha256()
            try:
                with path.open("wb") as file:
                    self._read(found, digest.update, file.write)
            except OSError as error:
                raise Failed("disk", "服务器的磁盘空间不足，暂时不能接收文件。", "请联系管理员。") from error
            self.storing(found.bytes)
            return uploads.take(
                path,
                owner=owner,
                filename=name,
                sha256=digest.hexdigest(),
                title=title,
                user=user,
                allow=partial(_check_quota, owner, found.bytes) if self.limited else None,
            )

    def _read(self, found: Found, *takers: Callable[[bytes], object]) -> None:
        with self._still_there():
            for chunk in self.shelf.read(found.name):
                for take in takers:
                    take(chunk)
                self.beat()

    @contextmanager
    def _still_there(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise Refused("file-gone", "文件刚刚不见了", f"{self.remedy}。") from error


def _check_quota(owner: str, size: int) -> None:
    # one at a time for each institution, or two at once would both have the last place
    quotas.check(Institution.objects.select_for_update().get(code=owner), size)


def _missing(near: list[str], remedy: str) -> Refused:
    offered = f"；名字相近的有：{'、'.join(near)}" if near else ""
    return Refused("file-missing", "找不到这个文件", f"{remedy}{offered}。")


def _plain(name: str) -> str:
    """A name as it is compared: Unicode form C, ``/`` between folders, none of them ``.``."""
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part != ".")


def _base(name: str) -> str:
    return name.rpartition("/")[2].casefold()


class Near:
    """Finds the names that come near another: first by the letters and pairs of letters they share, then by difflib."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(dict.fromkeys(names))
        self._having: dict[str, list[int]] = defaultdict(list)
        for number, name in enumerate(self._names):
            for part in _parts(name):
                self._having[part].append(number)

    def __call__(self, name: str) -> list[str]:
        shared = Counter(number for part in _parts(name) for number in self._having.get(part, ()))
        some = {PurePosixPath(self._names[number]).name: number for number, _times in shared.most_common(LOOKED_AT)}
        close = get_close_matches(PurePosixPath(name).name, list(some), n=OFFERED, cutoff=0.5)
        return [self._names[some[base]] for base in close]


def _parts(name: str) -> set[str]:
    stem = PurePosixPath(name).stem.casefold()
    return {*stem, *(stem[start : start + 2] for start in range(len(stem) - 1))}
