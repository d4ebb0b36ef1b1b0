"""Batches and chains that programs run over REST."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from PIL import Image

from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, Served, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.api_calls import QUICK, call, events, problem
from ui.settings.web_settings import WebSettings

BATCH = "/workflows/text-to-image/batches"
CHAIN = "/workflows/create-upscale-detail.chain/chains"
STEPS = [{"field": "5.steps", "text": "1..3"}]
WORDS = [{"field": "2.text", "replace": "a\nb"}]
SEEDS = [{"field": "5.seed", "text": "1..2"}]
PIXELS = base64.b64encode(saved("PNG", Image.new("RGB", (32, 32)))).decode()
SMALL = {"base.4.width": 256, "base.4.height": 256, "detail.runs": False}


def ended(app: RunningApp, told: dict[str, Any], cookie: str = ANN) -> dict[str, Any]:
    eventually(lambda: call(app, "GET", told["url"], cookie).json()["state"] != "running")
    return dict(call(app, "GET", told["url"], cookie).json())


@pytest.mark.parametrize("cookie", [ANN, ""])
def test_a_batch_runs_a_workflow_for_each_row(app: RunningApp, cookie: str) -> None:
    """The batch reports its progress, and its rows name their runs. A client without a cookie finds
    the batch by its id."""
    values = {key: value for key, value in QUICK.items() if key != "5.steps"}
    begun = call(app, "POST", BATCH, cookie, json={"values": values, "axes": STEPS})
    assert begun.status_code == 201, begun.text
    assert begun.headers["location"] == begun.json()["url"]
    batch = ended(app, begun.json(), cookie)
    assert (batch["state"], batch["rows"], batch["done"]) == ("done", 3, 3)
    told = call(app, "GET", f"{batch['url']}/rows?skip=1&limit=1&state=done", cookie).json()
    (row,) = told["rows"]
    assert (told["total"], row["number"], row["values"]) == (3, 2, {"5.steps": "2"})
    assert row["run"]["values"]["5.steps"] == 2
    assert call(app, "GET", row["run"]["files"][0]["url"], cookie).status_code == 200
    listed = call(app, "GET", "/batches", cookie).json()["batches"]
    assert [one["id"] for one in listed if one["id"] == batch["id"]] == [batch["id"]] * bool(cookie)
    problem(call(app, "GET", batch["url"], BOB), 404)
    assert call(app, "DELETE", f"{batch['url']}?with_runs=true", cookie).status_code == 200
    problem(call(app, "GET", batch["url"], cookie), 404)


def test_files_may_vary_in_a_batch(app: RunningApp) -> None:
    """Each file is a row, however the program sends it. A table names files from the same request,
    and errors give the table's line."""
    upload = call(app, "POST", "/uploads", files={"file": ("a.png", saved("PNG"))}).json()
    ids = [one["id"] for one in upload["uploads"]]
    axes = [{"field": "4.image", "files": [*ids, {"run": "none"}]}]
    body = {"values": {"8.steps": 1, "5.width": 256, "5.height": 256}, "axes": axes}
    refused = problem(call(app, "POST", "/workflows/image-to-image/batches", json=body), 422)
    assert "no longer exists" in refused["errors"]["4.image"]
    axes = [{"field": "4.image", "values": ids}]
    body["axes"] = axes
    begun = call(app, "POST", "/workflows/image-to-image/batches", json=body).json()
    assert ended(app, begun)["done"] == 1
    named = {"a.png": ids[0], "in/b.png": {"base64": PIXELS}, "c.png": {"base64": "bm9uZQ=="}}
    text = "4.image,8.steps\na.png,1\nb.png,2\na.png,1\n"
    table = {"name": "t.csv", "text": f"{text}c.png,1\nd.png,1\n", "files": named}
    body = {"values": body["values"], "table": table}
    refused = problem(call(app, "POST", "/workflows/image-to-image/batches", json=body), 422)
    assert "Line 5, Your image: Choose an image file" in refused["detail"]
    assert "Line 6, Your image: The table needs “d.png”. Add that file." in refused["detail"]
    table["text"] = text
    begun = call(app, "POST", "/workflows/image-to-image/batches", json=body).json()
    assert ended(app, begun)["done"] == 3
    rows = call(app, "GET", f"{begun['url']}/rows").json()["rows"]
    assert [row["values"]["8.steps"] for row in rows] == ["1", "2", "1"]
    given = [app.runs.record(row["run"]["id"], f"browser:{ANN}").job.inputs for row in rows]
    digests = [inputs["4.image"].digest for inputs in given]
    assert digests[0] == digests[2] != digests[1]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "Choose a field and give it several values."),
        ({"axes": [{"field": "5.steps", "text": "0,1"}]}, 422, "Minimum 1."),
        ({"axes": "5.steps"}, 422, '"axes"'),
        ({"axes": STEPS, "pair": True}, 422, "Unknown part “pair”"),
        (
            {"axes": [{**STEPS[0], "vals": [1]}]},
            422,
            "Unknown part “vals”. This request accepts “field”",
        ),
        ({"table": {"name": "a.csv", "txt": "Steps"}}, 422, "Unknown part “txt”"),
        ({"axes": STEPS, "paired": "yes"}, 422, "“paired” must be true or false."),
        ({"axes": STEPS, "seeds": 1}, 422, "“seeds” must be one of “form”, “one”, “each”."),
        ({"axes": [{"field": "5.steps", "values": []}]}, 422, "give it several values."),
        ({"axes": [{"field": "5.steps", "values": [2, "x"]}]}, 422, "Enter a whole number."),
        ({"values": 3, "axes": STEPS}, 422, "an object with field keys"),
        ({"axes": [{**SEEDS[0], "values": [1]}]}, 422, "Seed is given twice."),
        ({"axes": [{"field": "5.seed", "values": [1] * 10_001}]}, 422, "at most 10000 rows."),
        (
            {"axes": [{"field": "5.seed", "files": ["a"] * 1_001}]},
            422,
            "You can add at most 1000 files.",
        ),
        ({"axes": SEEDS * 21}, 422, "No more than 20 fields can vary at once. Use a table"),
        ({"values": {"2.text": {"a": 1}}, "axes": WORDS}, 422, "Prompt: Enter some text."),
    ],
)
def test_errors_of_a_batch_are_reported(
    app: RunningApp, body: object, status: int, says: str
) -> None:
    """The app starts nothing unless it can start all rows."""
    assert says in problem(call(app, "POST", BATCH, json=body), status)["detail"]


def test_errors_of_a_batch_have_their_row_and_field(app: RunningApp) -> None:
    """Each error in a table's value, files included, names the line in the table. An error without
    a table has no line."""
    table = {"name": "steps.csv", "text": "Steps,Width\n0,256\n2,7\n3,256\n-1,256\n"}
    told = problem(call(app, "POST", BATCH, json={"table": table}), 422)
    assert sorted((one["line"], one["field"]) for one in told["problems"]) == [
        (2, "5.steps"),
        (3, "4.width"),
        (5, "5.steps"),
    ]
    assert told["problems"][0]["detail"] == told["errors"]["5.steps"] == "Minimum 1."
    axes = [{"field": "no.such", "text": "1,2"}]
    (other,) = problem(call(app, "POST", BATCH, json={"axes": axes}), 422)["problems"]
    assert (other["field"], other["row"], other["line"]) == ("no.such", None, None)
    given = {"name": "files.csv", "text": "4.image\nnone.png\n"}
    told = problem(
        call(app, "POST", "/workflows/image-to-image/batches", json={"table": given}), 422
    )
    said = "The table needs “none.png”. Add that file."
    assert [(one["line"], one["field"], one["detail"]) for one in told["problems"]] == [
        (2, "4.image", said)
    ]


@pytest.mark.parametrize("cookie", [ANN, ""])
def test_a_chain_runs_its_steps(app: RunningApp, cookie: str) -> None:
    """Each step gives its progress and its finished runs. A caller without a cookie finds the chain
    by its id."""
    begun = call(app, "POST", CHAIN, cookie, json={"values": SMALL})
    assert begun.status_code == 201, begun.text
    chain = ended(app, begun.json(), cookie)
    assert chain["state"] == "done"
    assert [(step["name"], step["state"]) for step in chain["steps"]] == [
        ("base", "done"),
        ("upscale", "done"),
    ]
    for step in chain["steps"]:
        (run,) = step["results"]
        assert call(app, "GET", run["files"][0]["url"], cookie).status_code == 200
    listed = call(app, "GET", "/chains", cookie).json()["chains"]
    assert [one["id"] for one in listed if one["id"] == chain["id"]] == [chain["id"]] * bool(cookie)
    problem(call(app, "GET", chain["url"], BOB), 404)
    assert call(app, "DELETE", chain["url"], cookie).status_code == 200
    problem(call(app, "GET", chain["url"], cookie), 404)


def test_a_stopped_chain_resumes_with_other_values(served: Served) -> None:
    """The steps that aren't done run with the newly sent values."""
    with DemoServer(step_seconds=2) as slow, running_app(slow.url) as app:
        chain = call(app, "POST", CHAIN, json={"values": SMALL}).json()
        stopped = call(app, "POST", f"{chain['url']}/stop")
        assert stopped.status_code == 200
        assert ended(app, chain)["state"] == "stopped"
        wrong = call(app, "POST", f"{chain['url']}/continue", json={"values": {"x": 1}})
        assert problem(wrong, 422)["errors"].keys() == {"x"}
        values = {**SMALL, "upscale.runs": False, "base.2.text": "a red boat"}
        going = call(app, "POST", f"{chain['url']}/continue", json={"values": values})
        assert going.json()["state"] == "running"
        eventually(
            lambda: any(run.job.values["2.text"] == "a red boat" for run in app.runs.known())
        )
        call(app, "DELETE", chain["url"])
        eventually(lambda: all(run.state.phase.finished for run in app.runs.known()))


@pytest.mark.parametrize(
    ("path", "body"), [(BATCH, {"values": QUICK, "axes": STEPS}), (CHAIN, {"values": SMALL})]
)
def test_events_report_batches_and_chains_until_they_end(
    app: RunningApp, path: str, body: dict[str, Any]
) -> None:
    """Each event carries the full state, and no event repeats. A client that knows the end gets a
    204."""
    begun = call(app, "POST", path, json=body).json()
    address = f"{begun['url']}/events"
    with call(app, "GET", address, stream=True) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        heard = [event for event in events(answer) if event.name]
    assert [event.name for event in heard] == ["state"] * (len(heard) - 1) + ["end"]
    assert len({event.id for event in heard}) == len(heard)
    end = heard[-1]
    assert end.told == call(app, "GET", begun["url"]).json()
    assert (end.told["finished"], end.told["state"]) == (True, "done")
    known = call(app, "GET", address, headers={"last-event-id": end.id})
    assert (known.status_code, known.content) == (204, b"")
    with call(app, "GET", address, headers={"last-event-id": heard[0].id}) as answer:
        assert [event.id for event in events(answer)] == [end.id]
    problem(call(app, "GET", address, BOB), 404)


def test_events_continue_while_an_app_finishes_runs(served: Served) -> None:
    """A client that reconnects during the shutdown hears the end of the row that the app lets
    finish."""
    finishing = WebSettings(port=0, finish=LONGEST_WAIT)
    with DemoServer(step_seconds=0) as demo, running_app(demo.url, settings=finishing) as app:
        with demo.hold("progress") as held:
            batch = call(app, "POST", BATCH, json={"values": QUICK, "axes": SEEDS}).json()
            address = f"{batch['url']}/events"
            assert held.reached.wait(LONGEST_WAIT)
            with call(app, "GET", address, stream=True) as answer:
                known = {"last-event-id": next(events(answer)).id}
            app.server.should_exit = True
            eventually(lambda: app.runs.closed)
            answer = call(app, "GET", address, headers=known, stream=True)
        with answer:
            heard = [event.told for event in events(answer) if event.name]
    assert (heard[-1]["done"], heard[-1]["state"]) == (1, "running")


def test_a_step_that_is_done_runs_again(app: RunningApp) -> None:
    """The step runs with the same values or with others. Later steps run again only if their inputs
    change. The app refuses an unknown step name."""
    chain = ended(app, call(app, "POST", CHAIN, json={"values": SMALL}).json())
    first = runs_in(chain)
    again = f"{chain['url']}/continue"
    assert call(app, "POST", again).json()["state"] == "done"
    refused = problem(call(app, "POST", again, json={"values": {"base.5.steps": 0}}), 422)
    assert refused["errors"] == {"base.5.steps": "Minimum 1."}
    refused = problem(call(app, "POST", again, json={"values": SMALL}), 409)
    assert refused["detail"] == "All steps of this chain are done."
    told = call(app, "POST", again, json={"again": ["base"]})
    assert told.status_code == 200, told.text
    second = runs_in(ended(app, chain))
    assert second["base"] != first["base"]
    assert second["upscale"] == first["upscale"]
    mended = {**SMALL, "base.2.text": "a red boat", "upscale.7.steps": 3}
    call(app, "POST", again, json={"again": ["base"], "values": mended})
    third = ended(app, chain)
    assert third["state"] == "done"
    base, upscale = ({**step["results"][0]["values"]} for step in third["steps"])
    assert base["2.text"] == "a red boat"
    assert upscale["7.steps"] != 3
    assert not set(runs_in(third).values()) & {*first.values(), *second.values()}
    for wrong, says in (
        (["detail"], "There is no step “detail”."),
        (["base", "bose"], "There is no step “bose”. Did you mean “base”?"),
    ):
        refused = call(app, "POST", again, json={"again": wrong})
        assert says in problem(refused, 422)["errors"]["again"]
    form = call(app, "POST", again, files={"again": (None, '["base"]')})
    assert form.json()["state"] == "running", form.text
    third = ended(app, chain)
    refused = call(app, "POST", again, json={"agian": ["base"]})
    assert "Unknown part “agian”" in problem(refused, 422)["detail"]
    refused = call(app, "POST", again, json={"again": "base"})
    assert problem(refused, 422)["detail"] == "“again” must be a list of step names."
    assert runs_in(call(app, "GET", chain["url"]).json()) == runs_in(third)
    call(app, "DELETE", chain["url"])


def runs_in(chain: dict[str, Any]) -> dict[str, str]:
    """Return the run of each step in a chain."""
    return {step["name"]: step["results"][0]["id"] for step in chain["steps"]}


def test_workflows_and_chains_are_not_interchangeable(app: RunningApp) -> None:
    """A workflow and a chain each start at their own address. The error at the wrong address names
    the right one."""
    for kind, name in (("runs", "create-upscale-detail.chain"), ("chains", "text-to-image")):
        answer = call(app, "POST", f"/workflows/{name}/{kind}", json={})
        assert "Start it with POST" in problem(answer, 409)["detail"]
    problem(call(app, "POST", "/workflows/create-upscale-detail.chain/batches", json={}), 409)
    sent = call(app, "POST", CHAIN, json={"values": {"no.such": 1, "base.5.steps": "many"}})
    assert {*problem(sent, 422)["errors"]} == {"no.such", "base.5.steps"}
