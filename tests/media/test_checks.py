"""A file's kind and size are checked by its first bytes and its header before it is decoded."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.base.files import LONGEST, plain_name
from comfy.media.checks import FORMATS, FileLimits
from tests.support.distribution import examples
from tests.support.samples.media import box, every_container, flac, id3, problem_in, riff, saved

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
