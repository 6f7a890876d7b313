"""Makes ``look_alikes.txt`` beside this file from two collections of fonts; see README.md. Run by hand."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np  # type: ignore[import-not-found]
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIMPLIFIED = 2
"""Place of the face for simplified Chinese in Noto's collections."""

SIDE = 32
KEPT = 12
WHOLE = (0, 0, SIDE, SIDE)
VIEWS = ((WHOLE, 0.5, 7), ((14, 0, SIDE, SIDE), 0.72, 6), ((0, 13, SIDE, SIDE), 0.8, 2))
"""What is compared: box, least likeness, nearest taken."""

LEAST = 0.3
"""Two characters of which a part is alike must be this much alike as a whole."""


def characters() -> list[str]:
    """The 6,763 of GB 2312 (GB/T 2312-1980, rows 16 to 87)."""
    rows = (bytes([row, cell]) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    return [code.decode("gb2312", "ignore") for code in rows if code.decode("gb2312", "ignore")]


def pictures(chars: list[str], font: Path, box: tuple[int, int, int, int]) -> np.ndarray:
    """A normalised row a character."""
    face = ImageFont.truetype(str(font), SIDE - 4, index=SIMPLIFIED)
    rows = []
    for char in chars:
        sheet = Image.new("L", (SIDE, SIDE), 0)
        ImageDraw.Draw(sheet).text((2, -2), char, font=face, fill=255)
        if box == WHOLE:
            sheet = sheet.crop(sheet.getbbox()).resize((SIDE - 4, SIDE - 4), Image.Resampling.BILINEAR)
        else:
            sheet = sheet.crop(box)
        row = np.asarray(sheet.filter(ImageFilter.GaussianBlur(1.2)), dtype=np.float32).ravel()
        rows.append((row - row.mean()) / (np.linalg.norm(row - row.mean()) + 1e-6))
    return np.stack(rows)


def likeness(chars: list[str], fonts: list[Path], box: tuple[int, int, int, int]) -> np.ndarray:
    drawn = [pictures(chars, font, box) for font in fonts]
    alike = sum(rows @ rows.T for rows in drawn) / len(drawn)
    np.fill_diagonal(alike, -1)
    return alike


def main(fonts: list[Path]) -> None:
    chars = characters()
    whole = likeness(chars, fonts, WHOLE)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for box, least, nearest in VIEWS:
        alike = whole if box == WHOLE else likeness(chars, fonts[:1], box)
        for one, row in enumerate(alike):
            for other in np.argsort(-row)[:nearest]:
                if row[other] > least and whole[one, other] > LEAST:
                    for a, b in ((chars[one], chars[other]), (chars[other], chars[one])):
                        found[a][b] = max(found[a].get(b, 0.0), float(row[other]) * (1.0 if box == WHOLE else 0.9))
    ordered = (char + "".join(sorted(found[char], key=found[char].__getitem__, reverse=True)[:KEPT]) for char in found)
    (Path(__file__).parent / "look_alikes.txt").write_text("\n".join(sorted(ordered)) + "\n", "utf-8")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
