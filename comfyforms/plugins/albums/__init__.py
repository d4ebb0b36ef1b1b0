"""Albums of results that people look at together."""

from __future__ import annotations

NOUNS = ("album",)  # occur nowhere outside this folder
