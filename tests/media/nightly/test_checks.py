"""Checks of damaged media files, and of many waveforms."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from PIL import Image

from comfy.media.decoding import Undecodable
from comfy.media.thumbnails import BARS, peaks_of, sound_thumbnail
from tests.media.test_checks import LIMITS, gif, png_header
from tests.support.samples.media import MEDIA, flac, problem_in, wav


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


RATE = 48_000
LOUD = [abs(at / BARS) for at in range(BARS)]  # from silence to the loudest


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("wav", "PCM_24"), ("wav", "FLOAT"), ("flac", "PCM_16"), ("mp3", None), ("opus", "OPUS")],
)
def test_peaks_follow_the_sound(tmp_path: Path, suffix: str, subtype: str | None) -> None:
    """A sound that grows from silence to full volume has bars that grow too, in every file
    format."""
    import numpy as np

    steps = np.repeat(LOUD, RATE // 10)
    tone = steps * np.sin(np.arange(len(steps)) * 0.2)
    path = tmp_path / f"sound.{suffix}"
    kind = {"format": "OGG"} if suffix == "opus" else {}
    soundfile.write(path, np.column_stack([tone, tone * 0.5]), RATE, subtype=subtype, **kind)
    peaks = peaks_of(path)
    assert len(peaks) == BARS
    assert peaks == pytest.approx(LOUD, abs=0.12)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF\xff\xff\xff\xffWAVEfmt ",
        flac({"prompt": "{}"}),
        wav([]),
        wav([1] * 600, channels=200),
        (MEDIA / "saved.mp4").read_bytes(),
        b"caff" + b"\0\x01" * 40,
    ],
    ids=["empty", "cut", "no frames", "no samples", "200 channels", "video", "another format"],
)
def test_an_undecodable_file_has_no_waveform(tmp_path: Path, data: bytes) -> None:
    """A damaged file or one that isn't a sound can't be decoded and has no thumbnail."""
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(Undecodable):
        peaks_of(tmp_path / "x")
    assert sound_thumbnail(tmp_path / "x") is None
