"""PNG texts: tEXt, zTXt, iTXt, EXIF, and `comf`, which ComfyUI's SaveAnimatedPNG writes after the
last frame (docs/comfyui.md#30)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import IO

from comfy.media import exif
from comfy.media.reader import DAMAGED, DamagedFile, Reader, Text, decode_text, named

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = len(PNG_SIGNATURE) + 25  # bytes: the signature and IHDR


def read_png(reader: Reader) -> Iterator[Text]:
    """Yield all texts of a PNG in order, skipping the pixels. Raises DamagedFile."""
    reader.position = len(PNG_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        length = reader.number(4)
        kind = reader.take(4)
        end = reader.position + length + 4
        if kind in _CHUNKS:
            yield from _CHUNKS[kind](reader, reader.take(length))
        reader.position = end


def _plain(reader: Reader, data: bytes) -> Iterator[Text]:
    key, text = named(data)
    yield Text(key, decode_text(text))


def _compressed(reader: Reader, data: bytes) -> Iterator[Text]:
    key, rest = named(data)
    yield Text(key, decode_text(reader.inflate(rest[1:])))


def _international(reader: Reader, data: bytes) -> Iterator[Text]:
    key, rest = named(data)
    packed, rest = rest[:1] == b"\1", rest[2:]
    _language, rest = named(rest)
    _translated, text = named(rest)
    yield Text(key, decode_text(reader.inflate(text) if packed else text))


def _exif(reader: Reader, data: bytes) -> Iterator[Text]:
    return exif.read_exif_block(data)


_CHUNKS: dict[bytes, Callable[[Reader, bytes], Iterator[Text]]] = {
    b"tEXt": _plain,
    b"comf": _plain,
    b"zTXt": _compressed,
    b"iTXt": _international,
    b"eXIf": _exif,
}


def png_halves(file: IO[bytes]) -> tuple[bytes, bytes]:
    """Return a PNG's bytes up to the end of its first chunk, and the others. Raises DamagedFile for
    another file."""
    head = file.read(_HEAD)
    if len(head) < _HEAD or not head.startswith(PNG_SIGNATURE + b"\0\0\0\rIHDR"):
        raise DamagedFile(DAMAGED)
    return head, file.read()


def png_size(head: bytes) -> tuple[int, int]:
    """Return the width and height of the PNG that begins with `head`."""
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def png_text(key: str, text: str) -> bytes:
    """Return a chunk with a text. `key`: ASCII."""
    data = text.encode("utf-8", "replace")
    if text.isascii():
        return png_chunk(b"tEXt", key.encode() + b"\0" + data)
    return png_chunk(b"iTXt", key.encode() + b"\0\0\0\0\0" + data)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
