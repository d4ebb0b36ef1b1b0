"""Metadata is removed from files."""

from __future__ import annotations

import io
import zlib
from contextlib import suppress

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageOps, ImageSequence

from comfy.media.stripping.kinds import strip
from comfy.media.stripping.pieces import CannotStrip
from tests.support.samples.carrying import ALL, IMAGES, SOUNDS, VIDEOS, sound, tells, turned
from tests.support.samples.media import MEDIA, box, element, every_container, png_chunks

MADE = {name: make() for name, make in ALL.items()}
NOT_SUPPORTED = ("tiff", "avif", "svg", "exr", "glb", "safetensors", "json")


def stripped(data: bytes) -> bytes:
    file = io.BytesIO(data)
    found = strip(file)
    content = b"".join(found.read(file, 0, found.size))
    assert len(content) == found.size
    return content


def frames(data: bytes) -> list[tuple[bytes, object]]:
    """Return the pixels and duration of each frame."""
    with Image.open(io.BytesIO(data)) as image:
        return [
            (frame.convert("RGBA").tobytes(), frame.info.get("duration"))
            for frame in ImageSequence.Iterator(image)
        ]


@pytest.mark.parametrize("name", ALL)
def test_no_metadata_is_left(name: str) -> None:
    """The original file has the secret; the stripped one doesn't."""
    assert tells(MADE[name])
    assert not tells(stripped(MADE[name]))


@pytest.mark.parametrize("name", IMAGES)
def test_pixels_stay_the_same(name: str) -> None:
    """All frames, their timing, the loop count and the color profile match the original."""
    after = stripped(MADE[name])
    assert frames(after) == frames(MADE[name])
    with Image.open(io.BytesIO(MADE[name])) as old, Image.open(io.BytesIO(after)) as new:
        for key in ("loop", "icc_profile"):
            if name not in ("webp", "animated.webp"):
                assert new.info.get(key) == old.info.get(key)
        assert not {"exif", "comment", "xmp", "prompt"} & {*new.info}


@pytest.mark.parametrize("name", SOUNDS)
def test_samples_stay_the_same(name: str) -> None:
    """The decoded samples of a stripped sound are identical to the original's."""
    samples = [
        soundfile.read(io.BytesIO(data))[0]
        for data in (sound("FLAC") if "flac" in name else MADE[name], stripped(MADE[name]))
    ]
    assert len(samples[0]) >= 24_000
    np.testing.assert_array_equal(*samples)


@pytest.mark.parametrize("name", VIDEOS)
def test_media_data_stays_in_place(name: str) -> None:
    """A stripped video keeps its length and the position of each sample, so its offset tables stay
    correct."""
    before, after = MADE[name], stripped(MADE[name])
    assert len(before) == len(after)
    start, end = media_data(before)
    assert end - start >= 10
    assert before[start:end] == after[start:end]


def media_data(data: bytes) -> tuple[int, int]:
    """Return the start and end of an MP4's samples, or of a Matroska file's first block."""
    if data[4:8] == b"ftyp":
        start = data.index(b"mdat") + 4
        return start, start - 8 + int.from_bytes(data[start - 8 : start - 4], "big")
    start = data.index(b"\xa3", data.index(b"\x1f\x43\xb6\x75"))
    return start, start + 2 + (data[start + 1] & 0x7F)


@pytest.mark.parametrize("name", [name for name in every_container() if name in NOT_SUPPORTED])
def test_other_kinds_are_refused(name: str) -> None:
    with pytest.raises(CannotStrip):
        stripped(every_container()[name])


@pytest.mark.parametrize("name", [path.name for path in MEDIA.iterdir() if path.suffix != ".md"])
def test_metadata_of_comfyui_and_videohelpersuite_is_removed(name: str) -> None:
    """Metadata is removed from files written by ComfyUI and VideoHelperSuite."""
    after = stripped((MEDIA / name).read_bytes())
    for told in (b"KSampler", b"prompt", b"workflow", "KSampler".encode("utf-16-le")):
        assert told not in after


@pytest.mark.parametrize("form", turned())
def test_a_turned_image_stays_turned(form: str) -> None:
    """Only the orientation is left of its EXIF data."""
    after = stripped(turned()[form])
    assert not tells(after)
    sides = []
    for data in (turned()[form], after):
        with Image.open(io.BytesIO(data)) as image:
            sides.append(ImageOps.exif_transpose(image).tobytes())
            told = dict(image.getexif())
    assert sides[0] == sides[1]
    assert told == {0x0112: 6}


def test_reads_any_range_without_the_rest() -> None:
    """Reading a range of a stripped file returns the same bytes as that part of the whole file."""
    for data in MADE.values():
        file, whole = io.BytesIO(data), stripped(data)
        found = strip(file)
        for start, end in ((0, 1), (7, 90), (len(whole) // 2, len(whole)), (3, len(whole) - 2)):
            assert b"".join(found.read(file, start, end)) == whole[start:end]


def test_a_fragmented_movie_is_refused() -> None:
    """Its samples aren't listed in tables, so its data may contain anything else."""
    with pytest.raises(CannotStrip):
        stripped(MADE["mp4"] + box(b"moof", bytes(8)))


def test_a_track_nested_too_deep_is_refused() -> None:
    """Deeply nested elements don't exhaust the stack."""
    inside = b""
    for _ in range(3000):
        inside = element(0xE0, inside)
    kind = element(0x83, b"\1") + element(0xD7, b"\1") + element(0x86, b"V_VP9")
    tracks = element(0x1654AE6B, element(0xAE, kind, inside))
    with pytest.raises(CannotStrip):
        stripped(element(0x1A45DFA3) + element(0x18538067, tracks))
    plain = element(0x1654AE6B, element(0xAE, kind, element(0xE0, element(0x55B0))))
    assert stripped(element(0x1A45DFA3) + element(0x18538067, plain))


@pytest.mark.parametrize("kind", [b"eXIf", b"iCCP"])
def test_reads_the_first_of_repeated_chunks(kind: bytes) -> None:
    """A thousand profiles or EXIF blocks take no longer than one, and all of them are removed."""
    block = b"a\0\0" + zlib.compress(bytes(4_000_000)) if kind == b"iCCP" else b"MM\0*" * 1000
    before = png_chunks(*[(kind, block)] * 1000)
    assert stripped(before) == stripped(png_chunks())


@given(st.sampled_from([*MADE.values()]), st.data())
def test_truncated_files_are_refused_or_stripped(whole: bytes, data: st.DataObject) -> None:
    """A file that is cut off or has extra bytes at its end raises nothing except the refusal."""
    cut = whole[: data.draw(st.integers(0, len(whole)))] + data.draw(st.binary(max_size=200))
    try:
        after = stripped(cut)
    except CannotStrip:
        return
    assert not tells(after)


@given(st.sampled_from([*MADE.values()]), st.data())
def test_damaged_files_raise_the_refusal_only(whole: bytes, data: st.DataObject) -> None:
    """The app strips or refuses a file, regardless of how its bytes are changed."""
    damaged = bytearray(whole)
    near = data.draw(st.booleans())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(whole), 400 if near else len(whole)) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    with suppress(CannotStrip):
        stripped(bytes(damaged))


@given(st.binary(max_size=300), st.sampled_from([whole[:64] for whole in MADE.values()]))
@example(b"ID3", b"")
def test_junk_raises_the_refusal_only(junk: bytes, head: bytes) -> None:
    """Random bytes raise nothing except the refusal, even after the first bytes of a known kind."""
    for data in (junk, head + junk, head[:12] + junk):
        with suppress(CannotStrip):
            stripped(data)
