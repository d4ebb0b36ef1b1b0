"""Runs that each request has started, on SQLite and on Postgres."""

from __future__ import annotations

from functools import partial

import pytest

from comfy.base.errors import RunGoesOn
from comfy.comfyui.protocol.run_state import Phase
from comfy.records import started_requests
from comfy.records.started_requests import OtherRequest, StartingRequest
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, BOB, begun, ended_record

ODD = "nul \0, half \ud800, “cat”"


def new_request(history: RunStore, key: str, content: str, owner: str = ANN) -> StartingRequest:
    """Begin a request whose key must be new."""
    starting = history.requests.begin(owner, key, content)
    assert isinstance(starting, StartingRequest)
    return starting


def test_a_repeated_request_gets_its_runs(history: RunStore) -> None:
    """A request has its runs once it has started them. Until then, the same request must wait. A
    different request with its key is refused. Another owner's key is separate."""
    requests = history.requests
    starting = new_request(history, ODD, ODD)
    with pytest.raises(RunGoesOn):
        requests.begin(ANN, ODD, ODD)
    requests.started(starting, ["r1", "r2"])
    assert requests.begin(ANN, ODD, ODD) == ("r1", "r2")
    with pytest.raises(OtherRequest):
        requests.begin(ANN, ODD, "other")
    new_request(history, ODD, ODD, BOB)


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
