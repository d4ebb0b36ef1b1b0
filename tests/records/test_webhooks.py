"""Webhooks to call when runs end, on SQLite and on Postgres."""

from __future__ import annotations

import time

from comfy.records.store import RunStore
from comfy.records.webhooks import new_webhooks

HOST = "hooks.example.org:443"
ODD = "nul \0, half \ud800, “cat”"
LATER = (60.0, 120.0)


def test_a_webhook_is_due_once_its_subject_has_ended(history: RunStore) -> None:
    """Each try counts when it begins, and the next is due after its pause. The webhook with fewer
    tries comes first. A webhook stays until it is removed or its subject resumes."""
    store = history.webhooks
    hooks = new_webhooks("run", ["r1", "r2"], ODD, HOST, "https://hooks.example.org/")
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
    assert (first.owner, first.tries, second.tries) == (ODD, 1, 1)
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
    ended, waits = new_webhooks("batch", ["b1", "b2"], ODD, HOST, "https://hooks.example.org/")
    store.add([ended, waits])
    store.ended(ended.id)
    store.remove_older(time.time() - LATER[0])
    assert store.undelivered == 1
    store.remove_older(time.time() + LATER[0])
    assert (store.undelivered, store.waiting()) == (0, (waits,))
