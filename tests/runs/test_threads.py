"""Which thread may write what: held by looking at every assignment."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.runs.parsed_classes import (
    CHANGES,
    ROOT,
    Function,
    calls,
    class_in,
    kept_names,
    locks_made,
    locks_of,
    methods_in,
    own_field,
    targets,
    written,
)
from tests.runs.shared_classes import (
    CALLED_WITH_LOCK,
    FROM_OUTSIDE,
    GUARDED,
    LOCKS_OF_THE_LOOP,
    ONE_WRITER,
    OWN_LOCK,
    SHARED,
)

ROUTES = ROOT / "ui" / "routes"
SOURCES = [path for part in ("comfy", "comfyforms", "ui") for path in (ROOT / part).rglob("*.py")]

IN_MEMORY = CHANGES | {
    *("bool", "deque", "dict", "enumerate", "get", "index", "iter", "items", "len", "list", "map"),
    *("max", "min", "next", "notify_all", "sorted", "sum", "tuple", "values"),
}
IN_A_WORKER = "runs.record"


def writes(
    node: ast.AST, held: frozenset[str] = frozenset()
) -> Iterator[tuple[str, int, frozenset[str]]]:
    """Every change of a field below a node, but for those that look after themselves: the field,
    its line, and the locks that are held."""
    if isinstance(node, ast.With):
        held |= locks_of(node)
    for field in written(node):
        if not (isinstance(node, ast.Call) and field in OWN_LOCK):
            yield field, node.lineno, held  # type: ignore[attr-defined]
    for child in ast.iter_child_nodes(node):
        yield from writes(child, held)


def held_in(name: str, method: Function) -> frozenset[str]:
    """The lock that a method of this class is called with."""
    lock = CALLED_WITH_LOCK.get((name, method.name))
    return frozenset([lock] if lock else [])


def assert_held(name: str, callee: str, lock: str) -> None:
    """A class calls this method, or methods of this field, and each time holds the lock."""
    (file,) = {file for file, one in SHARED if one == name}
    found = [
        (line, lock in held)
        for method in methods_in(file, name)
        for called, line, held in calls(method, held_in(name, method))
        if f"{called}.".startswith(f"{callee}.")
    ]
    assert found
    assert not [f"{file}:{line}" for line, held in found if not held]


def test_every_class_that_makes_a_lock_is_looked_at() -> None:
    """The table names it; but for the stand-in, which imports nothing of ours."""
    found = {
        (path.relative_to(ROOT).as_posix(), node.name)
        for path in SOURCES
        if "demo" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and locks_made(node)
    }
    assert found
    assert sorted(found - SHARED.keys()) == []


@pytest.mark.parametrize(("file", "name"), SHARED, ids=[name for _, name in SHARED])
def test_what_several_threads_use_is_written_under_a_lock(file: str, name: str) -> None:
    """Or by one thread alone, for a reason that is stated."""
    locks = SHARED[file, name]
    bare = [
        f"{file}:{line} {field}"
        for method in methods_in(file, name)
        if method.name != "__init__"
        for field, line, held in writes(method, held_in(name, method))
        if not held & locks and (name, field) not in ONE_WRITER
    ]
    assert bare == []


def test_what_several_threads_use_is_written_by_itself() -> None:
    """By its own methods, which are looked at, but for what is named with a reason. What begins
    with an underscore nobody writes but its own file."""
    fields = {
        (field, file if field.startswith("_") else "")
        for file, name in SHARED
        for method in methods_in(file, name)
        for field, _, _ in writes(method)
    }
    found = {
        (file, ast.unparse(target))
        for path in SOURCES
        for file in [path.relative_to(ROOT).as_posix()]
        for node in ast.walk(ast.parse(path.read_text()))
        for target in targets(node)
        if isinstance(target, ast.Attribute) and own_field(target) is None
        if {(target.attr, ""), (target.attr, file)} & fields
    }
    assert found == FROM_OUTSIDE.keys()


def test_what_functions_keep_is_written_under_a_lock() -> None:
    """Where one is handed out that changes a name of the function around it, for any thread to
    call; coroutines are the event loop's alone."""
    functions = [
        (path, function)
        for path in SOURCES
        if "demo" not in path.parts
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        if any(isinstance(statement, ast.Nonlocal) for statement in function.body)
    ]
    bare = [
        f"{path.relative_to(ROOT)}:{function.lineno}"
        for path, function in functions
        for statement in function.body
        if not isinstance(statement, ast.With)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        if node.id in kept_names(function)
    ]
    assert functions
    assert bare == []


@pytest.mark.parametrize(("name", "method"), sorted(CALLED_WITH_LOCK))
def test_what_expects_the_lock_is_called_with_it(name: str, method: str) -> None:
    """By each of its callers."""
    assert_held(name, f"self.{method}", CALLED_WITH_LOCK[name, method])


@pytest.mark.parametrize(("name", "field"), sorted(GUARDED))
def test_what_has_no_lock_is_called_under_its_owners(name: str, field: str) -> None:
    """Each method of it, in each method of the owner."""
    assert_held(name, f"self.{field}", GUARDED[name, field])


def test_what_looks_after_itself_is_looked_at_too() -> None:
    """Only an event has its lock from the library."""
    assert set(OWN_LOCK.values()) <= {name for _, name in SHARED} | {"Event"}


def test_the_tables_name_what_there_is() -> None:
    """A field that is gone has no reason any more."""
    fields = {
        (name, field) for file, name in SHARED for field, _, _ in writes(class_in(file, name))
    }
    assert fields >= ONE_WRITER.keys()


def locks_in(name: str) -> set[str]:
    """The locks that a class makes, or one that it comes from."""
    (file,) = {file for file, one in SHARED if one == name}
    node = class_in(file, name)
    bases = {ast.unparse(base).partition("[")[0] for base in node.bases}
    return locks_made(node).union(*(locks_in(base) for _, base in SHARED if base in bases))


def test_each_lock_that_the_tables_name_is_there() -> None:
    """None is believed that is gone, or was never made."""
    named = {(name, lock) for (_, name), locks in SHARED.items() for lock in locks}
    named |= LOCKS_OF_THE_LOOP.keys()
    for table in (CALLED_WITH_LOCK, GUARDED):
        named |= {(name, lock) for (name, _), lock in table.items()}
    assert not [(name, lock) for name, lock in sorted(named) if lock not in locks_in(name)]


def test_a_run_is_told_of_with_no_lock_that_others_need() -> None:
    """Nobody is called while the values that any thread may read and write are locked: not one call
    of anything but the transition itself."""
    for method in class_in("comfy/runs/shared.py", "ThreadState").body:
        for inner in ast.walk(method):
            if isinstance(inner, ast.With):
                called = {
                    ast.unparse(node.func) for node in ast.walk(inner) if isinstance(node, ast.Call)
                }
                assert called <= {"change"}


def calls_under(name: str, lock: str) -> set[str]:
    """What a class calls while it holds one of its locks, as written."""
    (file,) = {file for file, one in SHARED if one == name}
    methods = methods_in(file, name)
    guarded: list[ast.AST] = [one for one in methods if lock in held_in(name, one)]
    guarded += [
        inner
        for method in methods
        for inner in ast.walk(method)
        if isinstance(inner, ast.With) and lock in locks_of(inner)
    ]
    return {
        ast.unparse(call.func)
        for block in guarded
        for statement in getattr(block, "body", [])
        for call in ast.walk(statement)
        if isinstance(call, ast.Call)
    }


@pytest.mark.parametrize(("name", "lock"), LOCKS_OF_THE_LOOP)
def test_the_event_loop_waits_for_no_disk_or_server_at_a_lock(name: str, lock: str) -> None:
    """Under each lock that it takes nothing is called but what works in memory."""
    called = {one for one in calls_under(name, lock) if one.rpartition(".")[2] not in IN_MEMORY}
    assert called == LOCKS_OF_THE_LOOP[name, lock]


def test_nobody_is_let_in_later_because_a_run_is_waited_for() -> None:
    """At the entrance to the registry, which all share, nothing waits for the thread of a run."""
    methods = methods_in("comfy/runs/registry.py", "LocalRunRegistry")
    waits = {one.name for one in methods if "join(" in ast.unparse(one)}
    found = [
        ast.unparse(call)
        for method in methods
        for block in ast.walk(method)
        if isinstance(block, ast.With) and "_entrance" in locks_of(block)
        for call in ast.walk(block)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).rpartition(".")[2] in waits | {"join"}
    ]
    assert waits == {"_check_free", "close"}
    assert found == ["self._check_free(run_id)"]  # which is without patience


def test_what_sockets_ask_the_registry_on_the_event_loop_takes_those_locks_only() -> None:
    """What waits for the database or for another run's start is asked in a worker."""
    asked = {
        node.attr
        for file in ("page_socket.py", "run_socket.py")
        for node in ast.walk(ast.parse((ROUTES / file).read_text()))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in ("runs", "self.runs")
        and ast.unparse(node) != IN_A_WORKER
    }
    methods = {
        one.name: ast.unparse(one)
        for one in methods_in("comfy/runs/registry.py", "LocalRunRegistry")
    }
    used = asked & methods.keys() | {"known", "owned"}  # by `line_of`
    waits = ("self._entrance", "self._recording", "self.history", "self.record(")
    assert asked >= {"get", "line_of", "subscribe", "waiting", "due_in", "closed"}
    assert not [name for name in used for wait in waits if wait in methods[name]]
