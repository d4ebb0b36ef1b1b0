"""The page's script: ES modules as they are written, served under an address that changes with
them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ui.page.kept_files import KeptFile
from ui.web.responses import json_text

SCRIPT_FOLDER = Path(__file__).parent / "script"
_ENTRY = "page.js"
_SMALL_PAGES = "pages/"


@cache
def modules() -> dict[str, bytes]:
    """Every module by its name."""
    return {
        file.relative_to(SCRIPT_FOLDER).as_posix(): file.read_bytes()
        for file in sorted(SCRIPT_FOLDER.rglob("*.js"))
    }


@cache
def folder_address() -> str:
    """Where the modules are, relative to the app's root: the address holds a digest of all, so
    what is behind it never changes, nor does what they import."""
    digest = hashlib.sha256()
    for name, text in modules().items():
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return f"script/{digest.hexdigest()[:16]}"


@cache
def _packed(name: str) -> KeptFile | None:
    text = modules().get(name)
    return KeptFile.of(text, "text/javascript") if text is not None else None


def module_address(name: str) -> str:
    """Where a module is, relative to the app's root."""
    return f"{folder_address()}/{name}"


def calls(module: str, call: str) -> str:
    """A line of script that loads a module of the page and then calls one of its functions, as a
    promise.

    `call`: the function's name with its arguments, as `mount(element)`. Gradio runs such lines as
    functions that it makes of text, in which an address that is not whole would be read as relative
    to Gradio's own script.
    """
    address = f"new URL({json.dumps(module_address(module))}, document.baseURI)"
    return f"import({address}).then((module) => module.{call})"


def mounts(module: str, events: Iterable[str], **options: object) -> str:
    """The line of script that fills a component in, for `js_on_load`: the module's `mount` is given
    the place, and the component with its options and a function for each event.

    `upload` gives the app a file. Each event is named in quotes: by that Gradio knows that the
    component has it.
    """
    given = ["props", "watch", "upload"]
    given += [f"{name}: {json_text(value)}" for name, value in options.items()]
    given += [f"{event}: (data) => trigger({event!r}, data)" for event in events]
    return calls(module, f"mount(element, {{ {', '.join(given)} }})")


def listener(module: str, call: str, arguments: str = "") -> str:
    """The same as a function, for a listener's `js`."""
    return f"({arguments}) => {calls(module, call)}"


def head_tags() -> str:
    """What a page needs in its head: its own module, and word of the others, so that they come at
    once. Those of the small pages are none of its."""
    others = "\n".join(
        f'<link rel="modulepreload" href="{module_address(name)}">'
        for name in modules()
        if not name.startswith(_SMALL_PAGES)
    )
    return f'{others}\n<script type="module" src="{module_address(_ENTRY)}"></script>'


def script_routes() -> APIRouter:
    """`GET /script/{version}/{name}`: read by anybody, as Gradio's own script is."""
    router = APIRouter()

    @router.get("/script/{version}/{name:path}")
    def module(version: str, name: str, request: Request) -> Response:
        """One module; 404 for any version but this one."""
        file = _packed(name)
        if file is None or f"script/{version}" != folder_address():
            raise HTTPException(404, "There is no such script.")
        return file.answer(request)

    return router
