"""Which thread may write what: held by looking at every assignment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs.parsed_classes import (
    CHANGES,
    COMFY,
    calls,
    class_in,
    kept_names,
    locks_of,
    own_field,
    targets,
    written,
)

ROUTES = Path(__file__).parents[2] / "ui" / "routes"

# The classes whose methods are called by more than one thread, and the locks that each has.
SHARED = {
    ("runs/shared.py", "ThreadState"): {"_lock"},
    ("callbacks.py", "Callbacks"): {"_lock"},
    ("runs/run_events.py", "RunEvents"): {"_lock"},
    ("runs/run_events.py", "FrameRelay"): set(),
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
    ("client/event_stream.py", "EventStream"): {"_lock"},
    ("protocol/parse.py", "WarnOnce"): {"_lock"},
    ("records/blobs.py", "BlobStore"): {"_lock"},
    ("records/store.py", "RunStore"): {"_writing"},
    ("services/catalogue.py", "CatalogueCache"): {"_asking", "_lock"},
    ("services/group_queue.py", "GroupQueue"): {"_lock"},
    ("services/batch_queue.py", "BatchQueue"): {"_lock"},
    ("services/chain_queue.py", "ChainQueue"): {"_lock"},
    ("services/group_queue.py", "OpenGroup"): {"lock"},
    ("services/open_batch.py", "OpenBatch"): {"lock"},
    ("services/open_chain.py", "OpenChain"): {"lock"},
    ("services/once.py", "LiveTasks"): set(),
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
    (
        "LatestState",
        "_callbacks",
    ): "the run's own thread, once it is finished: no state comes after",
    (
        "FrameRelay",
        "_has_verdict",
    ): "the reading thread, under the lock of its events; the run's own once that has ended",
    (
        "FrameRelay",
        "_is_over",
    ): "the reading thread, under the lock of its events; the run's own once that has ended",
    (
        "RunStore",
        "_unerased",
    ): "any; to True once something is deleted, to False before that is erased",
    ("RunStore", "_misread"): "any, to True; two at once say the same twice",
    ("LiveTasks", "_live"): "whoever began them; others look at a copy that is made in one step",
}
# Where a field of one of them is written by somebody else, and why that may be.
FROM_OUTSIDE = {
    ("client/client.py", "forked._sessions"): "nobody else has the copy yet",
    ("client/client.py", "forked._when_unreachable"): "nobody else has the copy yet",
    ("runs/cancellation.py", "self._client.timeout"): "the copy is this one's",
    ("services/group_queue.py", "one.thread"): "under its lock",
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
    ("RunStore", "_forget"): "_writing",
    ("OpenChain", "_end"): "lock",
    ("OpenChain", "_fail"): "lock",
    ("OpenChain", "_set"): "lock",
}
# Fields whose class has a lock of its own: `update` and the like are methods of it. To put another
# one in its place is a write as any.
OWN_LOCK = {
    "_latest": "LatestState",
    "_durations": "Durations",
    "_callbacks": "Callbacks",
    "_listeners": "Callbacks",
    "_kept": "BlobStore",
    "files": "BlobStore",
    "_when_unreachable": "Callbacks",
    "_wake": "Event",
    "_recheck": "Event",
    "_changed": "Event",
    "_some_ended": "Event",
}
# Fields whose class has none: each call of them holds this lock of their owner.
GUARDED = {("LocalRunRegistry", "_limiter"): "_entrance", ("RunEvents", "_relay"): "_lock"}
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
    ("GroupQueue", "_lock"): {"self._check_room_locked"},
    ("BatchQueue", "_lock"): {"self._check_room_locked"},
    ("ChainQueue", "_lock"): {"self._check_room_locked"},
    ("OpenGroup", "lock"): set(),
    ("OpenBatch", "lock"): {
        *("BatchSummary", "Group", "_varied", "message_from_json", "message_to_json", "sentences"),
        *("live.keys", "records.keys", "set", "str", "time.time", "self._end", "self._note"),
        *("self._rows.copy", "self._rows.count", "self._rows.places", "self._rows.set"),
        *("self._rows.tell", "self._rows.to_json", "self._rows.tried"),
    },
    ("OpenChain", "lock"): {
        *("ChainStanding", "Group", "StepStanding", "_STEPS.dump_python", "_made", "_told", "_why"),
        *("message_to_json", "sentences", "replace", "time.time"),
        *("all", "dict.fromkeys", "frozenset", "isinstance", "str"),
        *("self._end", "self._fail", "self._set", "self.begin", "self.known"),
        "self.stop",  # cancels runs: at once
    },
}
IN_MEMORY = CHANGES | {
    *("bool", "deque", "dict", "enumerate", "get", "iter", "items", "len", "list", "map", "max"),
    *("min", "next", "notify_all", "sum", "tuple", "values"),
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
        if not held & locks and (name, field) not in ONE_WRITER
    ]
    assert bare == []


def test_what_several_threads_use_is_written_by_itself() -> None:
    """By its own methods, which are looked at, but for what is named with a reason. What begins
    with an underscore nobody writes but its own file."""
    fields = {
        (field, file if field.startswith("_") else "")
        for file, name in SHARED
        for method in class_in(file, name).body
        if isinstance(method, ast.FunctionDef)
        for field, _, _ in writes(method)
    }
    found = {
        (file, ast.unparse(target))
        for path in COMFY.rglob("*.py")
        for file in [path.relative_to(COMFY).as_posix()]
        for node in ast.walk(ast.parse(path.read_text()))
        for target in targets(node)
        if isinstance(target, ast.Attribute) and own_field(target) is None
        if {(target.attr, ""), (target.attr, file)} & fields
    }
    assert found == FROM_OUTSIDE.keys()


def test_what_functions_keep_is_written_under_a_lock() -> None:
    """Where one is handed out that changes a name of the function around it, for any thread to
    call."""
    functions = [
        (path, function)
        for path in COMFY.rglob("*.py")
        if "demo" not in path.parts
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        if any(isinstance(statement, ast.Nonlocal) for statement in function.body)
    ]
    bare = [
        f"{path.relative_to(COMFY)}:{function.lineno}"
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


def test_nobody_is_let_in_later_because_a_run_is_waited_for() -> None:
    """At the entrance to the registry, which all share, nothing waits for the thread of a run."""
    methods = class_in("runs/registry.py", "LocalRunRegistry").body
    waits = {
        one.name
        for one in methods
        if isinstance(one, ast.FunctionDef) and "join(" in ast.unparse(one)
    }
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
        for one in class_in("runs/registry.py", "LocalRunRegistry").body
        if isinstance(one, ast.FunctionDef)
    }
    used = asked & methods.keys() | {"known", "owned"}  # by `line_of`
    waits = ("self._entrance", "self._recording", "self.history", "self.record(")
    assert asked >= {"get", "line_of", "subscribe", "waiting", "seconds_a_turn", "closed"}
    assert not [name for name in used for wait in waits if wait in methods[name]]
