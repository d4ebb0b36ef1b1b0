"""Hostile chains and values. The app answers each with an error or starts the whole chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from comfyui_standin import DemoServer
from tests.support.distribution import examples
from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import eventually
from tests.ui.api.api_calls import PROBLEM, call

OWNER = f"browser:{ANN}"
NAME = "any.chain"
FIELDS = ["Prompt", "Your image", "Steps", "5.seed", "4.image", "4.batch_size", "none"]
STEPS = ["a", "b", "c"]
KEYS = [f"{step}.{key}" for step in STEPS for key in ("2.text", "5.steps", "4.image", "5.seed")]
texts = st.one_of(st.text(max_size=12), st.sampled_from(["1..3", "1..1e9", "{a|b}", "", "\0"]))
scalars = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), texts)
odd = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(texts, scalars, max_size=2))
sources = st.one_of(
    st.sampled_from(STEPS),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(STEPS),
        st.sampled_from(["", "@8", "@Save Image", "@x"]),
        st.sampled_from(["", ".text"]),
        st.sampled_from(["", "[each]", "[all]", "[2]"]),
    ),
    texts,
)


def mostly(
    good: st.SearchStrategy[Any], other: st.SearchStrategy[Any] = odd
) -> st.SearchStrategy[Any]:
    """Return a strategy for good values with a few hostile ones. With more of them, no chain would
    ever start."""
    return st.integers(0, 19).flatmap(lambda one: good if one else other)


def step(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for steps with this name."""
    some = st.sampled_from(FIELDS)
    return st.fixed_dictionaries(
        {
            "name": mostly(st.just(name)),
            "workflow": mostly(st.sampled_from(["text-to-image", "upscale", "image-to-image"])),
        },
        optional={
            "values": mostly(st.dictionaries(some, scalars, max_size=1)),
            "show": mostly(st.lists(some, max_size=2)),
            "inputs": mostly(
                st.dictionaries(some, st.one_of(sources, st.lists(sources, max_size=2)), max_size=1)
            ),
            "repeat": mostly(
                st.dictionaries(
                    some, st.one_of(texts, st.lists(scalars, min_size=1, max_size=2)), max_size=1
                )
            ),
            "optional": mostly(st.booleans()),
            "when": mostly(st.sampled_from(["s", "s=x"])),
        },
    )


good = st.tuples(
    st.just({"name": "a", "workflow": "text-to-image"}),
    st.builds(
        lambda source, key: {
            "name": "b",
            "workflow": "upscale",
            "inputs": {"Your image": source},
            "optional": key,
        },
        st.sampled_from(["a", "a[each]", "a@7", "a[2]"]),
        st.booleans(),
    ),
).map(list)
steps = st.lists(st.sampled_from(STEPS), min_size=1, unique=True).flatmap(
    lambda names: st.tuples(*map(step, names))
)
files = mostly(
    st.fixed_dictionaries(
        {"steps": good | steps.map(list)},
        optional={"title": mostly(texts), "switches": mostly(st.just({"s": True}))},
    ).map(tomlkit.dumps),
    st.sampled_from(["", "steps = []", "[[steps]]", "title = "]) | st.text(max_size=60),
)
values = st.just({}) | mostly(
    st.dictionaries(
        st.one_of(st.sampled_from([*KEYS, "b.runs", "switches:.s"]), st.text(max_size=5)),
        st.one_of(st.none(), odd),
        max_size=2,
    )
)
SOME = settings(
    max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with three workflows, to which tests add a chain."""
    folder = tmp_path / "workflows"
    folder.mkdir()
    for name in ("text-to-image", "upscale", "image-to-image"):
        for ending in ("json", "toml"):
            file = f"{name}.{ending}"
            (folder / file).write_bytes((WORKFLOWS / file).read_bytes())
    return folder


@pytest.fixture
def app(folder: Path) -> Iterator[RunningApp]:
    """Serve an app on a slow server, so that tests can see what has started."""
    with (
        DemoServer(step_seconds=0.2, painted=64) as demo,
        running_app(demo.url, workflows=folder) as app,
    ):
        yield app


def write(folder: Path, text: str) -> None:
    """Write this text to the chain's file."""
    (folder / f"{NAME}.toml").write_text(text, encoding="utf-8", errors="replace")


def nothing_is_left(app: RunningApp) -> None:
    """Assert that there is no chain, no run, and no record of either."""
    assert app.services.chains.recent(OWNER) == ()
    assert app.runs.line_of(OWNER) == ()
    assert app.runs.history.groups.of(OWNER, "chain") == ()


def forget(app: RunningApp, chain_id: str) -> None:
    """Delete a started chain and wait until its runs have finished."""
    app.services.chains.delete(chain_id, OWNER)
    eventually(lambda: not app.runs.line_of(OWNER))


@SOME
@given(text=files, sent=values, more=values, again=mostly(st.lists(st.sampled_from(STEPS))))
def test_any_request_starts_a_whole_chain_or_nothing(
    app: RunningApp, folder: Path, text: str, sent: Any, more: Any, again: Any
) -> None:
    """The app starts a chain with all its steps or answers with a problem document. A stopped chain
    resumes with the newly sent values or stays as it is."""
    write(folder, text)
    assert call(app, "GET", f"/workflows/{NAME}").status_code < 500
    body = json.dumps({"values": sent})
    answer = call(app, "POST", f"/workflows/{NAME}/chains", data=body)
    if answer.status_code != 201:
        assert answer.status_code in (400, 404, 409, 422), answer.text
        assert answer.headers["content-type"] == PROBLEM
        nothing_is_left(app)
        return
    event("begun")
    chain = answer.json()
    assert chain["steps"]
    stopped = call(app, "POST", f"{chain['url']}/stop").json()
    body = json.dumps({"values": more, "again": again})
    going = call(app, "POST", f"{chain['url']}/continue", data=body)
    assert going.status_code in (200, 400, 409, 422), going.text
    if going.status_code != 200:
        assert call(app, "GET", chain["url"]).json()["state"] == stopped["state"]
    forget(app, chain["id"])
    nothing_is_left(app)


@SOME
@given(text=files, sent=values)
def test_any_browser_json_starts_a_whole_chain_or_nothing(
    app: RunningApp, folder: Path, text: str, sent: Any
) -> None:
    """The app draws the form or reports the file's error. Generate starts a chain or says why
    not."""
    write(folder, text)
    page = PageCalls(app)
    choice = page.call(page.load, {"name": NAME}).json()["data"][0]
    kept = {**choice, "kept": sent} if isinstance(sent, dict) else choice
    assert page.draw(kept).status_code == 200
    nothing_is_left(app)
    if not has_form(page):
        return
    page.choice = choice
    answer = page.press(kind="chains")
    assert answer.status_code in (201, 409, 422), answer.text
    if begun := app.services.chains.recent(OWNER):
        event("begun")
        forget(app, begun[0].id)
    nothing_is_left(app)


def has_form(page: PageCalls) -> bool:
    generate = page.component("generate")["id"]
    return any([generate, "click"] in one["targets"] for one in page.listeners)
