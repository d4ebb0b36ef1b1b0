"""Records of batches and chains, of started requests, and of webhooks."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select, text

from comfy.base.errors import ComfyError, RunGoesOn
from comfy.comfyui.protocol.run_state import Phase
from comfy.records import groups as groups_module
from comfy.records import started_requests
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.groups import Group, GroupTooLarge
from comfy.records.started_requests import OtherRequest, StartingRequest
from comfy.records.store import RunStore
from comfy.records.tables import started_requests as keys_table
from comfy.records.webhooks import new_webhooks
from tests.support.samples.histories import ANN, BOB, begun, ended_record, kept_image

USER_ANN, USER_BOB = "user:ann", "user:bob"
ODD = {"title": "nul \0, half \ud800, “cat”"}


def group(number: int = 1, owner: str = USER_ANN, **values: object) -> Group:
    made = Group(f"group {number}", owner, "batch", 1000.0 + number, "running", ODD, {"n": number})
    return replace(made, **values)  # type: ignore[arg-type]


def test_groups_are_kept_for_their_owner(database: str, tmp_path: Path) -> None:
    """After a restart, the groups are exactly as they were, newest first, with their progress.
    Other users' groups and deleted groups are absent."""
    content = {"base": {"2.text": "half \udfff"}}
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        with contextlib.closing(RunStore(database, kept)) as history:
            for number, owner in ((1, USER_ANN), (2, USER_ANN), (3, USER_BOB)):
                history.groups.put(group(number, owner), content, ())
            done = group(2, state="done", ended_at=3000.5, progress={"n": 7})
            history.groups.save(done)
        kept.close()
        kept = BlobStore(tmp_path / "kept")
        with contextlib.closing(RunStore(database, kept)) as history:
            groups = history.groups
            assert groups.of(USER_ANN, "batch") == (done, group(1))
            assert groups.of(USER_ANN, "chain") == ()
            assert groups.unfinished("batch") == (group(3, USER_BOB), group(1))
            assert groups.get("group 1", USER_ANN) == group(1)
            assert groups.content("group 1", USER_ANN) == content
            assert groups.get("group 1", USER_BOB) is groups.content("group 1", USER_BOB) is None
            assert not groups.delete("group 1", USER_BOB)
            assert groups.delete("group 1", USER_ANN)
            assert not groups.delete("group 1", USER_ANN)
            history.groups.save(group(1))
            assert groups.of(USER_ANN, "batch") == (done,)
        kept.close()


def test_a_damaged_group_is_left_out(history: RunStore, database: str) -> None:
    """The app still lists the other groups. A group with damaged content is listed without
    content."""
    for number in range(4):
        history.groups.put(group(number), {"a": 1}, ())
    engine = create_engine(database)
    changes = {"about": ("0", "{"), "content": ("1", "["), "progress": ("2", "x")}
    with engine.begin() as connection:
        for column, (number, told) in changes.items():
            statement = f"UPDATE groups SET {column} = :told WHERE id = :which"
            connection.execute(text(statement), {"told": told, "which": f"group {number}"})
    engine.dispose()
    assert [one.id for one in history.groups.of(USER_ANN, "batch")] == [
        "group 3",
        "group 2",
        "group 1",
    ]
    assert history.groups.content("group 1", USER_ANN) is None
    assert history.groups.get("group 2", USER_ANN) == group(2, progress={})


def test_a_group_in_an_unknown_state_counts_as_stopped(history: RunStore) -> None:
    """Its owner sees that it doesn't continue, and can delete it. The app doesn't resume it at the
    next start."""
    history.groups.put(group(state="resting"), {}, ())
    history.groups.put(group(2), {}, ())
    stopped = group(state="stopped", ended_at=1001.0)
    assert history.groups.of(USER_ANN, "batch") == (group(2), stopped)
    assert history.groups.unfinished("batch") == (group(2),)
    assert history.groups.delete("group 1", USER_ANN)


def test_files_of_groups_stay_as_long_as_something_has_them(
    history: RunStore, kept: BlobStore
) -> None:
    """The files also survive a sweep of unused files. They count toward the history's files. They
    are deleted with the group unless a run has the same bytes."""
    photo, mask = (kept.add([data])[0] for data in (b"photo", b"mask"))
    history.groups.put(group(), {}, {photo, mask})
    history.remove_unreferenced([photo, mask])
    history.sweep()
    sizes = {one.digest: one.size for one in history.groups.uses()}
    assert (sizes[photo], sizes[mask]) == (5, 4)
    assert kept.path(photo)
    history.end(ended_record(begun("run", USER_ANN), files=(kept_image(kept, b"photo"),)))
    assert history.groups.delete("group 1", USER_ANN)
    assert kept.path(photo)
    assert not kept.path(mask)


def test_a_refused_put_keeps_the_previous_content(history: RunStore, kept: BlobStore) -> None:
    """A refused put also keeps the group's files. A successful put removes files that nothing uses
    anymore."""
    photo, mask, other = (kept.add([data])[0] for data in (b"photo", b"mask", b"other"))
    history.groups.put(group(), {"a": 1}, {photo, mask})
    with pytest.raises(GroupTooLarge):
        history.groups.put(group(state="done"), {"a": "x" * 4_000_000}, {other})
    assert history.groups.get("group 1", USER_ANN) == group()
    assert history.groups.content("group 1", USER_ANN) == {"a": 1}
    assert kept.path(photo)
    history.groups.put(group(state="done"), {"a": 2}, {mask, other})
    assert history.groups.content("group 1", USER_ANN) == {"a": 2}
    assert not kept.path(photo)
    assert kept.path(mask)
    assert kept.path(other)


def test_group_sizes_and_counts_are_limited(database: str, tmp_path: Path) -> None:
    """The app refuses content or files that are too large, and keeps nothing. If a user has too
    many groups, the oldest finished one is removed."""
    limits = HistoryLimits(bytes=4_000_000)
    with (
        contextlib.closing(BlobStore(tmp_path / "kept")) as kept,
        contextlib.closing(RunStore(database, kept, limits)) as history,
    ):
        groups = history.groups
        with pytest.raises(GroupTooLarge):
            groups.put(group(), {"x": "x" * 4_000_000}, ())
        large = [kept.add([letter * 150_000])[0] for letter in (b"a", b"b")]
        groups.put(group(1), {}, large[:1])
        with pytest.raises(ComfyError, match="MB in total"):
            groups.put(group(2), {}, large[1:])
        for number in range(3, 56):
            groups.put(group(number, ended_at=2000.0 + number), {}, ())
        left = [one.id for one in groups.of(USER_ANN, "batch")]
        assert len(left) == 50
        assert left[-2:] == ["group 7", "group 1"]
        groups.forget_ended(2054.5)
        assert [one.id for one in groups.of(USER_ANN, "batch")] == ["group 55", "group 1"]


def test_one_address_does_not_displace_the_batches_of_others(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many owners at one address count together when all batches are too many."""
    monkeypatch.setattr(groups_module, "_MOST_IN_ALL", 8)
    for number in range(5):
        history.groups.put(group(number, ended_at=2000.0 + number), {}, ())
    at = {"about": {"address": "192.0.2.1"}}
    for number in range(10, 30):
        visitor = group(number, f"browser:{number}", ended_at=3000.0 + number, **at)
        history.groups.put(visitor, {}, ())
    assert len(history.groups.of(USER_ANN, "batch")) == 4
    assert history.groups.of("browser:29", "batch")


ODD_TEXT = "nul \0, half \ud800, “cat”"


def new_request(history: RunStore, key: str, content: str, owner: str = ANN) -> StartingRequest:
    """Begin a request whose key must be new."""
    starting = history.requests.begin(owner, key, content)
    assert isinstance(starting, StartingRequest)
    return starting


def test_a_repeated_request_gets_its_runs(history: RunStore) -> None:
    """A request has its runs once it has started them. Until then, the same request must wait. A
    different request with its key is refused. Another owner's key is separate."""
    requests = history.requests
    starting = new_request(history, ODD_TEXT, ODD_TEXT)
    with pytest.raises(RunGoesOn):
        requests.begin(ANN, ODD_TEXT, ODD_TEXT)
    requests.started(starting, ["r1", "r2"])
    assert requests.begin(ANN, ODD_TEXT, ODD_TEXT) == ("r1", "r2")
    with pytest.raises(OtherRequest):
        requests.begin(ANN, ODD_TEXT, "other")
    new_request(history, ODD_TEXT, ODD_TEXT, BOB)


def test_a_key_ends_with_its_process(database: str, kept: BlobStore) -> None:
    """After a restart, a request that started nothing can be sent again at once."""
    with contextlib.closing(RunStore(database, kept)) as history:
        new_request(history, "k", "a")
        history.requests.started(new_request(history, "done", "a"), ["r1"])
    with contextlib.closing(RunStore(database, kept)) as history:
        new_request(history, "k", "a")
        assert history.requests.begin(ANN, "done", "a") == ("r1",)


def test_a_failed_request_frees_its_key(history: RunStore) -> None:
    """A failed request frees its key. A request that has started runs keeps its key."""
    requests = history.requests
    requests.failed(new_request(history, "k", "a"))
    starting = new_request(history, "k", "b")
    record = begun("r1", ANN)
    history.begin(record, partial(starting.note, record.id))
    requests.failed(starting)
    assert requests.begin(ANN, "k", "b") == ("r1",)
    history.end(ended_record(record, Phase.STOPPED))
    requests.failed(starting)
    new_request(history, "k", "c")


def test_keys_are_forgotten(history: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history soon forgets an interrupted request, and any other request after its retention
    time."""
    requests = history.requests
    new_request(history, "cut off", "a")
    monkeypatch.setattr(started_requests, "_STARTING", -1.0)
    requests.started(new_request(history, "cut off", "b"), ["r1"])
    assert requests.begin(ANN, "cut off", "b") == ("r1",)
    monkeypatch.setattr(started_requests, "_KEPT", -1.0)
    new_request(history, "cut off", "c")


def test_an_address_pushes_out_only_its_own_keys(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address has a limit, and if there are too many in total, the one with the most loses."""
    monkeypatch.setattr(started_requests, "_MOST", 5)
    monkeypatch.setattr(started_requests, "_MOST_IN_ALL", 4)
    history.requests.started(new_request(history, "k", "a"), ["r1"])
    for number in range(9):
        history.requests.begin(f"browser:{number}", "k", "a", "192.0.2.1")
    history.sweep()
    assert history.requests.begin(ANN, "k", "a") == ("r1",)
    with history.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(keys_table)) == 4


def test_a_run_and_its_key_are_recorded_together(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies between the record and its answer leaves a key that finds the run,
    however late the request is repeated."""
    starting = new_request(history, "k", "a")
    for name in ("r1", "r2"):
        history.begin(begun(name, ANN), partial(starting.note, name))
    monkeypatch.setattr(started_requests, "_STARTING", -1.0)
    assert history.requests.begin(ANN, "k", "a") == ("r1", "r2")


def test_a_slow_request_starts_nothing_beside_its_repeat(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that is still being processed after so long that its repeat has begun records no
    run."""
    slow = new_request(history, "k", "a")
    monkeypatch.setattr(started_requests, "_STARTING", -1.0)
    repeat = new_request(history, "k", "a")
    with pytest.raises(RunGoesOn):
        history.begin(begun("r1", ANN), partial(slow.note, "r1"))
    assert history.get("r1", ANN) is None
    history.begin(begun("r2", ANN), partial(repeat.note, "r2"))
    assert history.requests.begin(ANN, "k", "a") == ("r2",)


HOST = "hooks.example.org:443"
LATER = (60.0, 120.0)


def test_a_webhook_is_due_once_its_subject_has_ended(history: RunStore) -> None:
    """Each try counts when it begins, and the next is due after its pause. The webhook with fewer
    tries comes first. A webhook stays until it is removed or its subject resumes."""
    store = history.webhooks
    hooks = new_webhooks("run", ["r1", "r2"], ODD_TEXT, HOST, "https://hooks.example.org/")
    store.add(hooks)
    assert {*store.waiting()} == {*hooks}
    assert store.take(HOST, LATER) is None
    assert (store.next_due(HOST), store.undelivered) == (None, 0)
    for hook in hooks:
        store.ended(hook.id)
    assert (store.waiting(), store.undelivered) == ((), 2)
    assert store.take("other.example.org:443", LATER) is None
    first, second = store.take(HOST, (0.0,)), store.take(HOST, LATER)
    assert first is not None
    assert second is not None
    assert {first.about, second.about} == {"r1", "r2"}
    assert (first.owner, first.tries, second.tries) == (ODD_TEXT, 1, 1)
    again = store.take(HOST, LATER)
    assert again is not None
    assert (again.id, again.tries, again.ended_at) == (first.id, 2, first.ended_at)
    assert store.take(HOST, LATER) is None
    assert 0 < (store.next_due(HOST) or 0) - time.time() <= LATER[0]
    store.goes_on(second.id)
    (waits,) = store.waiting()
    assert (waits.id, waits.tries, waits.ended_at) == (second.id, 0, None)
    store.remove(first.id)
    assert (store.undelivered, store.next_due(HOST)) == (0, None)


def test_old_webhooks_are_forgotten_once_their_subject_has_ended(history: RunStore) -> None:
    """Otherwise, webhooks for a host that is no longer allowed would stay forever."""
    store = history.webhooks
    ended, waits = new_webhooks("batch", ["b1", "b2"], ODD_TEXT, HOST, "https://hooks.example.org/")
    store.add([ended, waits])
    store.ended(ended.id)
    store.remove_older(time.time() - LATER[0])
    assert store.undelivered == 1
    store.remove_older(time.time() + LATER[0])
    assert (store.undelivered, store.waiting()) == (0, (waits,))
