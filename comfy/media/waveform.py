"""A sound as a small image: how loud it is from its beginning to its end.

The sound is decoded in a process of its own, with limits of time and memory.
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
_SECONDS = 20.0  # starting Python and importing numpy included, on a busy machine
# Variables that Python and its libraries need to start. The others may hold secrets.
_HANDED_ON = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "TMPDIR")
_SIDE = 320  # pixels
_EDGE = 16
_HIGHEST = 140  # pixels of a bar: half as high as wide, so that a box of that shape shows all
_LOWEST = 4
_COLOUR = (124, 110, 245, 255)  # of the page's accent, to be seen on light and on dark


def peaks_of(path: Path, *, program: Path = _PROGRAM, seconds: float = _SECONDS) -> list[float]:
    """Return the peak loudness of a sound, 0 to 1, in each of `BARS` parts of equal length.

    `program` decodes it in a separate process, which is killed after a timeout. Raises Undecodable
    if it isn't a sound, is damaged, or crashes the program.
    """
    environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    try:
        told = subprocess.run(
            # -P: modules beside the program don't shadow the standard library.
            [sys.executable, "-P", str(program), str(path), str(BARS)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"OPENBLAS_NUM_THREADS": "1"},
            timeout=seconds,
            check=True,
        ).stdout
        peaks = [float(peak) for peak in json.loads(told)]
    except (subprocess.SubprocessError, OSError, ValueError, TypeError, RecursionError) as error:
        raise Undecodable(message("This sound is damaged and can't be read.")) from error
    if len(peaks) != BARS or not all(0 <= peak <= 1 for peak in peaks):
        raise Undecodable(message("This sound is damaged and can't be read."))
    return peaks


def waveform(path: Path) -> Image.Image:
    """The sound as bars, in a square that one can see through. Raises Undecodable."""
    peaks = peaks_of(path)
    image = Image.new("RGBA", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(image)
    width = (_SIDE - 2 * _EDGE) / BARS
    for at, peak in enumerate(peaks):
        # The root: a sound half as loud to the ear has a tenth of the power.
        half = max(_LOWEST, _HIGHEST * math.sqrt(peak)) / 2
        left = _EDGE + at * width
        draw.rounded_rectangle(
            (left, _SIDE / 2 - half, left + width * 0.6, _SIDE / 2 + half), 2, _COLOUR
        )
    return image
