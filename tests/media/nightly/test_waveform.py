"""Waveform thumbnails of sounds."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from comfy.media.decoding import Undecodable
from comfy.media.thumbnails import BARS, peaks_of, sound_thumbnail
from tests.support.samples.media import MEDIA, flac, wav

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
