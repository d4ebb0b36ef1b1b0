"""Files with a secret in every place where their container can hold text."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import soundfile
from PIL import Image, ImageCms, PngImagePlugin

from comfyui_standin.nodes.video import mp4
from tests.support.samples.media import (
    MAKE,
    MEDIA,
    MODEL,
    box,
    element,
    riff_text,
    saved,
    synchsafe,
    vorbis_comment,
)

SECRET = "comfyforms/c440b1f2/my-private-name.png"
_TEXT = f'{{"prompt": "{SECRET}"}}'
_BYTES = _TEXT.encode()
_WIDE = _TEXT.encode("utf-16-le")
_PACKED = zlib.compress(_BYTES)


def tells(data: bytes) -> bool:
    """Return whether a file contains the secret: in UTF-8, in UTF-16 of either byte order, or
    compressed."""
    if any(SECRET.encode(name) in data for name in ("utf-8", "utf-16-le", "utf-16-be")):
        return True
    at = -1
    while (at := data.find(b"\x78", at + 1)) >= 0:
        try:
            if SECRET.encode() in zlib.decompressobj().decompress(data[at:], 1 << 20):
                return True
        except zlib.error:
            pass
    return False


def _noise(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 255, (24, 32, len(mode)), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze(), mode if mode != "L" else None)


def _exif(*, upright: bool = True) -> bytes:
    exif = Image.Exif()
    exif[MODEL], exif[MAKE] = f"prompt:{_TEXT}", f"workflow:{_TEXT}"
    if not upright:
        exif[0x0112] = 6
    return exif.tobytes()


def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(**how: object) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key in ("prompt", "workflow"):
        info.add_text(key, _TEXT)
        info.add_text(key, _TEXT, zip=True)
        info.add_itxt(key, _TEXT, "en", key, zip=True)
        info.add(b"comf", key.encode() + b"\0" + _BYTES, after_idat=True)
    plain = saved("PNG", _noise("RGBA"), pnginfo=info, exif=_exif(), icc_profile=_profile(), **how)
    more = (b"gAMA", b"prVt", b"tIME", b"sPLT")
    return plain[:33] + b"".join(_chunk(kind, _BYTES) for kind in more) + plain[33:] + _BYTES


def _frames() -> dict[str, object]:
    return {"save_all": True, "append_images": [_noise("RGBA").rotate(180)], "duration": 80}


def _jpeg() -> bytes:
    how = {"exif": _exif(), "icc_profile": _profile(), "comment": _BYTES, "progressive": True}
    plain = saved("JPEG", _noise(), **how)
    said = [(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _BYTES), (0xED, _BYTES), (0xE5, _WIDE)]
    said.append((0xE2, b"ICC_PROFILE\0\1\1" + _BYTES))
    parts = [struct.pack(">BBH", 255, kind, len(data) + 2) + data for kind, data in said[:3]]
    return plain[:2] + b"".join(parts) + plain[2:] + _BYTES


def _riff_with(data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    body = data[8:] + b"".join(riff_text(kind, content) for kind, content in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body + _BYTES


def _webp(**how: object) -> bytes:
    plain = saved("WEBP", _noise("RGBA"), lossless=True, exif=_exif(), xmp=_BYTES, **how)
    return _riff_with(plain, (b"prVt", _BYTES), (b"ICCP", _BYTES))


def _gif() -> bytes:
    plain = saved("GIF", _noise("L"), comment=_BYTES, loop=3, **_frames())
    blocks = b"".join(
        bytes([len(part)]) + part for part in (_BYTES[at : at + 200] for at in (0, 200)) if part
    )
    said = b"!\xff\x0bXMP DataXMP" + blocks + b"\0" + b"!\x01\x0c" + bytes(12) + blocks + b"\0"
    return plain[:-1] + said + b";" + _BYTES


def sound(form: str, subtype: str | None = None) -> bytes:
    """Return half a second of noise with the secret in its tags."""
    samples = np.random.default_rng(2).standard_normal((24_000, 2)) * 0.1
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", samplerate=48_000, channels=2, format=form, subtype=subtype
    ) as sound:
        for name in ("title", "comment", "artist", "software"):
            setattr(sound, name, _TEXT * 40)
        sound.write(samples)
    return file.getvalue()


def _wav() -> bytes:
    said = riff_text(b"ICMT", _BYTES)
    return _riff_with(sound("WAV", "PCM_24"), (b"LIST", b"INFO" + said), (b"id3 ", _BYTES))


def _flac() -> bytes:
    plain = sound("FLAC")
    blocks = [(4, vorbis_comment({"prompt": _TEXT})), (2, b"comf" + _BYTES), (6, _BYTES)]
    blocks += [(1, _BYTES), (5, _WIDE), (3, _BYTES), (100, _PACKED)]
    said = b"".join(bytes([kind]) + len(data).to_bytes(3, "big") + data for kind, data in blocks)
    return plain[:42] + said + plain[42:]


def _id3() -> bytes:
    wide = b"TXXX" + synchsafe(len(_WIDE) + 5) + b"\0\0\1p\0\0\0" + _WIDE
    return b"ID3\4\0\0" + synchsafe(len(wide) + 50) + wide + bytes(50)


def _mp3() -> bytes:
    tags = b"APETAGEX" + _BYTES + b"TAG" + _BYTES.ljust(125)[:125]
    return _id3() + sound("MP3") + tags


def _boxes(name: str) -> bytes:
    return _iso_with((MEDIA / name).read_bytes())


def _iso_with(plain: bytes) -> bytes:
    """Append boxes that contain the secret to an ISO file."""
    more = box(b"uuid", bytes(16), _BYTES) + box(b"free", _BYTES) + box(b"meta", bytes(4), _BYTES)
    more += box(b"udta", box(b"\xa9cmt", bytes(4), _BYTES)) + box(b"mdat", _BYTES)
    return plain + more


def _movie() -> bytes:
    """Return an MP4 with the secret inside its movie box and in the samples of a text track."""
    plain = mp4([_noise() for _ in range(3)], 8)
    start = plain.index(b"moov") - 4
    end = start + int.from_bytes(plain[start : start + 4], "big")
    texts = box(
        b"trak",
        box(b"mdia", box(b"hdlr", bytes(8), b"text", bytes(12), _BYTES), box(b"minf", _BYTES)),
        box(b"udta", box(b"name", _BYTES)),
    )
    movie = plain[start + 8 : end] + texts + box(b"udta", _BYTES) + box(b"meta", _BYTES)
    # Offsets stay as they are: the movie goes to the end.
    before = plain[:start] + box(b"skip", bytes(end - start - 8)) + plain[end:]
    return _iso_with(before + box(b"moov", movie))


def _matroska(name: str) -> bytes:
    plain = (MEDIA / name).read_bytes()
    tag = element(0x67C8, element(0x45A3, b"PROMPT"), element(0x4487, _BYTES))
    more = element(0x1254C367, element(0x7373, tag)) + element(0xEC, _BYTES)
    more += element(0x1941A469, element(0x61A7, element(0x466E, _BYTES), element(0x465C, _WIDE)))
    more += element(0x1043A770, _PACKED) + element(0x4FFF, _BYTES)
    more += element(0xA0, element(0xA1, b"\x9f\0\0\0" + _BYTES))  # of a track that is not there
    return _lengthened(plain, more)


def _lengthened(plain: bytes, more: bytes) -> bytes:
    """Append elements to the segment."""
    at = plain.index(b"\x18\x53\x80\x67") + 4
    if plain[at] != 1:
        raise AssertionError("Only sizes of eight bytes can be changed.")
    size = int.from_bytes(plain[at : at + 8], "big")
    is_open = size == (1 << 57) - 1
    new = size if is_open else size + len(more)
    return plain[:at] + new.to_bytes(8, "big") + plain[at + 8 :] + more


IMAGES: Mapping[str, Callable[[], bytes]] = {
    "png": _png,
    "apng": lambda: _png(**_frames()),
    "jpg": _jpeg,
    "webp": _webp,
    "animated.webp": lambda: _webp(**_frames()),
    "gif": _gif,
}
SOUNDS: Mapping[str, Callable[[], bytes]] = {
    "wav": _wav,
    "flac": _flac,
    "id3.flac": lambda: _id3() + _flac(),
    "mp3": _mp3,
    "ogg": lambda: sound("OGG", "VORBIS"),
    "opus": lambda: sound("OGG", "OPUS"),
}
VIDEOS: Mapping[str, Callable[[], bytes]] = {
    "mp4": _movie,
    **{
        name: partial(_boxes, name)
        for name in ("saved.mp4", "saved.mov", "vhs.mp4", "vhs.mov", "vhs.m4a")
    },
    **{name: partial(_matroska, name) for name in ("saved.webm", "vhs.mkv", "live.webm")},
}
ALL: Mapping[str, Callable[[], bytes]] = {**IMAGES, **SOUNDS, **VIDEOS}


def turned() -> Mapping[str, bytes]:
    """Return images whose EXIF data holds the secret and a rotation."""
    return {
        form: saved(form, _noise(), exif=_exif(upright=False)) for form in ("PNG", "JPEG", "WEBP")
    }
