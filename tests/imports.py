"""The program's modules, and what each of them imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


def modules() -> dict[str, Path]:
    """Return every module of the program by its dotted name. A package has the name of its
    folder."""
    of_tests = files_of_tests()
    folders = (ROOT / "comfyforms", ROOT / "comfy", ROOT / "ui", ROOT / "comfyui_standin")
    files = [ROOT / "app.py", *(file for one in folders for file in one.rglob("*.py"))]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
        if file not in of_tests
    }


def files_in(*folders: str, ending: str = ".py") -> set[Path]:
    """Return the Python or other files in these folders."""
    files = (file for one in folders for file in (ROOT / one).rglob(f"*{ending}"))
    return {file for file in files if "node_modules" not in file.parts}


def files_of_tests(*folders: str, ending: str = ".py") -> set[Path]:
    """Return the Python or other files in these folders and of parts' tests."""
    return files_in(*folders, *map(str, (ROOT / "comfyforms").glob("**/tests")), ending=ending)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def imported(file: Path) -> frozenset[str]:
    """Return the dotted names of all modules that a file imports, including imports for types."""
    return frozenset(_imported(file))


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(file)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)


def imports(file: Path) -> set[str]:
    """Return the top-level packages that a file imports."""
    return {name.partition(".")[0] for name in imported(file)}


@cache
def apart() -> tuple[str, ...]:
    """Return the packages that import nothing from the app, for other programs and machines."""
    needing = {
        ".".join(name.split(".")[:2])
        for name, file in modules().items()
        if imports(file) & {"app", "comfy", "ui"}
    }
    packages = (ROOT / "comfyforms").glob("*/__init__.py")
    names = {f"comfyforms.{file.parent.name}" for file in packages}
    return ("comfyui_standin", *sorted(names - needing))
