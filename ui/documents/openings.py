"""The beginning of a prompt for captions. Pure."""

from __future__ import annotations

import re

# "[Shot 1]", "[CAMERA MOVEMENT] –", but not the choices and weights of "[a|b]" and "[blurry:0.5]".
_BRACKET = r"\[(?=[^\W_a-z])[^\[\]|:,\n]{1,40}\]"
# "Global Metadata:", "style_description:".
_NAME = r"[^\W\d]\w*(?:[ -]\w+){0,3}:\s+"
_HEADING = re.compile(rf"^(?:{_BRACKET}(?=[\s–—:-])[\s–—:-]*|{_NAME})+", re.MULTILINE)
_REFERENCE = re.compile(_BRACKET)
_LORA = re.compile(r"\A(?:<\w+:[^<>\n]*>[\s,]*)+")
# The mark of a quoted text, not of a word.
_QUOTE = re.compile(r"\A[\"“”„«]\s*(?=[^\"“”»]{60}|[^\"“”»]*[\"“”»]?\Z)")


def opening(prompt: str) -> str:
    """Return a prompt from its first sentence on: without LoRAs, the first heading of several, a
    reference to a heading before it, and the quotation mark of a whole text."""
    text = _LORA.sub("", prompt.strip())
    headings = [*_HEADING.finditer(text)]
    first = headings[0] if headings else None
    if first and (len(headings) > 1 or first[0].startswith("[") or "_" in first[0]):
        before = text[: first.start()]
        refers = _REFERENCE.search(before)
        if refers or not before or first[0].startswith("["):
            text = ("" if refers else before) + text[first.end() :]
    text = _QUOTE.sub("", text)
    return text if any(map(str.isalpha, text)) else prompt
