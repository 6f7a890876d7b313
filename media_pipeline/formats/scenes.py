"""Where a film changes its scene."""

from typing import Any

import ffmpeg

RATE = 2  # pictures a second that are compared
KEY = "lavfi.scd.time"
CLOSEST = 1.0  # seconds
THRESHOLD = 8  # of 100, by trial: a cut between shots, the next slide; not a hand that moves
MOST = 2000


def output(stream: Any) -> Any:
    """Nothing is written: the scenes are told as they come."""
    stream = stream.filter("select", f"gte(t,selected_n/{RATE})").filter("scdet", threshold=THRESHOLD)
    stream = stream.filter("metadata", "print", key=KEY, file="pipe:1", direct=1)
    return ffmpeg.output(stream, "-", format="null")


class Scenes:
    """Takes what the graph tells."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def take(self, name: str, value: float) -> None:
        if name == KEY and (not self.times or value - self.times[-1] >= CLOSEST) and len(self.times) < MOST:
            self.times.append(round(value, 2))
