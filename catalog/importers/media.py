"""Where the files that rows name are taken from: a folder, or a bucket."""

import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet

from catalog.errors import FileRefused
from media_pipeline import intake
from media_pipeline.models import AssetState, MediaAsset
from media_pipeline.storage import Bucket, LocalStore, S3Store


@dataclass(frozen=True, slots=True)
class MediaSource:
    """A folder or bucket; ``name in source`` asks whether it holds a file of that name (relative, with ``/``)."""

    store: LocalStore | S3Store
    remedy = "请检查文件名，或把文件放到 --media 指定的位置。"

    @classmethod
    def at(cls, address: str) -> "MediaSource":
        """From a directory or ``s3://bucket/prefix?endpoint=…``. Raises FileRefused when there is no such directory."""
        if address.startswith("s3://"):
            return cls(S3Store(Bucket.from_url(address)))
        if not Path(address).is_dir():
            raise FileRefused("media-missing", f"找不到文件夹 {address}。", "请检查 --media。")
        return cls(LocalStore(Path(address).absolute()))

    def __contains__(self, name: object) -> bool:
        return self.store.exists(str(name))

    def receive(self, name: str, owner: str, title: str, user: AbstractBaseUser | None) -> MediaAsset:
        """Takes one file in as an asset of ``owner`` and starts its job."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PurePosixPath(name).name
            self.store.download(name, path)
            return intake.receive_file(path, owner=owner, title=title, filename=name, user=user)


@dataclass(frozen=True, slots=True)
class Received:
    """Files that an institution has uploaded before, by their name. A name that several different files have is
    nobody's: the wrong film would come in without a word."""

    owner: str
    remedy = "请检查文件名，或先在“上传”里传好这个文件；不同的文件同名时，请先改名。"

    def __contains__(self, name: object) -> bool:
        return len(set(self._named(str(name)).values_list("sha256", flat=True)[:2])) == 1

    def _named(self, name: str) -> QuerySet[MediaAsset]:
        turned_down = (AssetState.REJECTED, AssetState.FAILED)
        return MediaAsset.objects.filter(owner=self.owner, filename=name).exclude(state__in=turned_down)

    def receive(self, name: str, owner: str, title: str, user: AbstractBaseUser | None) -> MediaAsset:
        """The uploaded asset; nothing is copied."""
        return self._named(name).order_by("-pk")[0]
