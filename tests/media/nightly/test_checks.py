"""A file's kind and size are checked by its first bytes and its header before it is decoded."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable

import pytest
from PIL import Image

from tests.media.test_checks import LIMITS, gif, png_header
from tests.support.samples.media import problem_in


def tiff(pages: list[tuple[int, int]]) -> bytes:
    """Return a TIFF whose pages have these sizes."""
    file = io.BytesIO()
    first, *rest = [Image.new("1", size) for size in pages]
    first.save(file, "TIFF", save_all=True, append_images=rest, compression="group4")
    return file.getvalue()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"", "empty"),
        (lambda: bytes(9 * 1024 * 1024), "This file is 9\xa0MB. The maximum is 8\xa0MB."),
        (lambda: png_header(30_000, 30_000), "at most 67 million pixels"),
        (
            lambda: png_header(10_000, 10_000),
            "at most 67 million pixels",
        ),
        (lambda: png_header(2**31 - 1, 2**31 - 1), "at most 67 million pixels"),
        (lambda: gif(8000, 8000, 40), "All frames together can have at most 1,073 million pixels."),
        (lambda: gif(10, 10, 500_000), "It may be damaged or too large."),
        (
            lambda: gif(10, 10, 1, b"!\xfe" + b"\1x" * 500_000 + b"\0"),
            "It may be damaged or too large.",
        ),
        (lambda: tiff([(10, 10), (9000, 9000)]), "at most 67 million pixels"),
        (lambda: tiff([(1, 1)] * 1001), "pixels"),
        (lambda: b"\xff\xd8" + b"\xff\xe5\0\2" * 1_000_000, "It may be damaged or too large."),
        (
            lambda: b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xffIHDR" + bytes(20),
            "It may be damaged or too large.",
        ),
    ],
    ids=[
        "empty",
        "large",
        "bomb",
        "beyond",
        "largest",
        "frames",
        "parts",
        "remarks",
        "pages",
        "leaves",
        "jpeg",
        "4 GiB",
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_much_is_refused_at_once(make: Callable[[], bytes], said: str) -> None:
    """If a header claims more than the decoding limit, the app refuses the file quickly and says
    why."""
    data = make()
    begun = time.process_time()
    assert re.search(said, problem_in(data, LIMITS, "image"))
    assert time.process_time() - begun < 5
