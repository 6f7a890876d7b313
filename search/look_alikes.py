"""Characters that look alike: 刺 and 剌, 晴 and 睛. Computed from how they are drawn, see ``search/data/README.md``."""

from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "look_alikes.txt"


def of(char: str) -> str:
    """What looks like a simplified character, the most alike first; "" for what nothing looks like."""
    return _table().get(char, "")


@cache
def _table() -> dict[str, str]:
    return {line[0]: line[1:].rstrip() for line in DATA.read_text("utf-8").splitlines() if line}
