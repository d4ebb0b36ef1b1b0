"""Waveform thumbnails of sounds."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import soundfile
from PIL import Image

from comfy.media.decoding import Undecodable
from comfy.media.thumbnails import BARS, peaks_of, sound_thumbnail
from comfy.records.blobs import BlobStore
from tests.support.samples.media import wav


def test_a_long_sound_is_looked_at_in_parts(tmp_path: Path) -> None:
    """The app reads only the beginning of each bar of an hour-long sound. It sees a click there,
    but not a click far behind it."""
    import numpy as np

    frames = 3600 * 8000
    samples = np.zeros(frames, dtype="int16")
    samples[10] = samples[frames // BARS * 7 + 10] = 32767
    samples[frames // BARS * 3 + 200_000] = 32767
    soundfile.write(tmp_path / "hour.flac", samples, 8000)
    peaks = peaks_of(tmp_path / "hour.flac")
    assert [at for at, peak in enumerate(peaks) if peak] == [0, 7]


def test_a_sound_shorter_than_its_bars(tmp_path: Path) -> None:
    """A sound of ten frames fills all bars."""
    (tmp_path / "short.wav").write_bytes(wav([16384] * 10))
    assert peaks_of(tmp_path / "short.wav") == [0.5] * BARS


def test_the_image_shows_more_where_it_is_louder(tmp_path: Path) -> None:
    """The thumbnail is a transparent square whose bars are higher if the sound is louder. Silence
    is a line."""
    (tmp_path / "a.wav").write_bytes(wav([0] * 500 + [32767] * 500))
    data = sound_thumbnail(tmp_path / "a.wav")
    assert data is not None
    image = Image.open(io.BytesIO(data))
    assert image.size == (320, 320)
    left, right = (image.getchannel("A").crop((x, 0, x + 160, 320)).getbbox() for x in (0, 160))
    assert left is not None
    assert right is not None
    assert 2 <= left[3] - left[1] <= 8
    assert right[3] - right[1] > 130


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.abort()",
        "import threading; threading.Event().wait()",
        "print('[NaN' + ', 1' * 39 + ']')",
        "print('[' * 100000)",
        "print('[1]')",
        "import os; print([1] * 40 if 'COMFYFORMS_LOGIN' in os.environ else 'no')",
    ],
    ids=["crashes", "hangs", "no number", "deep", "too few", "has no secrets"],
)
def test_a_broken_decoder_leaves_no_waveform(
    tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that crashes, hangs or returns nonsense is stopped, and doesn't see the app's
    secrets."""
    monkeypatch.setenv("COMFYFORMS_LOGIN", "ann:lighthouse")
    (tmp_path / "decoder.py").write_text(program)
    (tmp_path / "a.wav").write_bytes(wav([1] * 100))
    with pytest.raises(Undecodable):
        peaks_of(tmp_path / "a.wav", program=tmp_path / "decoder.py", seconds=2)


def test_a_damaged_sound_is_decoded_once(tmp_path: Path) -> None:
    """Requesting the thumbnail of a damaged sound again doesn't start the decoder."""
    store = BlobStore(tmp_path)
    digest, _ = store.add([b"RIFF\xff\xff\xff\xffWAVEfmt "])
    assert store.thumbnail(digest, "audio") is None
    path = store.path(digest)
    assert path is not None
    path.write_bytes(wav([1] * 600))
    assert store.thumbnail(digest, "audio") is None
    store.close()
