"""Files with an embedded workflow, built by hand or by Pillow, for the tests that read them."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin, features

from comfy.media.checks import FileLimits, problem_with

MEDIA = Path(__file__).parents[2] / "data" / "media"

PROMPT: dict[str, Any] = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 7, "text": "Zoë 日本"}}
}
GRAPH: dict[str, Any] = {
    "nodes": [{"id": 3, "type": "KSampler", "title": "Zoë"}],
    "links": [],
    "version": 0.4,
    "extra": {"linearData": {"inputs": [[3, "seed"]]}},
}
PROMPT_TEXT = json.dumps(PROMPT)
GRAPH_TEXT = json.dumps(GRAPH)
BOTH = {"prompt": PROMPT_TEXT, "workflow": GRAPH_TEXT}
BOTH_JSON = json.dumps(BOTH).encode()

MODEL, MAKE, IMAGE_DESCRIPTION, COPYRIGHT, USER_COMMENT, XP_COMMENT = (
    0x0110,
    0x010F,
    0x010E,
    0x8298,
    0x9286,
    0x9C9C,
)


def saved(form: str, image: Image.Image | None = None, **how: Any) -> bytes:
    """Return a small image as Pillow saves it."""
    file = io.BytesIO()
    (image or Image.new("RGB", (8, 8))).save(file, form, **how)
    return file.getvalue()


def problem_in(data: bytes, limits: FileLimits, media: str = "") -> str:
    """Say why a field can't take these bytes, as `comfy.media.checks.problem_with` does."""
    return problem_with(io.BytesIO(data), limits, media)


def png_text(
    texts: Mapping[str, str], *, packed: bool = False, international: bool = False
) -> bytes:
    """Return a PNG with these texts in tEXt chunks, as ComfyUI's SaveImage writes them, or in zTXt
    or iTXt chunks."""
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        if international:
            info.add_itxt(key, text, "en", key, zip=packed)
        else:
            info.add_text(key, text, zip=packed)
    return saved("PNG", pnginfo=info)


def png_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG with these chunks right after its header."""
    plain = saved("PNG")
    inserted = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return plain[:33] + inserted + plain[33:]


def animated_png(texts: Mapping[str, str]) -> bytes:
    """Return an APNG with `comf` chunks after its last frame, as ComfyUI's SaveAnimatedPNG writes
    it."""
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add(b"comf", key.encode() + b"\0" + text.encode("latin-1"), after_idat=True)
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 100, 200)]
    return saved(
        "PNG", frames[0], save_all=True, append_images=frames[1:], pnginfo=info, duration=100
    )


def with_exif(form: str, tags: Mapping[int, str | bytes]) -> bytes:
    """Return an image with these EXIF tags. UserComment goes into the IFD where cameras put it."""
    exif = Image.Exif()
    for tag, value in tags.items():
        target = exif.get_ifd(0x8769) if tag == USER_COMMENT else exif
        target[tag] = value
    return saved(form, exif=exif if form == "TIFF" else exif.tobytes())


def animated_webp(tags: Mapping[int, str]) -> bytes:
    """Return an animated WebP with EXIF, as ComfyUI's SaveAnimatedWEBP writes it."""
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 200)]
    return saved("WEBP", frames[0], save_all=True, append_images=frames[1:], exif=exif)


def synchsafe(number: int) -> bytes:
    """Encode a number as in ID3, with seven bits per byte."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def id3(*frames: tuple[bytes, bytes], version: int = 4, flags: bytes = b"\0\0") -> bytes:
    """Return an ID3v2 tag with these frames, followed by the beginning of an MP3."""
    size = {2: lambda n: n.to_bytes(3, "big"), 3: lambda n: n.to_bytes(4, "big"), 4: synchsafe}[
        version
    ]
    body = b"".join(
        kind + size(len(data)) + (flags if version > 2 else b"") + data for kind, data in frames
    )
    return (
        b"ID3"
        + bytes([version, 0, 0])
        + synchsafe(len(body) + 16)
        + body
        + bytes(16)
        + b"\xff\xfb\x90\0" * 40
    )


def vorbis_comment(texts: Mapping[str, str]) -> bytes:
    """Return a comment block as in FLAC and Ogg files."""
    comments = [f"{key}={text}".encode() for key, text in texts.items()]
    parts = [b"vendor", *comments]
    lengths = [struct.pack("<I", len(part)) + part for part in parts]
    return lengths[0] + struct.pack("<I", len(comments)) + b"".join(lengths[1:])


def flac(texts: Mapping[str, str]) -> bytes:
    """Return a FLAC header with comments."""
    comments = vorbis_comment(texts)
    return b"fLaC\0\0\0\x22" + bytes(34) + b"\x84" + len(comments).to_bytes(3, "big") + comments


def ogg(*packets: bytes) -> bytes:
    """Return the Ogg pages of one stream with these packets. A packet covers as many pages as it
    needs."""
    pages = []
    for packet in packets:
        lacing = [255] * (len(packet) // 255) + [len(packet) % 255]
        for first in range(0, len(lacing), 255):
            some = lacing[first : first + 255]
            body = packet[first * 255 : first * 255 + sum(some)]
            pages.append(
                b"OggS\0\0" + bytes(8) + b"\1\0\0\0" + bytes(8) + bytes([len(some), *some]) + body
            )
    sound = b"OggS\0\0" + struct.pack("<q", 960) + b"\1\0\0\0" + bytes(8) + b"\1\5hello"
    return b"".join(pages) + sound


def riff_text(kind: bytes, text: bytes) -> bytes:
    """Return one entry of a RIFF INFO list."""
    return kind + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2)


def riff(kind: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a RIFF file with these chunks."""
    body = b"".join(riff_text(name, data) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + kind + body


def wav(samples: Sequence[int], rate: int = 8000, channels: int = 1) -> bytes:
    """Return a WAV file with these 16-bit samples."""
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    data = struct.pack(f"<{len(samples)}h", *samples)
    return riff(b"WAVE", (b"fmt ", form), (b"data", data))


def box(kind: bytes, *content: bytes) -> bytes:
    """Return one ISO box."""
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def element(number: int, *content: bytes, unknown: bool = False) -> bytes:
    """Return one EBML element."""
    body = b"".join(content)
    size = b"\x01" + b"\xff" * 7 if unknown else (1 << 56 | len(body)).to_bytes(8, "big")
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + size + body


def safetensors(metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file with one tensor."""
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": metadata, "latent_tensor": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def glb(extras: Mapping[str, object]) -> bytes:
    """Return a binary glTF model whose scene has one node."""
    scene = {"asset": {"version": "2.0", "extras": extras}, "nodes": [{"mesh": 0, "name": "a"}]}
    header = json.dumps(scene).encode()
    return b"glTF" + struct.pack("<III", 2, len(header) + 20, len(header)) + b"JSON" + header


def exr(attributes: Mapping[str, str]) -> bytes:
    """Return the header of an OpenEXR image."""
    content = [
        ("compression", b"compression", b"\0"),
        *((k, b"string", v.encode()) for k, v in attributes.items()),
    ]
    parts = [
        k.encode() + b"\0" + kind + b"\0" + struct.pack("<i", len(v)) + v for k, kind, v in content
    ]
    return b"\x76\x2f\x31\x01\2\0\0\0" + b"".join(parts) + b"\0"


def svg(text: str) -> bytes:
    """Return an SVG with JSON in its metadata, as ComfyUI's SaveSVGNode writes it."""
    return f'<?xml version="1.0"?>\n<svg>\n <metadata>\n<![CDATA[\n{text}\n]]>\n</metadata><g/></svg>'.encode()


def every_container() -> dict[str, bytes]:
    """Return one file of each kind, all with the same prompt and graph."""
    exif: dict[int, str] = {MODEL: f"prompt:{PROMPT_TEXT}", MAKE: f"workflow:{GRAPH_TEXT}"}
    made = {
        "png": png_text(BOTH),
        "ztxt.png": png_text(BOTH, packed=True),
        "itxt.png": png_text(BOTH, international=True),
        "packed-itxt.png": png_text(BOTH, international=True, packed=True),
        "animated.png": animated_png(BOTH),
        "webp": with_exif("WEBP", exif),
        "animated.webp": animated_webp(exif),
        "jpeg": with_exif("JPEG", exif),
        "tiff": with_exif("TIFF", exif),
        "gif": saved("GIF", comment=BOTH_JSON),
        "mp3": id3(
            *((b"TXXX", b"\3" + key.encode() + b"\0" + text.encode()) for key, text in BOTH.items())
        ),
        "flac": flac(BOTH),
        "opus": ogg(b"OpusHead" + bytes(11), b"OpusTags" + vorbis_comment(BOTH)),
        "ogg": ogg(b"\1vorbis" + bytes(23), b"\3vorbis" + vorbis_comment(BOTH)),
        "safetensors": safetensors(BOTH),
        "glb": glb(BOTH),
        "exr": exr(BOTH),
        "svg": svg(json.dumps({"prompt": PROMPT, "workflow": GRAPH})),
        "json": json.dumps({"prompt": PROMPT, "workflow": GRAPH}).encode(),
    }
    if features.check("avif"):
        made["avif"] = with_exif("AVIF", exif)
    return made | {
        file.name: file.read_bytes()
        for file in MEDIA.iterdir()
        if file.stem in ("saved", "vhs", "live")
    }
