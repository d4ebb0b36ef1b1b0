"""A hostile batch gets an error or starts completely, but never in part."""

from __future__ import annotations

import json
from typing import Any

import requests
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from comfy.batches.queue import BatchQueue
from tests.support.distribution import examples
from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT, eventually

OWNER = f"browser:{ANN}"
KEYS = ["2.text", "5.steps", "5.seed", "5.cfg", "5.sampler_name", "1.ckpt_name", "4.width", "9.x"]
texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["1..3", "1..1e9", "9..1:0", "1,,2", "{a|b}{c|d}", "{" * 20, "a\nb\nc", "\0"]),
    st.from_regex(r"[-0-9.:,]{0,12}", fullmatch=True),
)
odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts, st.lists(st.integers(), max_size=2)
)
files = st.lists(
    st.one_of(odd, st.fixed_dictionaries({"path": odd}), st.fixed_dictionaries({"file": odd})),
    max_size=3,
)
axes = st.fixed_dictionaries(
    {"field": st.one_of(st.sampled_from(KEYS), texts)},
    optional={"text": texts, "replace": texts, "files": files, "more": odd},
)
good = st.sampled_from(
    [
        {"field": "5.steps", "text": "1..3"},
        {"field": "5.seed", "text": "7, 8"},
        {"field": "2.text", "text": "a\nb"},
        {"field": "2.text", "replace": "a\nb"},
        {"field": "5.cfg", "text": "2..3:0.5"},
    ]
)
tables = st.fixed_dictionaries(
    {"name": st.sampled_from(["a.csv", "b.jsonl", "../c", ""]), "text": texts},
    optional={"files": st.one_of(odd, st.dictionaries(texts, odd, max_size=2))},
)
specs = st.one_of(
    st.deferred(lambda: odd),  # as one of three, not as many
    st.fixed_dictionaries(
        {"axes": st.lists(good, min_size=1, max_size=2)}, optional={"paired": st.booleans()}
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "axes": st.lists(st.one_of(good, axes), max_size=3),
            "table": st.one_of(st.none(), tables, odd),
            "paired": st.booleans(),
        },
    ),
)
SOME = settings(
    max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def check(app: RunningApp, body: object, path: str = "/check") -> requests.Response:
    return requests.post(
        f"{app.url}/api/v1/workflows/text-to-image/batches{path}",
        data=json.dumps(body),
        headers={"Content-Type": "application/json"},
        cookies=cookie_of(ANN),
        timeout=LONGEST_WAIT,
    )


def test_more_than_a_batch_takes_is_refused(app: RunningApp) -> None:
    """The app refuses too many fields or files. The error for an invalid batch shows a valid
    example."""
    axis = {"field": "5.steps", "text": "1,2"}
    for axes, said in (
        ([axis] * 21, "No more than 20 fields can vary at once. Use a table for more."),
        ([{"field": "4.image", "files": [""] * 1001}], "You can add at most 1000 files."),
        ([3], 'Send "axes"'),
    ):
        answer = check(app, {"axes": axes})
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(said)


@SOME
@given(spec=specs, values=st.dictionaries(st.sampled_from(KEYS), texts, max_size=2))
def test_every_check_gets_an_answer(app: RunningApp, spec: Any, values: dict[str, str]) -> None:
    """The app answers with a number of rows and messages, or says that the input is no batch at
    all."""
    answer = check(app, {**spec, "values": values} if isinstance(spec, dict) else spec)
    assert answer.status_code in (200, 422)
    if answer.ok:
        told = answer.json()
        assert told["rows"] > 0 or told["problems"]
        assert all(problem["message"] for problem in told["problems"])


@SOME
@given(spec=specs, base=st.one_of(st.just({}), st.dictionaries(st.sampled_from(KEYS[:4]), odd)))
def test_a_batch_starts_whole_or_not_at_all(
    app: RunningApp, spec: Any, base: dict[str, object]
) -> None:
    """A refused batch leaves no batch, run or thread. An accepted batch has all its rows, which are
    the same after a restart."""
    batches = app.services.batches
    body = {**spec, "values": base} if isinstance(spec, dict) else spec
    answer = check(app, body, "")
    if answer.status_code != 201:
        assert answer.status_code == 422, answer.text
        assert batches.of(OWNER) == ()
        return
    event("begun")
    begun = batches.get(answer.json()["id"], OWNER)
    batches.change(begun.id, OWNER, "pause")
    table = batches.table(begun.id, OWNER)
    assert len(table.content) == len(table.states) == begun.rows
    again = BatchQueue(app.services.starter).table(begun.id, OWNER)
    assert [again.content[at] for at in range(min(5, begun.rows))] == list(table.content[:5])
    batches.delete(begun.id, OWNER)
    eventually(lambda: not app.runs.line_of(OWNER))
