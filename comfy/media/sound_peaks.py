"""Program that prints the loudness of a sound: `sound_peaks.py PATH BARS`.

It runs as a separate process (`comfy.media.thumbnails`), because libsndfile parses untrusted files.
It imports nothing from this project, and limits its own memory and time. Output: a JSON list of
numbers from 0 to 1. Exit status: 2 if the file isn't a sound or is damaged.
"""

from __future__ import annotations

import json
import math
import sys
from contextlib import suppress

import soundfile

_FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF")
_MOST_CHANNELS = 16
# Most frames to read per bar: 4 MB with 16 channels. Long sounds are read only in part.
_MOST_FRAMES = 65_536
_MEMORY = 1024 * 1024 * 1024  # bytes of address space, libraries included
_SECONDS = 10  # of processor time
_NOT_READ = 2


def _limit() -> None:
    """Limit memory and processor time if the system can, and forbid writing files."""
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_AS: _MEMORY,
        resource.RLIMIT_CPU: _SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        with suppress(ValueError, OSError):  # macOS can't limit address space
            resource.setrlimit(limit, (most, most))


def _peaks(path: str, bars: int) -> list[float]:
    with soundfile.SoundFile(path) as sound:
        if sound.format not in _FORMATS or sound.channels > _MOST_CHANNELS or not sound.frames:
            raise ValueError("no such sound")
        return [_peak(sound, at, bars) for at in range(bars)]


def _peak(sound: soundfile.SoundFile, at: int, bars: int) -> float:
    start, end = (sound.frames * one // bars for one in (at, at + 1))
    if sound.tell() != start:
        sound.seek(start)
    frames = sound.read(min(max(1, end - start), _MOST_FRAMES), dtype="float32")
    loudest = max(float(frames.max()), -float(frames.min())) if len(frames) else 0.0
    return min(1.0, loudest) if math.isfinite(loudest) else 0.0  # a file can contain any value


def _main() -> int:
    _limit()
    try:
        peaks = _peaks(sys.argv[1], int(sys.argv[2]))
    except (soundfile.SoundFileError, RuntimeError, ValueError, OSError, MemoryError):
        return _NOT_READ
    sys.stdout.write(json.dumps(peaks))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
