"""Hostile texts for headers and addresses."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import strategies as st

from tests.support.samples.hostile import TEXTS

NUMBERS = ("0", "-1", "1e9", "NaN", "9" * 400, "\u0661")


def words(text: str) -> bytes:
    """Encode a text for a header. Odd bytes stay, but line breaks go."""
    return (
        text.encode("utf-8", "surrogatepass")
        .replace(b"\r", b"")
        .replace(b"\n", b"")
        .replace(b"\0", b"")[:4000]
    )


def escaped(text: str) -> str:
    return quote(text[:2000].encode("utf-8", "surrogatepass"), safe="")


HOSTILE = st.sampled_from(TEXTS) | st.text(max_size=20)
SPELT = HOSTILE.map(escaped)
VALUE = SPELT | st.sampled_from([quote(number) for number in NUMBERS])
SECRET = "words that only ann knows"
PROMPT = {
    "1": {"class_type": "PrimitiveString", "inputs": {"value": SECRET}},
    "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
}
