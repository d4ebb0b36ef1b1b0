"""Waveform of a sound: a small image of its loudness from beginning to end.

A separate process decodes the sound, with limits on time and memory.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw

from comfy.base.messages import message
from comfy.media.decoding import Undecodable

BARS = 40
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
        peaks = [float(peak) for peak in json.loads(output)]
    except (subprocess.SubprocessError, OSError, ValueError, TypeError, RecursionError) as error:
        raise Undecodable(message("This sound is damaged and can't be read.")) from error
    if len(peaks) != BARS or not all(0 <= peak <= 1 for peak in peaks):
        raise Undecodable(message("This sound is damaged and can't be read."))
    return peaks


def waveform(path: Path) -> Image.Image:
    """Return the sound as bars in a transparent square. Raises Undecodable."""
    peaks = peaks_of(path)
    image = Image.new("RGBA", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(image)
    width = (_SIDE - 2 * _EDGE) / BARS
    for index, peak in enumerate(peaks):
        # Square root, because a sound that seems half as loud has a tenth of the power.
        half = max(_LOWEST, _HIGHEST * math.sqrt(peak)) / 2
        left = _EDGE + index * width
        draw.rounded_rectangle(
            (left, _SIDE / 2 - half, left + width * 0.6, _SIDE / 2 + half), 2, _COLOUR
        )
    return image
