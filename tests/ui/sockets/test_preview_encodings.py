"""Smaller previews for slow links."""

from __future__ import annotations

import asyncio
import io

import pytest
from PIL import Image

from comfy.media.thumbnails import PREVIEW_SIZES, smaller_preview
from tests.support.waiting import awaited
from tools.benchmarks.tools.frames import BYTES, numbered
from ui.sockets.preview_encodings import PreviewEncodings
from ui.sockets.preview_window import PreviewWindow


def narrow(rate: float) -> PreviewWindow:
    """Return the window of a link that has carried two previews at this rate, while ten arrive per
    second."""
    window = PreviewWindow()
    for number in (1, 2):
        window.came(number / 10)
        window.sent(number, BYTES, 10.0 * number)
        window.painted(number, BYTES / rate, 10.0 * number + BYTES / rate)
    return window


@pytest.mark.parametrize("rate", [400_000, 200_000, 100_000])
def test_a_preview_fits_the_link(rate: float) -> None:
    """After a few previews, each takes no longer than the time until the next."""
    encodings, window = PreviewEncodings(), narrow(rate)

    async def several() -> list[bytes]:
        return [
            await encodings.fitting("run", number, numbered(number), window)
            for number in range(3, 9)
        ]

    last = awaited(several())[-1]
    assert len(last) <= 0.15 * rate
    with Image.open(io.BytesIO(last)) as image:
        assert image.format == "JPEG"
        assert image.width == image.height


def test_fifty_watchers_share_one() -> None:
    """The app encodes a preview once per size and sends the same bytes to all users who need it."""
    encodings, windows = PreviewEncodings(), [narrow(200_000) for _ in range(50)]

    async def all_of_them(number: int) -> list[bytes]:
        data = numbered(number)
        return await asyncio.gather(
            *(encodings.fitting("run", number, data, window) for window in windows)
        )

    async def two() -> None:
        for number in (3, 4):
            got = await all_of_them(number)
            assert len(set(got)) == 1
            assert len(got[0]) < BYTES

    awaited(two())
    assert encodings.count == 2


def test_with_encoding_turned_off_previews_are_sent_unchanged() -> None:
    """The app sends previews unchanged, even over a link that can't carry them."""
    encodings = PreviewEncodings(enabled=False)
    data = numbered(3)
    assert awaited(encodings.fitting("run", 3, data, narrow(50_000))) is data
    assert encodings.count == 0


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + b"x" * 100])
def test_files_other_than_images_are_sent_unchanged(data: bytes) -> None:
    """A preview that can't be decoded causes no error."""
    assert smaller_preview(data, PREVIEW_SIZES[0]) == data


def test_sizes_are_ordered() -> None:
    """Each size has fewer bytes than the one before, for noisy and for smooth previews. None is
    larger than the original preview."""
    smooth = io.BytesIO()
    Image.linear_gradient("L").resize((512, 512)).convert("RGB").save(smooth, "PNG")
    for data in (numbered(1), smooth.getvalue()):
        sizes = [len(smaller_preview(data, size)) for size in PREVIEW_SIZES]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] <= len(data)
