"""Decode text files in users' encodings. Pure."""

from __future__ import annotations

import codecs

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded_text(data: bytes) -> str:
    """Decode a file's text: UTF-8, UTF-16 with a byte order mark, otherwise Windows-1252, the
    encoding of Excel's plain CSV and many editors. Raises ValueError for other content, such as a
    spreadsheet. `ui/page/script/vary/text_file.js` decodes the same."""
    if data.startswith(_UTF_16):
        return data.decode("utf-16")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    if "\0" in text:
        raise ValueError("not a text")
    return text
