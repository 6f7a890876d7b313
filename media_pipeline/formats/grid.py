"""Where segments begin: at the same frames on every rung, of every codec, whole or in spans."""

from dataclasses import dataclass
from typing import Any

from media_pipeline.formats import cmaf

ROUNDING = 1e-6  # seconds; far below a frame, far above what a sum of frame times is off


@dataclass(frozen=True, slots=True)
class Grid:
    """Segments of ``seconds``, or at the moments ``cuts``; the film given here begins with segment ``first`` of the
    whole, ``start`` seconds into it."""

    seconds: float
    first: int = 0
    start: float = 0.0
    cuts: tuple[float, ...] = ()

    def options(self) -> dict[str, Any]:
        """For any encoder: key frames where segments begin, a fragment from each to the next."""
        return {"force_key_frames": self._keys(), "movflags": f"{cmaf.MOVFLAGS}+frag_keyframe", **cmaf.STRIP}

    def _keys(self) -> str:
        if self.cuts:
            moments = (cut - self.start + ROUNDING for cut in self.cuts[self.first :])
            return ",".join(f"{moment:.6f}" for moment in moments)
        return f"expr:gte(t+{self.start + ROUNDING:.9f},(n_forced+{self.first})*{self.seconds:g})"
