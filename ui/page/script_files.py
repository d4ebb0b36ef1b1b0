"""The page's script: ES modules, served as one joined file whose URL changes with its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ui.page.joined_script import joined, needed, part_of
from ui.page.kept_files import KeptFile
from ui.page.style_text import later_styles
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import json_text

_SCRIPT_FOLDER = Path(__file__).parent / "script"
# Served modules: the page's, and the few needed before sign-in.
_PAGE, _LATER, _OPENED, _SIGN_IN = "page.js", "later.js", "opened.js", "sign_in.js"
# Modules of the page that the header and the first form need.
_FIRST = (
    "page.js",
    "components/account.js",
    "components/header.js",
    "components/size.js",
    "components/tab.js",
    "fields/description.js",
    "form/filled.js",
    "form/form.js",
    "form/live_chooser.js",
    "form/reset.js",
    "form/seeds.js",
    "making/negative.js",
    "runs/start.js",
)
# Modules that the rest of the page and most forms need. They come after the first form; all others
# come when the user opens what needs them.
_AFTER_FIRST = (
    "batches/given.js",
    "batches/live_batches.js",
    "components/footer.js",
    "components/mask_painter.js",
    "components/presets.js",
    "components/stage.js",
    "editor/open.js",
    "form/chain.js",
    "form/files.js",
    "form/workflows.js",
    "history/expiry.js",
    "later_parts.js",
    "making/many.js",
    "models/choosing.js",
    "models/fields.js",
    "models/missing_models.js",
    "runs/live_history.js",
    "runs/live_queue.js",
)
_SIGN_IN_MODULE = "pages/sign_in.js"


@cache
def modules() -> dict[str, str]:
    """Return the text of every module by name."""
    return {
        file.relative_to(_SCRIPT_FOLDER).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(_SCRIPT_FOLDER.rglob("*.js"))
    }


@cache
def _file(name: str) -> KeptFile | None:
    of_page = {one: text for one, text in modules().items() if one != _SIGN_IN_MODULE}
    first = needed(of_page, *_FIRST)
    after_first = needed(of_page, *_FIRST, *_AFTER_FIRST)
    match name:
        case "page.js":
            text = joined(of_page, first, (script_address(_LATER), script_address(_OPENED)))
        case "later.js":
            text = part_of(of_page, after_first.keys() - first) + _adding(later_styles())
        case "opened.js":
            text = part_of(of_page, of_page.keys() - after_first)
        case "sign_in.js":
            text = joined(needed(modules(), _SIGN_IN_MODULE))
        case _:
            return None
    return KeptFile(text.encode(), "text/javascript")


@cache
def script_address(name: str) -> str:
    """Return a file's URL, relative to the app's root. It contains a digest of the content, so the
    content of a URL never changes."""
    file = _file(name)
    version = hashlib.sha256(file.content).hexdigest()[:16] if file else "0"
    return f"script/{version}/{name}"


def _adding(style: str) -> str:
    """Return JavaScript that adds a style sheet to the page."""
    made = f"Object.assign(document.createElement('style'), {{ textContent: {json_text(style)} }})"
    return f"document.head.append({made});\n"


def calls(module: str, call: str) -> str:
    """Return JavaScript that loads a module of the page and then calls one of its functions, as a
    promise.

    `call`: the function's name with its arguments, such as `mount(element)`. Gradio compiles such
    code from text, where a relative URL would refer to the folder of Gradio's own script.
    """
    return f"{_loads(module, _PAGE)}.then((module) => module.{call})"


def _loads(module: str, file: str) -> str:
    address = f"new URL({json.dumps(script_address(file))}, document.baseURI)"
    return f"import({address}).then(({{ load }}) => load({json.dumps(module)}))"


def mounts(module: str, events: Iterable[str], **options: object) -> str:
    """Return JavaScript that fills a component in, for `js_on_load`. It calls the module's `mount`
    with the element, and with the component's options and a function for each event.

    `upload` sends a file to the app. The event names are in quotes, because Gradio finds a
    component's events by them.
    """
    given = ["props", "watch", "upload"]
    given += [f"{name}: {json_text(value)}" for name, value in options.items()]
    given += [f"{event}: (data) => trigger({event!r}, data)" for event in events]
    return calls(module, f"mount(element, {{ {', '.join(given)} }})")


def listener(module: str, call: str, arguments: str = "") -> str:
    """Return the code of `calls` as a function, for a listener's `js`."""
    return f"({arguments}) => {calls(module, call)}"


def preload_tags() -> str:
    """Return the tags for the document's head that request the page's script at once."""
    return f'<link rel="modulepreload" href="{script_address(_PAGE)}">'


def head_tags() -> str:
    """Return the tag for a page's head that loads the page's own module."""
    return f'<script type="module">{_loads("page.js", _PAGE)}</script>'


def sign_in_script() -> str:
    """Return the script that the sign-in page runs at its end."""
    return _loads(_SIGN_IN_MODULE, _SIGN_IN)


def script_routes() -> GuardedRoutes:
    """Return `GET /script/{version}/{name}`. Only the sign-in page's script is public."""
    routes = GuardedRoutes()

    @routes.get("/script/{version}/sign_in.js", Access.PUBLIC)
    def sign_in(version: str, request: Request) -> Response:
        """Return the script of the sign-in page."""
        return module(version, "sign_in.js", request)

    @routes.get("/script/{version}/{name}", Access.FILE)
    def module(version: str, name: str, request: Request) -> Response:
        """Return a file of the script; 404 for any version but the current one."""
        file = _file(name)
        if file is None or script_address(name) != f"script/{version}/{name}":
            raise HTTPException(404, "This script doesn't exist.")
        return file.answer(request)

    return routes
