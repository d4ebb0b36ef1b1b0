"""Which thread may write what: held by looking at every assignment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMFY, ROUTES = ROOT / "comfy", ROOT / "ui" / "routes"

# The classes whose methods are called by more than one thread, and the locks that each has.
SHARED = {
    ("runs/shared.py", "ThreadState"): {"_lock"},
    ("callbacks.py", "Callbacks"): {"_lock"},
    ("runs/run_events.py", "RunEvents"): {"_lock"},
    ("runs/latest_state.py", "LatestState"): {"_changed"},
    ("runs/fair_queue.py", "FairQueue"): {"_lock"},
    ("runs/durations.py", "Durations"): {"_lock"},
    ("runs/registry.py", "LocalRunRegistry"): {"_lock"},
    ("runs/run.py", "LocalRun"): {"_lock"},
    ("runs/execution.py", "Execution"): set(),
    ("runs/attempt.py", "Attempt"): set(),
    ("servers/server.py", "EndedPrompts"): {"_lock"},
    ("servers/server.py", "ComfyServer"): {"_lock"},
    ("runs/download.py", "ResultDownloader"): {"_lock"},
    ("servers/needs.py", "Needs"): set(),
    ("servers/pool.py", "ServerPool"): set(),
    ("client/client.py", "Client"): {"_lock"},
    ("client/sessions.py", "IdleSessions"): {"_lock"},
    ("protocol/parse.py", "WarnOnce"): {"_lock"},
    ("records/blobs.py", "BlobStore"): {"_lock"},
    ("services/catalogue.py", "CatalogueCache"): {"_asking", "_lock"},
    ("services/group_queue.py", "GroupQueue"): {"_lock"},
    ("services/open_batch.py", "OpenBatch"): {"lock"},
}
# Fields that are written without a lock, each with the only thread that writes it and why others may
# read it.
ONE_WRITER = {
    ("Attempt", "_stream"): "the run's own thread; nobody else looks at it",
    ("Attempt", "_told"): "the run's own thread; nobody else looks at it",
    (
        "Execution",
        "_attempt",
    ): "the run's own thread; whoever stops the run says so first, and each attempt looks for that",
    ("Execution", "_moves"): "the run's own thread; nobody else looks at it",
    ("Execution", "_may_retry"): "the run's own thread; nobody else looks at it",
    ("LocalRun", "_server"): "the run's own thread; nobody else looks at it",
    ("Needs", "_judged"): "any; two that judge at once come to the same",
    ("LocalRun", "_record"): "the run's own thread; a frozen value that is replaced as a whole",
    (
        "LocalRun",
        "_leaving",
    ): "whoever ends the program, to True once; read after the run was stopped",
    ("ResultDownloader", "problem"): "the run's own thread; nobody else looks at it",
    ("LocalRun", "recorded"): "the run's own thread, to False once; read after its end",
}
# Methods that are called with this lock held; their callers are looked at as well.
CALLED_WITH_LOCK = {
    ("RunEvents", "_take"): "_lock",
    ("FairQueue", "_take_out"): "_lock",
    ("FairQueue", "_remove"): "_lock",
    ("FairQueue", "_order"): "_lock",
    ("FairQueue", "_hand_over"): "_lock",
    ("FairQueue", "_line_up"): "_lock",
    ("FairQueue", "_arrive"): "_lock",
    ("LocalRunRegistry", "_check_limits"): "_entrance",
    ("IdleSessions", "_wait_locked"): "_lock",
    ("OpenBatch", "_end"): "lock",
    ("OpenBatch", "_note"): "lock",
}
CHANGES = {"add", "append", "clear", "discard", "extend", "insert", "pop", "popleft", "remove"} | {
    "setdefault",
    "update",
    "move_to_end",
    "popitem",
}
# Fields whose class has a lock of its own: `update` and the like are methods of it.
OWN_LOCK = {
    "_latest": "LatestState",
    "_durations": "Durations",
    "_callbacks": "Callbacks",
    "_listeners": "Callbacks",
    "_kept": "BlobStore",
    "_when_unreachable": "Callbacks",
    "_wake": "Event",
    "_recheck": "Event",
}
# Fields whose class has none: each call of them holds this lock of their owner.
GUARDED = {("LocalRunRegistry", "_limiter"): "_entrance"}
# The locks that the event loop takes, each with what is called under it that is no method of a
# list, dict and the like: all of it works in memory.
LOCKS_OF_THE_LOOP: dict[tuple[str, str], set[str]] = {
    ("LocalRunRegistry", "_lock"): {"self._check_open", "time.monotonic"},
    ("LocalRun", "_lock"): {"time.monotonic"},
    ("FairQueue", "_lock"): {
        "Counter",
        "_Waiting",
        "_to_the_end",
        "_to_the_front",
        "self._arrive",
        "self._hand_over",
        "self._line_up",
        "self._order",
        "self._remove",
        "self._take_out",
        "people.setdefault(waiting.owner, deque()).appendleft",
        "waiting.candidates",  # compares a prompt with catalogues that are known
    },
    ("Durations", "_lock"): {"statistics.fmean", "RunTotals"},
    ("LatestState", "_changed"): {
        "change",
        "partial",
        "stamped",
        "self._changed.wait_for",
        "TimeoutError",
    },
    ("ThreadState", "_lock"): {"change"},
    ("Callbacks", "_lock"): set(),
}
IN_MEMORY = (
    CHANGES
    | {"deque", "dict", "enumerate", "get", "iter", "items", "len", "list"}
    | {
        "map",
        "max",
        "min",
        "next",
        "notify_all",
        "sum",
        "tuple",
        "values",
    }
)
IN_A_WORKER = "runs.record"


def class_in(file: str, name: str) -> ast.ClassDef:
    tree = ast.parse((COMFY / file).read_text())
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def own_field(node: ast.AST) -> str | None:
    """`x` of `self.x`, also in `self.x[…]`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == "self" else None
    return None


def written(node: ast.AST) -> Iterator[str]:
    """The fields of `self` that a statement or an expression changes by itself."""
    match node:
        case ast.Assign(targets=targets):
            parts = [part for one in targets for part in getattr(one, "elts", [one])]
            yield from filter(None, map(own_field, parts))
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            yield from filter(None, [own_field(target)])
        case ast.Delete(targets=targets):
            yield from filter(None, map(own_field, targets))
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in CHANGES:
            yield from filter(None, [own_field(value)])


def locks_of(node: ast.With) -> set[str]:
    return {field for item in node.items if (field := own_field(item.context_expr))}


def writes(
    node: ast.AST, held: frozenset[str] = frozenset()
) -> Iterator[tuple[str, int, frozenset[str]]]:
    """Every change of a field below a node: the field, its line, and the locks that are held."""
    if isinstance(node, ast.With):
        held |= locks_of(node)
    for field in written(node):
        yield field, node.lineno, held  # type: ignore[attr-defined]
    for child in ast.iter_child_nodes(node):
        yield from writes(child, held)


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


def held_in(name: str, method: ast.FunctionDef) -> frozenset[str]:
    """The lock that a method of this class is called with."""
    lock = CALLED_WITH_LOCK.get((name, method.name))
    return frozenset([lock] if lock else [])


def assert_held(name: str, callee: str, lock: str) -> None:
    """A class calls this method, or methods of this field, and each time holds the lock."""
    (file,) = {file for file, one in SHARED if one == name}
    found = [
        (line, lock in held)
        for method in class_in(file, name).body
        if isinstance(method, ast.FunctionDef)
        for called, line, held in calls(method, held_in(name, method))
        if f"{called}.".startswith(f"{callee}.")
    ]
    assert found
    assert not [f"{file}:{line}" for line, held in found if not held]


@pytest.mark.parametrize(("file", "name"), SHARED, ids=[name for _, name in SHARED])
def test_what_several_threads_use_is_written_under_a_lock(file: str, name: str) -> None:
    """Or by one thread alone, for a reason that is stated."""
    locks = SHARED[file, name]
    bare = [
        f"{file}:{line} {field}"
        for method in class_in(file, name).body
        if isinstance(method, ast.FunctionDef) and method.name != "__init__"
        for field, line, held in writes(method, held_in(name, method))
        if not held & locks and (name, field) not in ONE_WRITER and field not in OWN_LOCK
    ]
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


def test_a_run_is_told_of_with_no_lock_that_others_need() -> None:
    """Nobody is called while the values that any thread may read and write are locked: not one call
    of anything but the transition itself."""
    for method in class_in("runs/shared.py", "ThreadState").body:
        for inner in ast.walk(method):
            if isinstance(inner, ast.With):
                called = {
                    ast.unparse(node.func) for node in ast.walk(inner) if isinstance(node, ast.Call)
                }
                assert called <= {"change"}


def calls_under(name: str, lock: str) -> set[str]:
    """What a class calls while it holds one of its locks, as written."""
    (file,) = {file for file, one in SHARED if one == name}
    methods = [one for one in class_in(file, name).body if isinstance(one, ast.FunctionDef)]
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
        for one in class_in("runs/registry.py", "LocalRunRegistry").body
        if isinstance(one, ast.FunctionDef)
    }
    used = asked & methods.keys() | {"known", "owned"}  # by `line_of`
    waits = ("self._entrance", "self._recording", "self.history", "self.record(")
    assert asked >= {"get", "line_of", "subscribe", "waiting", "seconds_a_turn", "closed"}
    assert not [name for name in used for wait in waits if wait in methods[name]]
