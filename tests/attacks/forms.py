"""Request bodies for attacks, such as malformed or oversized JSON, and their content types."""

from __future__ import annotations

import gzip
import json

from hypothesis import strategies as st

from tests.attacks.texts import HOSTILE, VALUE, words
from tests.support.samples.hostile import nested
from tests.support.samples.media import saved

BOUNDARY = "----x"


def form(name: str, filename: str, data: bytes, end: str = "--") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="'.encode()
    kind = b'"\r\nContent-Type: image/png\r\n\r\n'
    return head + words(filename) + kind + data + f"\r\n--{BOUNDARY}{end}\r\n".encode()


FILES = st.sampled_from(
    (
        b"",
        saved("PNG"),
        saved("JPEG"),
        saved("PNG")[:40],
        b"%!PS-Adobe-3.0 EPSF",
        b"#EXTM3U\nfile:///etc/passwd",
        b"\0" * 3000,
    )
)
FORMS = st.builds(
    form,
    st.sampled_from(("files", "file", "image", "image[]", "mask", "")),
    HOSTILE,
    FILES,
    st.sampled_from(("--", "", "x")),
)
LOGINS = st.builds(
    lambda name, password: f"username={name}&password={password}".encode(),
    VALUE,
    st.sampled_from(("", "a" * 5000)),
)
BOMBS = st.sampled_from(
    (
        b"[" * 100_000,
        b'{"data":' * 3_000,
        json.dumps({"data": nested(900)}).encode(),
        b'{"data": [' + b"{}," * 30_000 + b"0]}",
        b'{"data": 1' + b"0" * 5000 + b"}",
        gzip.compress(b"0" * 100_000),
    )
)
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
FORM = "application/x-www-form-urlencoded"
TYPES = (
    "application/json",
    MULTIPART,
    "multipart/form-data",
    FORM,
    "text/plain",
    "application/json; charset=x",
    "",
)
