"""JSON answers that can hold any text, half a surrogate pair included, as a title or a value may."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


class AsciiJSON(JSONResponse):
    """A JSON answer in ASCII: what UTF-8 cannot say is written out."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")
