"""Files with content-dependent URLs: compressed once, and cached permanently by browsers.

The page's modules as one file. Loading a hundred separate modules takes a browser a third more
processor time, and a slow link loads only six at a time.

Works like a bundler, but only for the import and export syntax of these modules.

The page's script: ES modules, served as one joined file whose URL changes with its content.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import posixpath
import re
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import brotli
from fastapi import HTTPException
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from comfyforms.plugin_manager import contributed
from ui.brand import current_brand
from ui.gradio.internals import SCRIPTS, script_of_page
from ui.gradio.page_files import style_text as layered
from ui.page.gradio_files import style_name, style_text
from ui.page.style_text import later_styles, opened_styles
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import KEEP_FOREVER, json_text

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_QUICK, _BEST = 5, 11  # levels of Brotli: a millisecond, and a second for 500 kB
_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async function|function|class|const) ([\w$]+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_OWN_PLACE = re.compile(r"\bimport\.meta\b|\bimport\(\s*[\"'`]\..*")
# Comments on lines of their own, and those behind code without a text after them.
_COMMENT = re.compile(
    r"""^[ \t]*(?://.*|/\*(?:(?!\*/)[\s\S])*\*/)\n|(?<=[;,{(\[)\]}])[ \t]+//[ ][^"`\n]*$""",
    re.MULTILINE,
)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)  # no text in backticks has several lines
_DYNAMIC_IMPORT = re.compile(r'\bimport\("([^"]*)"\)')
# A module by its name. Other expressions are URLs.
_NAMED_IMPORT = re.compile(r"\bimport\((?=\w+\)|`)")
# Each module runs once, when it is first requested. The other files wait for the first view's end
# and are requested until they come: a browser doesn't repeat a failed import of the same URL. The
# page says so from the second failure on.
_LOAD = """const running = new Map();
export const load = async (name) => {
  const own = parts.get(name.split("/")[1]);
  for (const file of own ? [own] : later) if (!(name in modules)) await fetched(file);
  if (!running.has(name)) running.set(name, modules[name]());
  return running.get(name);
};
const coming = new Map();
const fetched = (file) => {
  if (!coming.has(file)) coming.set(file, requested(file));
  return coming.get(file);
};
const tell = (detail) => globalThis.dispatchEvent?.(new CustomEvent("part", { detail }));
const requested = async (file) => {
  await globalThis.firstView?.ended;
  for (let tries = 0; ; tries++) {
    try {
      const again = tries ? `?again=${tries}` : "";
      const part = await import(new URL(`../../${file}${again}`, import.meta.url));
      Object.assign(modules, part.modules(load));
      return void (tries > 1 && tell(true));
    } catch {
      if (tries === 1) tell(false);
      await new Promise((resolve) => setTimeout(resolve, Math.min(1000 * 2 ** tries, 30000)));
    }
  }
};
"""
# The file that another page requests first, until it comes.
_REQUESTED = """const requested = async (file, tries = 0) => {
  await new Promise((resolve) => setTimeout(resolve, Math.min(1000 * tries, 5000)));
  const address = new URL(`${file}?again=${tries}`, document.baseURI);
  return import(address).catch(() => requested(file, tries + 1));
};
"""
_SCRIPT_FOLDER = Path(__file__).parent / "script"
_OF_PAGE = "page/"  # parts import the page's modules by it
_PART = ".part.js"  # ends the name of a part's file
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
    "components/stage.js",
    "form/files.js",
    "form/menu.js",
    "form/workflows.js",
    "history/expiry.js",
    "later_parts.js",
    "making/many.js",
    "models/choosing.js",
    "models/fields.js",
    "runs/live_history.js",
    "runs/live_queue.js",
)
# Served modules of the page. Each module in a folder `pages` is served with those that it needs.
_PAGE, _LATER, _OPENED, _PAGES = "page.js", "later.js", "opened.js", "pages"


class KeptFile:
    """File as stored and as compressed, with Brotli for browsers that know it."""

    def __init__(self, content: bytes, media_type: str) -> None:
        """Compress the file quickly. The first response starts the best compression, which makes it
        a tenth smaller, so that only the first visitor gets more bytes."""
        self.content = content
        self._type = media_type
        self._brotli = brotli.compress(content, quality=_QUICK)
        self._gzip = gzip.compress(content, mtime=0)
        self._is_best = False

    def answer(self, request: Request) -> Response:
        """Return the response, compressed if the browser accepts it and if it is smaller."""
        headers = KEEP_FOREVER | {"vary": "Accept-Encoding"}
        accepted = request.headers.get("accept-encoding", "")
        for encoding, packed in (("br", self._brotli), ("gzip", self._gzip)):
            if encoding in accepted and len(packed) < len(self.content):
                headers["content-encoding"] = encoding
                later = None if self._is_best else BackgroundTask(self._pack)
                return Response(packed, media_type=self._type, headers=headers, background=later)
        return Response(self.content, media_type=self._type, headers=headers)

    def _pack(self) -> None:
        with _turn():
            if not self._is_best:
                self._brotli = brotli.compress(self.content, quality=_BEST)
                self._is_best = True


@cache
def _turn() -> threading.Lock:
    """Return the lock that leaves all processor cores but one to other work."""
    return threading.Lock()


@cache
def _script(name: str) -> KeptFile | None:
    accent = current_brand().accent
    if name == style_name(accent):
        return KeptFile(style_text(accent).encode(), "text/css")
    file = script_of_page(name)
    if file is None:
        return None
    content = layered(file).encode() if file.suffix == ".css" else file.read_bytes()
    return KeptFile(content, _TYPES[file.suffix])


def gradio_script_routes() -> GuardedRoutes:
    """Return `GET /assets/{name}`: Gradio's scripts and styles, whose names contain a digest.
    Gradio itself would compress them for each visitor, in the thread that also sends previews."""
    routes = GuardedRoutes()

    @routes.get(f"{SCRIPTS}{{name}}", Access.FILE, is_constant=True)
    def script(name: str, request: Request) -> Response:
        """Return one file; 404 if it doesn't exist."""
        file = _script(name)
        if file is None:
            raise HTTPException(404, "This script doesn't exist.")
        return file.answer(request)

    return routes


def joined(
    modules: Mapping[str, str],
    first: Collection[str] | None = None,
    later: Sequence[str] = (),
    parts: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return one module that exports `load`: it takes a module's name and returns a promise of its
    exports. It contains all modules, or only those in `first`; then the others are in more files
    (`part_of`), whose URLs below the app's are `later`. Each is loaded when a module isn't in the
    files before it. `parts`: the URL of a part's file by the part's name.

    `modules`: ES modules by name, such as `form/seeds.js`. They import by relative paths in braces,
    or with `import("./…")`, and export declarations with one name at the beginning of a line. Parts
    import the page's modules as `page/…`. An `import(name)` loads a module by its name, and
    other expressions are URLs.

    Raises `ValueError` for other syntax, unknown imports and circular imports.
    """
    chosen = modules if first is None else first
    addresses = f"const later = {json.dumps([*later])};\n"
    addresses += f"const parts = new Map({json.dumps([*parts.items()])});\n"
    return f"{addresses}{_LOAD}const modules = {{\n{_all_wrapped(modules, chosen)}}};\n"


def packed_script(text: str) -> str:
    """Return a script without indents and most comments."""
    return _INDENT.sub("", _COMMENT.sub("", text))


def part_of(modules: Mapping[str, str], names: Collection[str]) -> str:
    """Return one of the later files, with the modules of these names."""
    return f"export const modules = (load) => ({{\n{_all_wrapped(modules, names)}}});\n"


def _all_wrapped(modules: Mapping[str, str], chosen: Collection[str]) -> str:
    # In the order of `modules`: all processes must make the same file.
    imports = {name: _imported(name, text) for name, text in modules.items() if name in chosen}
    for name, imported in imports.items():
        _check(name, modules[name], imported, modules)
    order = TopologicalSorter(imports).static_order()
    return "".join(_wrapped(name, modules[name]) for name in order if name in chosen)


def needed(modules: Mapping[str, str], *entries: str) -> dict[str, str]:
    """Return these modules and all their direct and indirect imports, except those that they load
    later with `import("./…")`."""
    sources: dict[str, str] = {}
    waiting = [*entries]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = modules[name]
            waiting += _imported(name, modules[name])
    return sources


def _imported(name: str, text: str) -> dict[str, set[str]]:
    return {
        _place(name, address): {part.split()[0] for part in names.split(",") if part.strip()}
        for names, address in _IMPORT.findall(text)
    }


def _exported(text: str) -> list[str]:
    return [known for _, known in _EXPORT.findall(text)]


def _place(name: str, address: str) -> str:
    if address.startswith(_OF_PAGE):
        return address.removeprefix(_OF_PAGE)
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), address))


def _check(
    name: str, text: str, imports: Mapping[str, set[str]], modules: Mapping[str, str]
) -> None:
    for module, wanted in imports.items():
        if module not in modules:
            raise ValueError(f"{name} imports {module}, which doesn't exist.")
        if missing := wanted.difference(_exported(modules[module])):
            raise ValueError(f"{name} imports {', '.join(missing)}, which {module} doesn't export.")
    code = _DYNAMIC_IMPORT.sub("", _COMMENT.sub("", text))
    if other := _OTHER.search(_EXPORT.sub("", _IMPORT.sub("", code))):
        raise ValueError(f"{name} has an unsupported import or export: {other[0]}")
    if "/" in name and (own := _OWN_PLACE.search(code)):
        raise ValueError(f"{name} reads its own URL, which changes when it is joined: {own[0]}")


def _wrapped(name: str, text: str) -> str:
    def loads(match: re.Match[str]) -> str:
        names = " ".join(match[1].split()).replace(" as ", ": ")
        return f'const {{ {names} }} = await load("{_place(name, match[2])}");'

    def loads_later(match: re.Match[str]) -> str:
        return f'load("{_place(name, match[1])}")'

    body = _EXPORT.sub(r"\1", _IMPORT.sub(loads, packed_script(text)))
    body = _NAMED_IMPORT.sub("load(", _DYNAMIC_IMPORT.sub(loads_later, body))
    exported = ", ".join(_exported(text))
    return f'"{name}": async () => {{\n{body}\nreturn {{ {exported} }};\n}},\n'


@cache
def modules() -> dict[str, str]:
    """Return the text of every module by name. A part's begin with `parts/` and its name."""
    parts = {f"parts/{one.name}": one.folder / "script" for one in contributed("assets")}
    return {
        posixpath.join(part, file.relative_to(folder).as_posix()): file.read_text(encoding="utf-8")
        for part, folder in {"": _SCRIPT_FOLDER, **parts}.items()
        for file in sorted(folder.rglob("*.js"))
    }


@cache
def _contents() -> Mapping[str, Collection[str]]:
    """Return the names of the modules in each served file."""
    others = _other_pages()
    texts = modules().items()
    imported = {one for own, text in texts for one in _imported(own, text)}
    # Another page can import at once what the app's own page loads later.
    loaded = {_place(own, one) for own, text in texts for one in _DYNAMIC_IMPORT.findall(text)}
    alone = modules().keys() - imported - {*others.values()}
    of_page = needed(modules(), *sorted(alone | loaded))
    first = needed(of_page, *_FIRST).keys()
    after_first = needed(of_page, *_FIRST, *_AFTER_FIRST).keys()
    of_parts = {
        one.name: {name for name in of_page if name.startswith(f"parts/{one.name}/")}
        for one in contributed("assets")
    }
    return {
        _PAGE: first,
        _LATER: after_first - first,
        _OPENED: of_page.keys() - after_first - {*chain.from_iterable(of_parts.values())},
        **{f"{part}{_PART}": names for part, names in of_parts.items()},
        **{file: needed(modules(), name).keys() for file, name in others.items()},
    }


@cache
def _file(name: str) -> KeptFile:
    chosen = _contents()[name]
    match name:
        case "page.js":
            later = (script_address(_LATER), script_address(_OPENED))
            parts = {one.name: script_address(one.name + _PART) for one in contributed("assets")}
            text = joined(modules(), chosen, later, parts)
        case "later.js":
            text = part_of(modules(), chosen) + _adding(later_styles())
        case "opened.js":
            text = part_of(modules(), chosen) + _adding(opened_styles())
        case _ if name.endswith(_PART):
            text = part_of(modules(), chosen)
        case _:
            text = joined(modules(), chosen)
    return KeptFile(text.encode(), "text/javascript")


def _other_pages() -> dict[str, str]:
    """Return the modules of other pages than the app's own, by the file's name, `pages/NAME.js`."""
    places = {one: PurePosixPath(one) for one in modules()}
    return {f"{_PAGES}/{at.name}": one for one, at in places.items() if at.parent.name == _PAGES}


@cache
def script_address(name: str) -> str:
    """Return a file's URL, relative to the app's root, which is two folders above. It contains a
    digest of the content, so the content of a URL never changes."""
    version = hashlib.sha256(_file(name).content).hexdigest()[:16]
    folder, name = posixpath.split(name)
    return f"{folder or 'script'}/{version}/{name}"


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


def page_script(name: str) -> str:
    """Return the script that another page than the app's own runs at its end. `name`: of its module
    in a folder `pages`."""
    file = f"{_PAGES}/{name}"
    loads = f"({{ load }}) => load({json.dumps(_other_pages()[file])})"
    return f"{_REQUESTED}requested({json.dumps(script_address(file))}).then({loads});"


def script_routes() -> GuardedRoutes:
    """Return `GET /script/{version}/{name}`, and for other pages `/pages/{version}/{name}`, which
    is public."""
    routes = GuardedRoutes()

    def answered(version: str, name: str, request: Request) -> Response:
        if name not in _contents() or script_address(name).split("/")[1] != version:
            raise HTTPException(404, "This script doesn't exist.")
        return _file(name).answer(request)

    @routes.get("/pages/{version}/{name}", Access.PUBLIC, is_constant=True)
    def of_page(version: str, name: str, request: Request) -> Response:
        """Return the script of the sign-in page, or of a plugin's page that guests load, too; 404
        for any version but the current one."""
        return answered(version, f"{_PAGES}/{name}", request)

    @routes.get("/script/{version}/{name}", Access.FILE, is_constant=True)
    def module(version: str, name: str, request: Request) -> Response:
        """Return a file of the script; 404 for any version but the current one."""
        return answered(version, name, request)

    return routes
