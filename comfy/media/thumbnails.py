"""Thumbnails of images and sounds from untrusted files.

Waveform of a sound: a small image of its loudness from beginning to end.

A separate process decodes the sound, with limits on time and memory.

Smaller previews, for connections that are too slow for the original ones.
"""

from __future__ import annotations

import io
import logging
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import Image, ImageDraw, ImageOps

from comfy.base.json_values import parse_json
from comfy.base.messages import message
from comfy.media.decoding import Undecodable, opened, with_eight_bits

BARS = 36  # of 8 pixels, so that all have the same width
_PROGRAM = Path(__file__).with_name("sound_peaks.py")
_SECONDS = 20.0  # includes starting Python and importing numpy on a busy machine
# Variables that Python and its libraries need to start. The others may hold secrets.
_HANDED_ON = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "TMPDIR")
_SIDE = 320  # pixels
_EDGE = 16
# Pixels of a bar: less than half of `_SIDE`, so that a box twice as wide as high shows it all.
_HIGHEST = 140
_LOWEST = 4
_COLOUR = (124, 110, 245, 255)  # the page's accent color, visible on light and dark backgrounds
# At the end of a thumbnail, as metadata: reading it costs less than decoding the image.
_COLOR_AT_END = re.compile(rb"XMP \x07\0\0\0(#[0-9a-f]{6})\0$")
_END = 16  # bytes
log = logging.getLogger(__name__)
_ROUGHLY = 4  # times the side: the size at which an image of another mode is converted
# Pixels; sizes to try for an image that has to fit a byte limit.
_SIDES = (1024, 768, 512, 384, 256)
_FORMATS = ("JPEG", "PNG")
_MOST_PIXELS = 4_000_000  # of a preview to shrink; ComfyUI's have 512 x 512


def peaks_of(path: Path, *, program: Path = _PROGRAM, seconds: float = _SECONDS) -> list[float]:
    """Return the peak loudness of a sound, 0 to 1, in each of `BARS` parts of equal length.

    `program` decodes it in a separate process, which is killed after a timeout. Raises Undecodable
    if it isn't a sound, is damaged, or crashes the program.
    """
    environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    try:
        output = subprocess.run(
            # -P keeps modules next to the program from shadowing the standard library.
            [sys.executable, "-P", str(program), str(path), str(BARS)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"OPENBLAS_NUM_THREADS": "1"},
            timeout=seconds,
            check=True,
        ).stdout
        peaks = [float(peak) for peak in parse_json(output)]
    except (subprocess.SubprocessError, OSError, ValueError, TypeError) as error:
        raise Undecodable(message("This sound is damaged and can't be read.")) from error
    if len(peaks) != BARS or not all(0 <= peak <= 1 for peak in peaks):
        raise Undecodable(message("This sound is damaged and can't be read."))
    return peaks


def waveform(path: Path) -> Image.Image:
    """Return the sound as bars in a transparent square. Raises Undecodable."""
    peaks = peaks_of(path)
    image = Image.new("RGBA", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(image)
    width = (_SIDE - 2 * _EDGE) // BARS
    for index, peak in enumerate(peaks):
        # Square root, because a sound that seems half as loud has a tenth of the power.
        half = max(_LOWEST, _HIGHEST * math.sqrt(peak)) / 2
        left = _EDGE + index * width
        draw.rounded_rectangle(
            (left, _SIDE / 2 - half, left + width // 2, _SIDE / 2 + half), 2, _COLOUR
        )
    return image


def thumbnail_of(file: Path | IO[bytes], side: int = _SIDE) -> bytes | None:
    """Return a WebP of at most `side` x `side` pixels, the first frame of an animation; None if the
    file isn't a readable image.

    Never raises: the file may be damaged, or not what its name suggests. Takes memory, so only one
    may be made at a time.
    """
    try:
        with opened(file) as image:
            small = _small(image, side)
            return _webp(small, _color(small))
    except Undecodable as error:
        log.info("No thumbnail for %s: %s", getattr(file, "name", "a preview"), error)
        return None


def sound_thumbnail(path: Path) -> bytes | None:
    """Return a sound's waveform as a WebP of 320 x 320 pixels; None if the file isn't a readable
    sound.

    Never raises, like `thumbnail_of`.
    """
    try:
        return _webp(waveform(path))
    except Undecodable as error:
        log.info("No waveform for %s: %s", path.name, error)
        return None


def image_within(file: IO[bytes], most: int) -> bytes | None:
    """Return a WebP of at most `most` bytes and 1024 x 1024 pixels, the first frame of an
    animation. None if the file isn't a readable image, or if even 256 x 256 pixels take too many
    bytes.

    Never raises, and takes memory, like `thumbnail_of`.
    """
    try:
        with opened(file) as image:
            small = _small(image, _SIDES[0])
            for side in _SIDES:
                small.thumbnail((side, side))
                data = _webp(small)
                if len(data) <= most:
                    return data
    except Undecodable as error:
        log.info("Can't make a smaller image: %s", error)
    return None


def _small(image: Image.Image, side: int) -> Image.Image:
    if image.mode not in ("RGB", "RGBA", "L"):
        image.thumbnail((_ROUGHLY * side, _ROUGHLY * side), Image.Resampling.NEAREST)
    small = with_eight_bits(image)
    small.thumbnail((side, side))
    return ImageOps.exif_transpose(small)


def _webp(image: Image.Image, color: str = "") -> bytes:
    target = io.BytesIO()
    image.save(target, "WEBP", quality=80, xmp=color.encode())
    return target.getvalue()


def _color(image: Image.Image) -> str:
    if image.mode not in ("RGB", "L"):  # transparent
        return ""
    return "#" + image.convert("RGB").resize((1, 1), Image.Resampling.BOX).tobytes().hex()


def color_of(thumbnail: Path) -> str | None:
    """Return the average color of a thumbnail, such as "#1e2a3b"; None for a transparent one, or
    one of an earlier version."""
    try:
        with thumbnail.open("rb") as file:
            file.seek(-_END, os.SEEK_END)
            found = _COLOR_AT_END.search(file.read())
    except OSError:
        return None
    return found[1].decode() if found else None


@dataclass(frozen=True, slots=True)
class PreviewSize:
    """Target size: the longest `side` in pixels, and the JPEG `quality`. `share`: the estimated
    ratio to the original's bytes, used before the first preview is made."""

    side: int
    quality: int
    share: float


# From largest to smallest; each has about three quarters of the bytes of the one before. Decoding a
# JPEG at half its size costs a quarter. Sizes in between would cost twice as much as the full size.
PREVIEW_SIZES = (
    PreviewSize(512, 75, 0.60),
    PreviewSize(512, 55, 0.45),
    PreviewSize(512, 38, 0.30),
    PreviewSize(512, 25, 0.22),
    PreviewSize(256, 75, 0.15),
    PreviewSize(256, 55, 0.10),
    PreviewSize(256, 38, 0.08),
    PreviewSize(192, 38, 0.05),
)


def smaller_preview(data: bytes, size: PreviewSize) -> bytes:
    """Return a preview as a JPEG of that size; unchanged if it isn't a known image or wouldn't get
    smaller. Never raises."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                return data
            # Decodes a JPEG at half or a quarter of its size if that is enough.
            image.draft("RGB", (size.side, size.side))
            image.load()
            small = image if image.mode == "RGB" else image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return data
    small.thumbnail((size.side, size.side), Image.Resampling.BILINEAR)
    target = io.BytesIO()
    small.save(target, "JPEG", quality=size.quality)
    return min(data, target.getvalue(), key=len)
