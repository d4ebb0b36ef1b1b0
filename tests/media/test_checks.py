"""Checks of media files, and waveforms."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from comfy.base.files import LONGEST, plain_name
from comfy.media.checks import FORMATS, FileLimits
from comfy.media.decoding import Undecodable
from comfy.media.thumbnails import BARS, peaks_of, sound_thumbnail
from comfy.records.blobs import BlobStore
from tests.support.distribution import examples
from tests.support.samples.media import (
    box,
    every_container,
    flac,
    id3,
    problem_in,
    riff,
    saved,
    wav,
)

LIMITS = FileLimits(size=8 * 1024 * 1024)


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims this size but has hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    size = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def gif(width: int, height: int, frames: int, remark: bytes = b"") -> bytes:
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\1\0\0"
    return (
        b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0" + remark + frame * frames + b";"
    )


@pytest.mark.parametrize("form", [*FORMATS, "GIF"])
def test_an_image_field_accepts_every_image_format(form: str) -> None:
    """An image field takes every image that ComfyUI can load. The content decides."""
    data = saved(form)
    assert problem_in(data, LIMITS, "image") == ""
    assert "Choose an audio file" in problem_in(data, LIMITS, "audio")
    assert problem_in(data, LIMITS) == ""


MP4 = box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", b"")
WEBM = b"\x1a\x45\xdf\xa3" + bytes(20)


@pytest.mark.parametrize(
    ("media", "data"),
    [
        ("audio", flac({})),
        ("audio", id3()),
        ("audio", riff(b"WAVE")),
        ("audio", b"OggS" + bytes(30)),
        ("audio", MP4),
        ("audio", WEBM),
        ("video", MP4),
        ("video", WEBM),
        ("video", riff(b"AVI ")),
        ("video", gif(10, 10, 2)),
        ("", b"# a model\nv 0 0 0\n"),
    ],
)
def test_sounds_and_videos_are_accepted(media: str, data: bytes) -> None:
    """The app recognizes them by their first bytes, regardless of their names."""
    assert problem_in(data, LIMITS, media) == ""


@pytest.mark.parametrize("media", ["image", "audio", "video"])
@pytest.mark.parametrize(
    "data",
    [
        b"<svg onload='alert(1)'/>",
        b"%!PS-Adobe-3.0 EPSF",
        b"hello",
        b"MZ" + bytes(80),
        b"PK\3\4" + bytes(80),
    ],
)
def test_files_of_the_wrong_kind_are_refused(media: str, data: bytes) -> None:
    """The app refuses markup, programs, archives, and files for which Pillow would start another
    program."""
    assert "Choose a" in problem_in(data, LIMITS, media)


CONTAINERS = every_container()


@settings(max_examples=examples(200), derandomize=True)
@given(
    st.sampled_from(sorted(CONTAINERS)),
    st.integers(0, 400),
    st.binary(max_size=40),
    st.sampled_from(["image", "audio", "video", ""]),
)
def test_a_damaged_file_is_accepted_or_refused_with_a_sentence(
    name: str, at: int, new: bytes, media: str
) -> None:
    """If part of a real file is replaced, the app either accepts the file or refuses it with a
    sentence."""
    data = CONTAINERS[name]
    said = problem_in(data[:at] + new + data[at + len(new) :], LIMITS, media)
    assert said == "" or said.endswith(".")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a cat.png", "a cat.png"),
        ("Zoë 日本.webp", "Zoë 日本.webp"),
        ("../../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\a:b.png", "a_b.png"),
        ("a\0.png", "a_.png"),
        ("CON.png", "_CON.png"),
        ("nul", "_nul"),
        ("..", "file"),
        ("", "file"),
        (".htaccess", "htaccess"),
        ("<img src=x onerror=alert(1)>.png", "_img src_x onerror_alert(1)_.png"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("a\r\nX-Header: 1.png", "a__X-Header_ 1.png"),
        ("x" * 10_000 + ".png", "x" * (LONGEST - 4) + ".png"),
        ("a." + "x" * 10_000, "a." + "x" * (LONGEST - 3)),
    ],
)
def test_untrusted_names_are_sanitized(name: str, plain: str) -> None:
    """A name from an untrusted source keeps its letters and extension, but becomes safe on every
    system."""
    assert plain_name(name) == plain


@settings(max_examples=examples(300), derandomize=True)
@given(st.text(max_size=200))
def test_every_name_can_be_a_file(name: str) -> None:
    """A plain name stays in its folder, isn't empty or too long, and doesn't change when it is made
    plain again."""
    plain = plain_name(name)
    assert plain
    assert len(plain.encode()) <= 255
    assert not set(plain) & set('/\\:*?"<>|\0\n\r')
    assert not plain.startswith((".", " "))
    assert not plain.endswith((".", " "))
    assert plain_name(plain) == plain


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
