"""Tags of MP3 (ID3v2), FLAC, Ogg (Vorbis, Opus, FLAC) and RIFF (WAV, AVI) files.

ComfyUI's SaveAudio nodes write `prompt` and `workflow` through ffmpeg (docs/comfyui.md#30), which
turns them into TXXX frames in MP3 and into comments of those names in FLAC and Opus. RIFF only
takes a `comment` (ICMT), which VideoHelperSuite fills with JSON of both.
"""

from __future__ import annotations

from collections.abc import Iterator

from comfy.media.reader import DAMAGED, DamagedFile, Reader, Text, decode_text, named

_MAX_COMMENTS = 10_000
_VORBIS_COMMENT = 4
# Starts of comment packets, and the offset of the comments. The last two are FLAC's metadata blocks
# inside Ogg.
_OGG_COMMENTS = {b"\x03vorbis": 7, b"OpusTags": 8, b"\x81theora": 7, b"\x04": 4, b"\x84": 4}
_ID3_WIDE = {1: "utf-16", 2: "utf-16-be"}
# ID3v2.2 names frames with three letters.
_ID3_FRAMES = {b"TXXX": 0, b"COMM": 3, b"USLT": 3, b"TXX": 0, b"COM": 3}


def read_mp3(reader: Reader) -> Iterator[Text]:
    """Yield the user texts and comments of an ID3v2 tag at this position, and of a FLAC stream
    after it. Raises DamagedFile."""
    if reader.take(3) != b"ID3":
        return  # audio frames without a tag
    version, flags = reader.take(3)[::2]
    size = _syncsafe(reader.take(4))
    end = reader.position + size
    tag = reader.take(min(size, reader.left))
    if flags & 0x80 and version < 4:
        tag = tag.replace(b"\xff\0", b"\xff")
    frames = reader.inner(tag)
    if flags & 0x40 and version > 2:
        extended = frames.take(4)
        frames.position = (
            _syncsafe(extended) if version > 3 else int.from_bytes(extended, "big") + 4
        )
    yield from _id3_frames(frames, version)
    reader.position = end
    if reader.left > 4 and reader.take(4) == b"fLaC":
        yield from _read_flac(reader)


def _read_flac(reader: Reader) -> Iterator[Text]:
    """Yield the comments of a FLAC file from the position after its signature. Raises
    DamagedFile."""
    last = False
    while not last:
        head = reader.number(1)
        length, last = reader.number(3), bool(head & 0x80)
        end = reader.position + length
        if head & 0x7F == _VORBIS_COMMENT:
            yield from _comments(reader.inner(reader.take(length)))
        reader.position = end


def read_flac_file(reader: Reader) -> Iterator[Text]:
    """Yield the comments of a FLAC file. Raises DamagedFile."""
    reader.position = 4
    yield from _read_flac(reader)


def read_ogg(reader: Reader) -> Iterator[Text]:
    """Yield the comments of every stream of an Ogg file, which all precede the first sound. Raises
    DamagedFile."""
    streams: dict[bytes, bytearray] = {}
    while reader.left:
        head = reader.take(27)
        if head[:4] != b"OggS":
            raise DamagedFile(DAMAGED)
        granule = int.from_bytes(head[6:14], "little")
        if 0 < granule < 1 << 63:
            return
        lacing = reader.take(head[26])
        packet = streams.setdefault(head[14:18], bytearray())
        for length in lacing:
            packet += reader.take(length) if length else b""
            if length < 255:
                yield from _packet(reader.inner(bytes(packet)))
                packet.clear()


def read_riff(reader: Reader) -> Iterator[Text]:
    """Yield the texts of the INFO list and ID3 tag of a WAV or AVI file. Raises DamagedFile."""
    reader.position = 12
    while reader.left >= 8:
        kind, length = reader.take(4), reader.number(4, "little")
        end = reader.position + length + length % 2
        if kind == b"LIST" and length >= 4 and reader.take(4) == b"INFO":
            yield from _info(reader, min(end, reader.size))
        elif kind.lower() == b"id3 ":
            yield from read_mp3(reader.inner(reader.take(length)))
        reader.position = end


def _info(reader: Reader, end: int) -> Iterator[Text]:
    while reader.position + 8 <= end:
        kind, length = reader.take(4), reader.number(4, "little")
        yield Text(
            "comment" if kind == b"ICMT" else decode_text(kind), decode_text(reader.take(length))
        )
        reader.position += length % 2


def _packet(packet: Reader) -> Iterator[Text]:
    start = packet.take(min(8, packet.left))
    for name, length in _OGG_COMMENTS.items():
        if start.startswith(name):
            packet.position = length
            yield from _comments(packet)


def _comments(block: Reader) -> Iterator[Text]:
    block.take(block.number(4, "little"))
    for _ in range(min(block.number(4, "little"), _MAX_COMMENTS)):
        key, _, text = block.take(block.number(4, "little")).partition(b"=")
        yield Text(decode_text(key), decode_text(text))


def _id3_frames(frames: Reader, version: int) -> Iterator[Text]:
    letters = 3 if version == 2 else 4
    while frames.left > letters * 2:
        kind, size = frames.take(letters), frames.take(letters)
        flags = frames.number(2) if version > 2 else 0
        length = _syncsafe(size) if version > 3 else int.from_bytes(size, "big")
        if not kind.strip(b"\0"):
            return  # padding
        end = frames.position + length
        if kind in _ID3_FRAMES:
            content = _unpacked(frames, frames.take(length), flags, version)
            yield from _id3_text(content, skip=_ID3_FRAMES[kind])
        frames.position = end


def _unpacked(frames: Reader, content: bytes, flags: int, version: int) -> bytes:
    """Return a frame's content after undoing the unsynchronization, length prefix and compression
    that its version's flags declare."""
    if version == 3:
        return frames.inflate(content[4:]) if flags & 0x80 else content
    if version > 3:
        content = content[4:] if flags & 0x01 else content
        content = content.replace(b"\xff\0", b"\xff") if flags & 0x02 else content
        return frames.inflate(content) if flags & 0x08 else content
    return content


def _id3_text(content: bytes, skip: int) -> Iterator[Text]:
    """Yield the text of a frame: `encoding, language (comments only), description NUL text`."""
    wide, content = _ID3_WIDE.get(content[0] if content else 0), content[1 + skip :]
    if wide is None:
        key, text = named(content)
        yield Text(key or "comment", decode_text(text))
        return
    # Each of the two strings has its own byte order mark; the NUL between them is two bytes at an
    # even offset.
    cut = next(
        (at for at in range(0, min(len(content), 2000), 2) if content[at : at + 2] == b"\0\0"), 0
    )
    key = content[:cut].decode(wide, "replace")
    yield Text(key or "comment", content[cut + 2 :].decode(wide, "replace"))


def _syncsafe(data: bytes) -> int:
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value
