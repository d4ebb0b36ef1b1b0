"""Text files as people have them on disk. Pure."""

from __future__ import annotations

import codecs

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded_text(data: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 that says so, or else Windows-1252, which is what Excel's
    plain "CSV" and many editors write. ValueError where it is none of them, as of a spreadsheet.
    `ui/page/script/vary/text_file.js` reads the same."""
    if data.startswith(_UTF_16):
        return data.decode("utf-16")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    if "\0" in text:
        raise ValueError("it is no text")
    return text
