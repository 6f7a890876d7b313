"""The pictures of a film that an editor may choose its poster from: the parts of the storyboard's sprite."""

from media_pipeline import storage
from media_pipeline.access import media_url
from media_pipeline.errors import Failed
from media_pipeline.formats import storyboard
from media_pipeline.formats.storyboard import Area
from media_pipeline.models import MediaAsset


def frames(asset: MediaAsset) -> list[tuple[Area, str]]:
    """The frames in time order, each with the address of its sprite; none for what has no storyboard, nor while the
    store is away."""
    package = asset.package
    if package is None or not package.storyboard_key:
        return []
    try:
        with storage.store().open(package.storyboard_key) as file:
            found = storyboard.areas(file.read().decode())
    except (FileNotFoundError, Failed):
        return []
    url = media_url(asset, f"{package.prefix}{storyboard.SPRITE}", signed=True)
    return [(area, url) for area in found]
