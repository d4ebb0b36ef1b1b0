"""Search for every compiled regular expression in the product."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import types
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PACKAGES = ("comfy", "ui", "comfyforms")
# Modules that can't be imported here: ComfyUI's own ones are missing, or they start a program.
NOT_IMPORTED = (
    "comfyforms.comfyui_node.model_routes",
    "comfyforms.comfyui_node.editor_route",
    "comfyforms.__main__",
    "comfy.__main__",
    "comfy.records.steps.env",
)
# Modules whose patterns only see text that comes with the app, or is the administrator's own.
TRUSTED = {
    "comfy.base.user_groups": "an administrator's names with * for others",
    "comfy.cli.space.front_matter": "the front matter of one's own README",
    "comfy.requirements.known_packs": "the table in the wheel",
    "ui.gradio.page_files": "Gradio's scripts and sheets",
    "ui.gradio.internals": "Gradio's template",
    "ui.page.style_text": "the page's own sheets",
}
# Modules of the standard library that make patterns of what they are given.
_MAKERS = ("fnmatch", "sre_compile", "regex")


def sources() -> dict[str, Path]:
    """Return the Python files of the product by module name, without its plugins' tests and the
    trusted modules."""
    paths = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    paths = [path for path in paths if "tests" not in path.relative_to(ROOT).parts]
    named = {_module_name(path): path for path in sorted([*paths, ROOT / "app.py"])}
    return {name: path for name, path in named.items() if name not in TRUSTED}


def _module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_imported(name: str) -> bool:
    """Return whether `patterns` searches this module."""
    return not name.startswith(NOT_IMPORTED)


def patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Return the product's patterns, each with the first name that leads to it."""
    modules = [importlib.import_module(name) for name in sources() if is_imported(name)]
    named = {
        f"{one.__name__}.{name}": value for one in modules for name, value in vars(one).items()
    }
    return reachable(named, {*PACKAGES, "app"})


def reachable(named: Mapping[str, object], packages: Set[str]) -> list[tuple[str, re.Pattern[str]]]:
    """Return the patterns that these values refer to, directly or through objects of these
    packages."""
    found: dict[re.Pattern[str], str] = {}
    seen: dict[int, object] = {}  # keeps intermediate values alive, so that no two share an id
    waiting = list(named.items())
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, re.Pattern):
            found[value] = min(place, found.get(value, place))
        elif id(value) not in seen:
            seen[id(value)] = value
            waiting += [(place, inner) for inner in _inside(value, packages)]
    return sorted(((place, one) for one, place in found.items()), key=_by_place)


def _by_place(found: tuple[str, re.Pattern[str]]) -> tuple[str, str]:
    return found[0], found[1].pattern


def _inside(value: object, packages: Set[str]) -> list[Any]:
    """Return the objects that a value refers to, if the value belongs to the product rather than to
    a library."""
    match value:
        case types.FunctionType():
            cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
            defaults = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
            return [*cells, *defaults, *vars(value).values()] if _is_of(value, packages) else []
        case functools.partial():
            return [value.func, value.args, value.keywords]
        case property():
            return [value.fget, value.fset]
        case classmethod() | staticmethod() | types.MethodType():
            return [value.__func__]
        case dict() | types.MappingProxyType():
            return [*value.keys(), *value.values()]
        case list() | tuple() | set() | frozenset():
            return list(value)
        case type():
            return list(vars(value).values()) if _is_of(value, packages) else []
        case types.ModuleType():
            return []
        case _ if hasattr(value, "__wrapped__") and _is_of(
            value, packages
        ):  # as of functools.cache
            return [value.__wrapped__]
        case _ if _is_of(type(value), packages):
            return [*getattr(value, "__dict__", {}).values(), *_slots(value)]
        case _:
            return []


def _slots(value: object) -> list[Any]:
    names = [name for base in type(value).__mro__ for name in vars(base).get("__slots__", ())]
    return [getattr(value, name) for name in names if hasattr(value, name)]


def _is_filled(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _is_of(value: Any, packages: Set[str]) -> bool:
    return str(getattr(value, "__module__", "")).partition(".")[0] in packages


def uses_patterns(source: str) -> list[int]:
    """Return the lines of a module that import something that creates patterns."""
    return sorted(
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any(name.partition(".")[0] in ("re", *_MAKERS) for name in _imported(node))
    )


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [one.name for one in node.names]


def hidden_uses(source: str) -> list[int]:
    """Return the lines of a module that use a pattern hidden from `patterns`: the code creates it
    inside a function or under another name than `re.compile`."""
    return sorted(_hidden(ast.parse(source), inside=False))


def _hidden(node: ast.AST, *, inside: bool) -> Iterator[int]:
    match node:
        case ast.ImportFrom() | ast.Import():
            renamed = isinstance(node, ast.ImportFrom) or node.names[0].asname or inside
            made = [one for one in _imported(node) if one in _MAKERS or (one == "re" and renamed)]
            yield from [node.lineno] * bool(made)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attr)):
            harmless = attr == "escape" or (attr == "compile" and not inside)
            yield from [node.lineno] * (not harmless)
    inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from _hidden(child, inside=inside)
