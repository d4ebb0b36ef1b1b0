"""What the classes of a file write and call, and which locks they hold then, as it stands there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

CHANGES = {"add", "append", "clear", "discard", "extend", "insert", "pop", "popleft", "remove"} | {
    "setdefault",
    "update",
    "move_to_end",
    "popitem",
}


def class_in(file: str, name: str) -> ast.ClassDef:
    tree = ast.parse((ROOT / file).read_text())
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


Function = ast.FunctionDef | ast.AsyncFunctionDef


def methods_in(file: str, name: str) -> list[Function]:
    return [node for node in class_in(file, name).body if isinstance(node, Function)]


def own_field(node: ast.AST) -> str | None:
    """`x` of `self.x`, also in `self.x[…]`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == "self" else None
    return None


def targets(node: ast.AST) -> list[ast.expr]:
    """What a statement puts something else in the place of."""
    match node:
        case ast.Assign(targets=several):
            return [part for one in several for part in getattr(one, "elts", [one])]
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return [target]
        case ast.Delete(targets=several):
            return several
    return []


def written(node: ast.AST) -> Iterator[str]:
    """The fields of `self` that a statement or an expression changes by itself."""
    yield from filter(None, map(own_field, targets(node)))
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in CHANGES:
            yield from filter(None, [own_field(value)])


def locks_of(node: ast.With) -> set[str]:
    """`x` of `with self.x`, also of `with self.x.changing()`."""
    return set(filter(None, (own_field(_lock_in(item.context_expr)) for item in node.items)))


def _lock_in(entered: ast.expr) -> ast.expr:
    match entered:
        case ast.Call(func=ast.Attribute(value=database, attr="changing")):
            return database
    return entered


_NEW_LOCK = re.compile(
    r"\b(Lock|RLock|Condition|SignInDatabase)\("
    r"|default_factory=(threading\.)?(Lock|RLock|Condition)\b"
)


def locks_made(node: ast.ClassDef) -> set[str]:
    """The fields that are given a new lock: those of `self`, and those of a dataclass."""
    made = [
        one
        for one in ast.walk(node)
        if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None
        if _NEW_LOCK.search(ast.unparse(one.value))
    ]
    declared = {ast.unparse(part) for one in made if one in node.body for part in targets(one)}
    return declared.union(*map(written, made))


def calls(
    node: ast.AST, held: frozenset[str] = frozenset()
) -> Iterator[tuple[str, int, frozenset[str]]]:
    """Every call below a node, as written, likewise."""
    if isinstance(node, ast.With):
        held |= locks_of(node)
    if isinstance(node, ast.Call):
        yield ast.unparse(node.func), node.lineno, held
    for child in ast.iter_child_nodes(node):
        yield from calls(child, held)


def kept_names(function: ast.FunctionDef) -> set[str]:
    """The names of the function around this one that it changes."""
    return {name for one in function.body if isinstance(one, ast.Nonlocal) for name in one.names}
