"""What answers have in common: JSON that can hold any text, and what is said of a failure."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

from starlette.responses import JSONResponse

NOT_UNDERSTOOD = "The app could not use this request. Reload the page and try again."


class AsciiJSON(JSONResponse):
    """A JSON answer in ASCII: what UTF-8 cannot say is written out, as half a surrogate pair, which
    a title or a value may have."""

    def render(self, content: object) -> bytes:
        """The body."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def in_short(problem: BaseException) -> str:
    """An error in one line for the log: what, and where it was raised."""
    frames = traceback.extract_tb(problem.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(problem).__name__}{where}"
