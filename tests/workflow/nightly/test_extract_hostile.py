"""Damaged and malicious files: each contains a workflow or gives an error that says why not."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from functools import cache

import pytest

from comfy.base.errors import WorkflowError
from comfy.workflow.extract import find_workflow
from tests.support.samples.media import (
    box,
    element,
    flac,
    id3,
    png_chunks,
    riff,
)


@cache
def zeros(size: int) -> bytes:
    return zlib.compress(bytes(size << 20))


@pytest.mark.parametrize(
    "make",
    [
        lambda: png_chunks((b"zTXt", b"prompt\0\0" + zeros(150))),
        lambda: png_chunks((b"iTXt", b"prompt\0\1\0\0\0" + zeros(150))),
        lambda: id3((b"TXXX", bytes(4) + zeros(150)), flags=b"\0\x09"),
        lambda: png_chunks(*[(b"zTXt", b"a\0\0" + zeros(31))] * 9),
        lambda: riff(
            b"WAVE",
            *[(b"id3 ", id3((b"TXXX", bytes(4) + zeros(31)), flags=b"\0\x09"))] * 9,
        ),
    ],
    ids=["zTXt", "iTXt", "ID3", "many small ones", "many tags"],
)
def test_a_decompression_bomb_is_not_unpacked(make: Callable[[], bytes]) -> None:
    """The reader refuses a few kilobytes that claim to be much more, as a whole or in parts."""
    with pytest.raises(WorkflowError, match="too large"):
        find_workflow(make(), "bomb")


@pytest.mark.parametrize(
    "make",
    [
        lambda: flac({str(n): str(n) for n in range(300_000)}),
        lambda: b"\x89PNG\r\n\x1a\n" + (bytes(4) + b"tEXt" + bytes(4)) * 300_000,
        lambda: box(b"moov", box(b"udta", *[box(b"\xa9cmt", b"\0\0\0\0x")] * 200_000)),
        lambda: element(0x18538067, *[element(0x7373)] * 200_000),
        lambda: id3(*[(b"TXXX", b"\0a\0b")] * 100_000),
        lambda: box(b"ftyp") + box(b"moov", b"") * 200_000,
        lambda: b"(" * 5_000_000,
        lambda: b'{"1":' + b"[[],[]," * 1_000_000,
        lambda: b'{"nodes":[' + b"[]," * 8_000_000 + b"1]}",
        lambda: png_chunks((b"tEXt", b"prompt\0" + b"\xff" * 10_000_000)),
    ],
    ids=["flac", "png", "mp4", "matroska", "mp3", "boxes", "brackets", "lists", "parts", "no text"],
)
def test_a_file_of_many_parts_ends_in_time(make: Callable[[], bytes]) -> None:
    """No container keeps the reader busy for more than a few seconds."""
    data = make()
    begun = time.process_time()
    with pytest.raises(WorkflowError):
        find_workflow(data, "many")
    assert time.process_time() - begun < 8
