"""Runs that each request has started, on SQLite and on Postgres."""

from __future__ import annotations

import pytest

from comfy.base.errors import RunGoesOn
from comfy.records import started_requests
from comfy.records.started_requests import OtherRequest
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, BOB

ODD = "nul \0, half \ud800, “cat”"


def test_a_repeated_request_gets_its_runs(history: RunStore) -> None:
    """A request has its runs once it has started them. Until then, the same request must wait. A
    different request with its key is refused. Another owner's key is separate."""
    requests = history.requests
    assert requests.begin(ANN, ODD, ODD) == ()
    with pytest.raises(RunGoesOn):
        requests.begin(ANN, ODD, ODD)
    requests.started(ANN, ODD, ["r1", "r2"])
    assert requests.begin(ANN, ODD, ODD) == ("r1", "r2")
    with pytest.raises(OtherRequest):
        requests.begin(ANN, ODD, "other")
    assert requests.begin(BOB, ODD, ODD) == ()


def test_a_failed_request_frees_its_key(history: RunStore) -> None:
    """A failed request frees its key. A request that has started runs keeps its key."""
    requests = history.requests
    requests.begin(ANN, "k", "a")
    requests.failed(ANN, "k")
    assert requests.begin(ANN, "k", "b") == ()
    requests.started(ANN, "k", ["r1"])
    requests.failed(ANN, "k")
    assert requests.begin(ANN, "k", "b") == ("r1",)


def test_keys_are_forgotten(history: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history soon forgets an interrupted request, and any other request after its retention
    time."""
    requests = history.requests
    requests.begin(ANN, "cut off", "a")
    monkeypatch.setattr(started_requests, "_STARTING", -1.0)
    assert requests.begin(ANN, "cut off", "b") == ()
    requests.started(ANN, "cut off", ["r1"])
    assert requests.begin(ANN, "cut off", "b") == ("r1",)
    monkeypatch.setattr(started_requests, "_KEPT", -1.0)
    assert requests.begin(ANN, "cut off", "c") == ()
