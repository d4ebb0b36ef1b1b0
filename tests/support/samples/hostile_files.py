"""Files in formats whose decoding starts an external program, or that few decoders read safely.
Their names are true or false."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Mapping

from PIL import Image

NAMES = ("png", "jpg", "mp4", "wav")


def _pillow(form: str, mode: str = "RGB") -> bytes:
    data = io.BytesIO()
    Image.new(mode, (16, 16), "teal").save(data, form)
    return data.getvalue()


def _playlist(address: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9.0,\n{address}\n#EXT-X-ENDLIST\n".encode()


def _psd() -> bytes:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 4, 4, 8, 3)
    return head + bytes(12) + b"\0\0" + bytes(4 * 4 * 3)


def _fits() -> bytes:
    cards = (
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
    )
    more = ("NAXIS1  =                    4", "NAXIS2  =                    4", "END")
    return "".join(card.ljust(80) for card in (*cards, *more)).ljust(2880).encode() + bytes(2880)


FORMATS: Mapping[str, Callable[[], bytes]] = {
    "m3u8": lambda: _playlist("file:///etc/passwd"),
    "m3u": lambda: _playlist("http://127.0.0.1:9/secret.mp4"),
    "eps": lambda: _pillow("EPS"),
    "ps": lambda: b"%!PS-Adobe-3.0\n(%pipe%id) (r) file\nshowpage\n",
    "tga": lambda: _pillow("TGA"),
    "psd": _psd,
    "svg": lambda: (
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:9/a.png"/></svg>'
    ),
    "mvg": lambda: (
        b"push graphic-context\nviewbox 0 0 9 9\nfill 'url(http://127.0.0.1:9/a|id)'\npop"
        b" graphic-context\n"
    ),
    "icns": lambda: _pillow("ICNS", "RGBA"),
    "jp2": lambda: _pillow("JPEG2000"),
    "pcx": lambda: _pillow("PCX"),
    "sgi": lambda: _pillow("SGI"),
    "ppm": lambda: _pillow("PPM"),
    "dds": lambda: _pillow("DDS", "RGBA"),
    "fits": _fits,
    "wmf": lambda: b"\xd7\xcd\xc6\x9a" + bytes(16) + b"\1\0\x09\0\0\3" + bytes(64),
    "pdf": lambda: b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n",
}


def files(form: str) -> Iterator[tuple[str, bytes]]:
    """Yield a file of this format under its own name and under each false name."""
    data = FORMATS[form]()
    for ending in (form, *NAMES):
        yield f"holiday.{ending}", data
