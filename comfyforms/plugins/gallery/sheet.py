"""Contact sheet: the thumbnails of results as one image."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

from comfy.media.decoding import Undecodable, opened

MOST_CELLS = 200
_SIDE, _GAP, _COLUMNS = 240, 12, 10  # pixels, pixels, cells
_BACKGROUND = "white"


def contact_sheet(thumbnails: Sequence[Path]) -> bytes:
    """Return a JPEG. Unreadable thumbnails leave an empty cell. Takes memory: 40 MB."""
    columns = max(1, min(_COLUMNS, math.ceil(math.sqrt(len(thumbnails)))))
    rows = max(1, math.ceil(len(thumbnails) / columns))
    cell = _SIDE + _GAP
    sheet = Image.new("RGB", (columns * cell + _GAP, rows * cell + _GAP), _BACKGROUND)
    for at, path in enumerate(thumbnails):
        row, column = divmod(at, columns)
        try:
            with opened(path) as image:
                small = ImageOps.contain(image.convert("RGBA"), (_SIDE, _SIDE))
        except Undecodable:
            continue
        left = _GAP + column * cell + (_SIDE - small.width) // 2
        top = _GAP + row * cell + (_SIDE - small.height) // 2
        sheet.paste(small, (left, top), small)
    target = io.BytesIO()
    sheet.save(target, "JPEG", quality=88)
    return target.getvalue()
