"""A file that is already on this machine becomes an asset: what commands and importers call."""

from pathlib import Path
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from media_pipeline import storage, tasks
from media_pipeline.models import MediaAsset


def receive_file(  # noqa: PLR0913  each is a fact only the caller knows
    path: Path,
    *,
    owner: str,
    title: str = "",
    filename: str = "",
    user: AbstractBaseUser | None = None,
    enqueue: bool = True,
) -> MediaAsset:
    """Store the original, make the asset, queue its job and ring the bell on commit.

    Nothing is judged here: a bad file becomes an asset that its job rejects with a reason. ``filename`` is the name
    people know the file by. Raises FileNotFoundError and errors.Failed.
    """
    uid, name = uuid4(), filename or path.name
    key = storage.original_key(uid, name)
    storage.store().put_file(path, key, "application/octet-stream")
    with transaction.atomic():
        asset = MediaAsset.objects.create(
            uid=uid,
            owner=owner,
            title=(title or Path(name).stem)[:255],
            filename=name[-255:],
            bytes=path.stat().st_size,
            original_key=key,
            created_by=user,  # type: ignore[misc]
        )
        if enqueue:
            tasks.enqueue(asset)
    return asset
