"""What the pure pipeline hands over: names, sizes and facts of the files it wrote into one directory."""

from collections.abc import Callable
from dataclasses import dataclass, field

Report = Callable[[str, float], None]
"""Called with the step's name and the whole work's progress, 0..1, never going back."""


@dataclass(frozen=True, slots=True)
class ProducedFile:
    """A file of the package. ``name`` is relative to the package's directory, with ``/``."""

    name: str
    content_type: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ProducedRendition:
    """``spec`` such as ``video-720-h264``; ``bitrate`` in bit/s, measured."""

    spec: str
    name: str
    bytes: int
    bitrate: int | None = None
    width: int | None = None
    height: int | None = None
    codecs: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class ProducedPage:
    """A page of a PDF (with a picture) or a section of an EPUB (with cleaned HTML). ``number`` from 1."""

    number: int
    title: str = ""
    text: str = ""
    html: str = ""
    picture: str = ""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """One asset made playable.

    ``digest``: 12 hex digits naming source and plan, so equal work has an equal name. ``files`` in the order they
    are stored: media first, manifests last. ``manifest`` is what a page needs beyond that, as JSON: for a picture
    ``{"pictures": [{"name", "type", "width", "height"}]}``. Text tracks found inside a film: ``tracks`` as
    ``(kind, language, cues)`` with cues ``[start s, end s, text]``. ``warnings`` are sentences for the uploader
    about what was left out or is damaged.
    """

    media_type: str
    digest: str
    files: tuple[ProducedFile, ...]
    renditions: tuple[ProducedRendition, ...] = ()
    hls: str = ""
    dash: str = ""
    poster: str = ""
    storyboard: str = ""
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    facts: dict = field(default_factory=dict)
    pages: tuple[ProducedPage, ...] = ()
    tracks: tuple[tuple[str, str, list], ...] = ()
    manifest: dict = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
