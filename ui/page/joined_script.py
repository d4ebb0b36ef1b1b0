"""The page's modules as one file. Loading a hundred separate modules takes a browser a third more
processor time, and a slow link loads only six at a time.

Works like a bundler, but only for the import and export syntax of these modules.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter

_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async function|function|class|const) ([\w$]+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_OWN_PLACE = re.compile(r"\bimport\.meta\b|\bimport\(\s*[\"'`]\..*")
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*(?:(?!\*/)[\s\S])*\*/)\n", re.MULTILINE)

_DYNAMIC_IMPORT = re.compile(r'\bimport\("(\.[^"]*)"\)')

# Each module runs once, when it is first requested. The other files wait for the first view's end
# and are requested until they come: a browser doesn't repeat a failed import of the same URL. The
# page says so from the second failure on.
_LOAD = """const running = new Map();
export const load = async (name) => {
  for (const file of later) if (!(name in modules)) await fetched(file);
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


def joined(
    modules: Mapping[str, str], first: Collection[str] | None = None, later: Sequence[str] = ()
) -> str:
    """Return one module that exports `load`: it takes a module's name and returns a promise of its
    exports. It contains all modules, or only those in `first`; then the others are in more files
    (`part_of`), whose URLs below the app's are `later`. Each is loaded when a module isn't in the
    files before it.

    `modules`: ES modules by name, such as `form/seeds.js`. They import by relative paths in braces,
    or with `import("./…")`, and export declarations with one name at the beginning of a line.
    Comment lines and indents are dropped.

    Raises `ValueError` for other syntax, unknown imports and circular imports.
    """
    chosen = modules if first is None else first
    address = f"const later = {json.dumps([*later])};\n"
    return f"{address}{_LOAD}const modules = {{\n{_all_wrapped(modules, chosen)}}};\n"


def part_of(modules: Mapping[str, str], names: Collection[str]) -> str:
    """Return one of the later files, with the modules of these names."""
    return f"export const modules = (load) => ({{\n{_all_wrapped(modules, names)}}});\n"


def _all_wrapped(modules: Mapping[str, str], chosen: Collection[str]) -> str:
    imports = {name: _imported(name, text) for name, text in modules.items()}
    for name, text in modules.items():
        _check(name, text, imports[name], modules)
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
    """Return the modules that a module imports, each with the imported names."""
    return {
        _place(name, address): {part.split()[0] for part in names.split(",") if part.strip()}
        for names, address in _IMPORT.findall(text)
    }


def _exported(text: str) -> list[str]:
    return [known for _, known in _EXPORT.findall(text)]


def _place(name: str, address: str) -> str:
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

    body = _EXPORT.sub(r"\1", _IMPORT.sub(loads, _COMMENT.sub("", text)))
    body = _DYNAMIC_IMPORT.sub(loads_later, body)
    exported = ", ".join(_exported(text))
    return f'"{name}": async () => {{\n{body}\nreturn {{ {exported} }};\n}},\n'
