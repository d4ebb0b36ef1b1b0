"""Tags of MP4, MOV and M4A (ISO boxes) and of Matroska and WebM (EBML).

ComfyUI's SaveVideo and SaveWEBM write `prompt` and `workflow` through ffmpeg (docs/comfyui.md#30):
in MP4 as keyed tags (`mdta`), in Matroska as SimpleTags with names in capitals. VideoHelperSuite
writes both as JSON into `comment`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from comfy.media.reader import DAMAGED, DamagedFile, Reader, Text, decode_text

# Boxes to open inside each box. A file's own tags are in moov/udta/meta/ilst; QuickTime also has
# moov/meta.
_OPENED: Mapping[bytes, frozenset[bytes]] = {
    b"": frozenset({b"moov", b"udta", b"meta"}),
    b"moov": frozenset({b"udta", b"meta"}),
    b"udta": frozenset({b"meta"}),
    b"meta": frozenset({b"ilst"}),
}
_UTF16 = 2  # a type of data boxes

# EBML IDs. Elements in `_ENTERED` contain others; the reader skips the rest of Matroska.
_ENTERED = frozenset({0x18538067, 0x1254C367, 0x7373, 0x67C8})  # Segment, Tags, Tag, SimpleTag
_TAG_NAME, _TAG_STRING, _TAG_BINARY = 0x45A3, 0x4487, 0x4485


def read_iso(reader: Reader) -> Iterator[Text]:
    """Yield the tags of an MP4, MOV or M4A, skipping sound and images. Raises DamagedFile."""
    yield from _boxes(reader, b"", 0, reader.size, [])


def read_matroska(reader: Reader) -> Iterator[Text]:
    """Yield the tags of a Matroska or WebM file. Raises DamagedFile.

    Elements are read as one flat sequence: a tag's name comes before its text, and no other
    elements have those IDs.
    """
    reader.position, name = 0, ""
    while reader.left:
        element = _vint(reader, keep_marker=True)
        size = _vint(reader, keep_marker=False)
        if element in _ENTERED or size is None:  # None: a live recording, whose parts have no size
            continue
        end = reader.position + size
        if element == _TAG_NAME:
            name = decode_text(reader.take(size))
        elif element in (_TAG_STRING, _TAG_BINARY):
            yield Text(name, decode_text(reader.take(size)))
        reader.position = end


def _vint(reader: Reader, *, keep_marker: bool) -> int | None:
    """Read one EBML number; None for the size that means "unknown" (all ones)."""
    first = reader.number(1)
    more = 8 - first.bit_length()
    if more > 7:
        raise DamagedFile(DAMAGED)
    value = first if keep_marker else first & (0x7F >> more)
    value = value << 8 * more | (reader.number(more) if more else 0)
    return None if not keep_marker and value == (1 << 7 * (more + 1)) - 1 else value


def _boxes(reader: Reader, inside: bytes, start: int, end: int, keys: list[str]) -> Iterator[Text]:
    reader.position = start
    while reader.position + 8 <= end:
        begin = reader.position
        size, kind = reader.number(4), reader.take(4)
        size = reader.number(8) if size == 1 else size or end - begin
        stop = min(begin + size, end)
        if stop <= reader.position - 1 or size < 8:
            raise DamagedFile(DAMAGED)
        yield from _box(reader, inside, kind, stop, keys)
        reader.position = stop


def _box(reader: Reader, inside: bytes, kind: bytes, stop: int, keys: list[str]) -> Iterator[Text]:
    body = reader.position
    if inside == b"meta" and kind == b"keys":
        keys[:] = _keys(reader, stop)
    elif inside == b"ilst":
        index = int.from_bytes(kind, "big")
        yield from _item(
            reader, keys[index - 1] if 0 < index <= len(keys) else decode_text(kind), stop
        )
    elif inside == b"udta" and kind[:1] == b"\xa9":
        # QuickTime's own texts: u16 length, u16 language, text. ffmpeg's longer ones overflow the
        # length.
        yield Text(decode_text(kind[1:]), decode_text(reader.take(max(0, stop - body))[4:]))
    elif kind == b"ilst" and inside == b"meta":
        yield from _boxes(reader, b"ilst", body, stop, keys)
    elif kind in _OPENED.get(inside, ()):
        # `meta` is a full box with a version in MP4 and a plain one in QuickTime, where it starts
        # with its handler.
        versioned = kind == b"meta" and stop - body >= 8 and reader.take(8)[4:] != b"hdlr"
        yield from _boxes(reader, kind, body + 4 * versioned, stop, [])


def _keys(reader: Reader, stop: int) -> list[str]:
    reader.take(4)
    count = reader.number(4)
    keys: list[str] = []
    while len(keys) < count and reader.position + 8 <= stop:
        size = reader.number(4)
        reader.take(4)  # the namespace, mdta
        keys.append(decode_text(reader.take(max(0, size - 8))))
    return keys


def _item(reader: Reader, key: str, stop: int) -> Iterator[Text]:
    while reader.position + 16 <= stop:
        begin = reader.position
        size, kind = reader.number(4), reader.take(4)
        end = min(begin + max(size, 8), stop)
        if kind == b"data":
            encoding = reader.number(4)
            reader.take(4)  # the language
            data = reader.take(max(0, end - reader.position))
            yield Text(
                key,
                data.decode("utf-16-be", "replace") if encoding == _UTF16 else decode_text(data),
            )
        reader.position = end
