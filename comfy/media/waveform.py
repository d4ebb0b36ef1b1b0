"""A sound as a small image: how loud it is from its beginning to its end."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from comfy.media.decoding import Undecodable
from comfy.messages import message

if TYPE_CHECKING:
    import soundfile

BARS = 40
_FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF")
_MOST_CHANNELS = 16
# Frames that are read for a bar, at most: with 16 channels 4 MB. Of a long sound, parts are read.
_MOST_FRAMES = 65_536
_SIDE = 320  # pixels
_EDGE = 16
_HIGHEST = 140  # pixels of a bar: half as high as wide, so that a box of that shape shows all
_LOWEST = 4
_COLOUR = (124, 110, 245, 255)  # of the page's accent, to be seen on light and on dark


def peaks_of(path: Path) -> list[float]:
    """How loud a sound is at its loudest, 0 to 1, in each of `BARS` parts of the same length.

    Raises Undecodable for what is no such sound, or damaged.
    """
    # Here: it takes a while, and what needs no sound is quicker without.
    import soundfile

    try:
        with soundfile.SoundFile(path) as sound:
            if sound.format not in _FORMATS or sound.channels > _MOST_CHANNELS or not sound.frames:
                raise Undecodable(message("This sound can't be drawn."))
            return [_peak(sound, at) for at in range(BARS)]
    except (soundfile.SoundFileError, RuntimeError, ValueError, OSError) as error:
        raise Undecodable(message("This sound is damaged and can't be read.")) from error


def _peak(sound: soundfile.SoundFile, at: int) -> float:
    start, end = (sound.frames * one // BARS for one in (at, at + 1))
    if sound.tell() != start:
        sound.seek(start)
    frames = sound.read(min(max(1, end - start), _MOST_FRAMES), dtype="float32")
    loudest = max(float(frames.max()), -float(frames.min())) if len(frames) else 0.0
    return min(1.0, loudest) if math.isfinite(loudest) else 0.0  # a file can say anything


def waveform(path: Path) -> Image.Image:
    """The sound as bars, in a square that one can see through. Raises Undecodable."""
    peaks = peaks_of(path)
    image = Image.new("RGBA", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(image)
    width = (_SIDE - 2 * _EDGE) / BARS
    for at, peak in enumerate(peaks):
        # The root: what is half as loud to the ear has a tenth of the power.
        half = max(_LOWEST, _HIGHEST * math.sqrt(peak)) / 2
        left = _EDGE + at * width
        draw.rounded_rectangle(
            (left, _SIDE / 2 - half, left + width * 0.6, _SIDE / 2 + half), 2, _COLOUR
        )
    return image
