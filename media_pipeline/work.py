"""One file on its way through the pipeline."""

from dataclasses import dataclass
from pathlib import Path

from media_pipeline.cage import Cage
from media_pipeline.probe import Facts
from media_pipeline.product import Report
from media_pipeline.profiles import Profile


@dataclass(frozen=True, slots=True)
class Work:
    """``source`` is only read, everything is written into ``out``; children run in ``cage``."""

    source: Path
    out: Path
    facts: Facts
    profile: Profile
    sha256: str
    cage: Cage
    report: Report
