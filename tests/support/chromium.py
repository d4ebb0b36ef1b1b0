"""Which Chromium of the system drives the pages."""

from __future__ import annotations

import shutil

_WHOLE = ("chromium", "chromium-browser", "google-chrome")
# The same browser without the parts around its pages: a new visitor costs half as much processor.
_SHELL = "chromium-headless-shell"
HOW_TO_INSTALL = f"Debian: apt-get install {_SHELL}; elsewhere Chromium or Chrome will do"


def installed_chromium(*, whole: bool = False) -> str | None:
    """The path of a Chromium, None where there is none. `whole`: with all that people have around
    their pages."""
    names = _WHOLE if whole else (_SHELL, *_WHOLE)
    return next(filter(None, map(shutil.which, names)), None)
