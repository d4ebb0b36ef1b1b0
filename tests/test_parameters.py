"""Defaulted parameters of the program: each is for a call of the program that passes it, and for
one that doesn't."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.imports import apart, files_in, files_of_tests, modules, tree_of
from tests.test_parts import OWNERS

# Decorators after which a function is still called by its name with its own parameters.
PLAIN = {
    "asynccontextmanager",
    "cache",
    "classmethod",
    "contextmanager",
    "override",
    "staticmethod",
}
PASSING_ON = {"add_middleware", "partial"}  # calls that pass the rest to their first argument
# Passed by tests alone, which can't wait or fill a store as long as the program does.
FOR_TESTS = {
    "BatchQueue.limits",
    "LocalRunRegistry.keep",
    "LocalRunRegistry.timing",
    "PrivateWorkflows.keep",
    "PrivateWorkflows.size",
    "data_folder.persistent",
    "find_spec.target",  # Python passes it
    "peaks_of.program",
    "peaks_of.seconds",
}
# Passed or left out by plugins alone, which users may remove.
FOR_PLUGINS = {
    "ComfyServer.spot",
    "GuardedRoutes.errors",
    "PromptRefused.details",
    "PromptRefused.extra_info",
    "PromptRefused.node_errors",
    "RunNotFound.problem",
    "batch_doc.root",
    "chain_doc.root",
    "follow.gap",
    "include.prefix",
    "include.scope",
    "new_secret.copy",
    "new_token.scope",
    "wire.limits",
    "wire.opened",
    "wire.pace",
    "wire.parts",
}


@dataclass(frozen=True, slots=True)
class Call:
    """Arguments of a call: the number of positions, and names. `all`: by `*` or `**`."""

    positions: int
    names: frozenset[str]
    all: bool

    def passes(self, name: str, position: int) -> bool:
        return self.all or name in self.names or self.positions > position >= 0


@dataclass(frozen=True, slots=True)
class Parameter:
    """Defaulted parameter. `called`: the names that its function is called by. `position`: -1 for
    one that is passed by name only."""

    owner: str
    name: str
    position: int
    called: frozenset[str]

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}"


def name_of(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value) | ast.Call(func=value):
            return name_of(value)
    return ""


@dataclass(slots=True)
class Uses:
    """Calls in some files by the called name, and names that are used without a call."""

    calls: defaultdict[str, list[Call]]
    values: set[str]

    @classmethod
    def of(cls, files: Iterable[Path]) -> Uses:
        uses = cls(defaultdict(list), set())
        for file in files:
            called, owners = set[ast.AST](), dict[ast.AST, ast.AST]()
            for node in ast.walk(tree_of(file)):  # a call comes before its parts
                if isinstance(node, ast.ClassDef):
                    owners |= dict.fromkeys(ast.walk(node), ast.Name(node.name))
                elif isinstance(node, ast.Call):
                    called.add(node.func)
                    is_own = name_of(node.func) == "cls" and node in owners
                    uses._add(owners[node] if is_own else node.func, node.args, node)
                    if name_of(node.func) in PASSING_ON and node.args:
                        called.add(node.args[0])
                        uses._add(node.args[0], node.args[1:], node)
                elif isinstance(node, ast.Name | ast.Attribute) and node not in called:
                    uses.values.add(name_of(node))
        return uses

    def _add(self, func: ast.AST, positions: list[ast.expr], call: ast.Call) -> None:
        starred = any(isinstance(one, ast.Starred) for one in positions)
        names = frozenset(one.arg for one in call.keywords if one.arg)
        is_all = starred or any(one.arg is None for one in call.keywords)
        self.calls[name_of(func)].append(Call(len(positions), names, is_all))


def is_of_plugin(name: str) -> bool:
    return name.startswith(tuple(one.replace("/", ".") for one in OWNERS))


def calling(*, of_plugins: bool) -> list[Path]:
    """Return the app's own modules, or also plugins'. Without the folder of a plugin, the former
    are the same."""
    return [file for name, file in modules().items() if of_plugins or not is_of_plugin(name)]


@cache
def in_program(*, of_plugins: bool) -> Uses:
    return Uses.of(calling(of_plugins=of_plugins))


def bases_in(files: Iterable[Path]) -> dict[str, set[str]]:
    """Return the names of the base classes of each class in these files."""
    return {
        node.name: {name_of(base) for base in node.bases}
        for file in files
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.ClassDef)
    }


def defaulted(*, of_plugins: bool) -> Iterator[Parameter]:
    """Yield the defaulted parameters of all functions of the app, or of plugins, that are called by
    name only."""
    uses = in_program(of_plugins=of_plugins)
    bases = bases_in(calling(of_plugins=of_plugins))
    others = ("comfyforms.hooks", *apart())  # for other programs' calls
    for module, file in modules().items():
        if module.startswith(others) or is_of_plugin(module) != of_plugins:
            continue
        for node in ast.walk(tree_of(file)):
            match node:
                case ast.ClassDef(name=name, body=body) if bases[name] <= bases.keys() - {name}:
                    heirs = {one for one, of in bases.items() if name in of}
                    called = {name, *heirs, *(["__init__"] if heirs else [])}
                    for one in body:
                        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
                            yield from of_function(name, one, 1, called, uses)
                        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                            own_self = 0 if "staticmethod" in decorators(one) else 1
                            yield from of_function(one.name, one, own_self, {one.name}, uses)
                case ast.Module(body=body):
                    for one in body:
                        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                            yield from of_function(one.name, one, 0, {one.name}, uses)


def decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {name_of(one) for one in function.decorator_list}


def of_function(
    owner: str,
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    first: int,
    called: set[str],
    uses: Uses,
) -> Iterator[Parameter]:
    if decorators(function) - PLAIN:
        return
    if function.name != "__init__" and (
        function.name.startswith("__") or function.name in uses.values
    ):
        return  # others call it, too
    given = function.args
    positions = [*given.posonlyargs, *given.args]
    for at in range(len(positions) - len(given.defaults), len(positions)):
        yield Parameter(owner, positions[at].arg, at - first, frozenset(called))
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if default is not None:
            yield Parameter(owner, one.arg, -1, frozenset(called))


def calls_of(parameter: Parameter, uses: Uses) -> list[Call]:
    return [call for name in parameter.called for call in uses.calls[name]]


def is_always_passed(parameter: Parameter, uses: Uses) -> bool:
    return all(
        one.passes(parameter.name, parameter.position) and not one.all
        for one in calls_of(parameter, uses)
    )


@cache
def never_passed(*, of_plugins: bool) -> set[str]:
    uses = in_program(of_plugins=of_plugins)
    return {
        str(one)
        for one in defaulted(of_plugins=of_plugins)
        if not any(call.passes(one.name, one.position) for call in calls_of(one, uses))
    }


@cache
def unused_defaults(*, of_plugins: bool) -> set[str]:
    uses = in_program(of_plugins=of_plugins)
    always = [one for one in defaulted(of_plugins=of_plugins) if is_always_passed(one, uses)]
    named = re.compile(rf"\b({'|'.join(name for one in always for name in one.called)})\b")
    files = [
        file
        for file in (files_of_tests if of_plugins else files_in)("tests", "tools")
        if named.search(file.read_text(encoding="utf-8"))
    ]
    in_tests, inherited = Uses.of(files), set().union(*bases_in(files).values())
    return {
        str(one) for one in always if one.owner not in inherited and is_always_passed(one, in_tests)
    }


def test_each_parameter_is_passed_by_a_call_of_the_program() -> None:
    """A parameter that no call passes, or only a test, goes."""
    found = never_passed(of_plugins=False) - FOR_PLUGINS
    assert found | never_passed(of_plugins=True) == FOR_TESTS


def test_each_default_is_for_a_call_that_leaves_it_out() -> None:
    """A default that is never used hides what a caller must decide."""
    found = unused_defaults(of_plugins=False) - FOR_PLUGINS
    assert found | unused_defaults(of_plugins=True) == set()


def test_a_parameter_for_plugins_is_for_no_other_call() -> None:
    """The app's calls need no parameter, or no default, that is listed as for plugins."""
    assert never_passed(of_plugins=False) | unused_defaults(of_plugins=False) >= FOR_PLUGINS
