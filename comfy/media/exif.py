"""EXIF and comments of WebP, JPEG, AVIF, TIFF and GIF images, read by Pillow.

ComfyUI writes WebP EXIF (docs/comfyui.md#30) with Model = `prompt:{…}`, Make = `workflow:{…}` and
other keys in the tags below Make. Other savers use ImageDescription, Copyright, UserComment or
Windows' XPComment, with or without such a prefix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any, cast

from PIL import ExifTags, Image

from comfy.media.reader import (
    DAMAGED,
    MAX_TEXT,
    TOO_MUCH,
    DamagedFile,
    FewReads,
    Reader,
    Text,
    decode_text,
)

_FORMATS = ("WEBP", "JPEG", "GIF", "TIFF", "AVIF")  # AVIF last: not every build of Pillow has it
_MAX_BYTES = 256 * 1024 * 1024
_EXIF_IFD = 0x8769
_USER_COMMENT = 0x9286
_WINDOWS_TAGS = range(0x9C9B, 0x9CA0)


def read_exif(reader: Reader) -> Iterator[Text]:
    """Yield the EXIF texts and the comment of an image without decoding pixels. Raises
    DamagedFile."""
    if reader.size > _MAX_BYTES:
        raise DamagedFile(TOO_MUCH)
    reader.file.seek(0)
    try:
        with Image.open(cast(IO[bytes], FewReads(reader.file)), formats=_FORMATS) as image:
            tags = _tags(image.getexif())
            comment = image.info.get("comment")
    # Files are untrusted: Pillow's decoders raise exceptions of any type.
    except Exception as error:
        raise DamagedFile(DAMAGED) from error
    yield from _texts(tags)
    if isinstance(comment, bytes | str):
        yield Text("comment", _text(0, comment))


def read_exif_block(data: bytes) -> Iterator[Text]:
    """Yield the texts of a bare EXIF block, as in a PNG's eXIf chunk. Raises DamagedFile."""
    block = Image.Exif()
    try:
        block.load(data)
        tags = _tags(block)
    except Exception as error:  # as above
        raise DamagedFile(DAMAGED) from error
    yield from _texts(tags)


def _tags(block: Image.Exif) -> dict[int, Any]:
    return dict(block) | dict(block.get_ifd(_EXIF_IFD))


def _texts(tags: Mapping[int, Any]) -> Iterator[Text]:
    for tag, value in tags.items():
        if (
            isinstance(value, tuple)
            and tag in _WINDOWS_TAGS
            and all(isinstance(n, int) and 0 <= n < 256 for n in value)
        ):
            value = bytes(value)
        if isinstance(value, bytes | str) and len(value) <= MAX_TEXT:
            yield Text(ExifTags.TAGS.get(tag, f"0x{tag:04x}"), _text(tag, value))


def _text(tag: int, value: bytes | str) -> str:
    if isinstance(value, str):
        # Pillow reads EXIF as Latin-1, which is close to the standard, but programs write UTF-8.
        try:
            return decode_text(value.encode("latin-1"))
        except UnicodeEncodeError:
            return value
    if tag in _WINDOWS_TAGS:
        return value.decode("utf-16-le", "replace")
    if tag == _USER_COMMENT:
        charset, rest = value[:8], value[8:]
        if charset == b"UNICODE\0":
            return rest.decode(
                "utf-16-be" if rest[:1] in (b"\0", b"\xfe") else "utf-16-le", "replace"
            )
        return decode_text(rest if charset in (b"ASCII\0\0\0", bytes(8)) else value)
    return decode_text(value)
