"""Actions of administrators on servers, runs and the notice, on the page and in REST."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Any

import pytest
import requests
import websocket

from comfy.runs.interface import Origin, Run, RunPolicy
from tests.security.signing_in import socket_of
from tests.support.sampler import LONG, job
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.operator.conftest import Place

ADMIN = "/api/v1/admin"


def ask(place: Place, method: str, path: str, **options: Any) -> requests.Response:
    return place.anna.request(
        method, f"{place.app.url}{ADMIN}{path}", timeout=LONGEST_WAIT, **options
    )


def started(place: Place, *owners: str) -> list[Run]:
    policy = RunPolicy(keeps_going=True)
    return [place.app.runs.submit(job(LONG), Origin(owner), policy) for owner in owners]


def heard(news: websocket.WebSocket, key: str, wanted: object) -> float:
    """Return the seconds until the news has a value."""
    since = time.monotonic()
    while json.loads(news.recv()).get(key, wanted) != wanted:
        pass
    return time.monotonic() - since


def last_action(place: Place, action: str = "administer") -> str:
    return str(ask(place, "GET", f"/audit?action={action}").json()["events"][0]["what"])


def test_any_run_can_be_stopped_and_moved(place: Place) -> None:
    """The owner of a stopped run reads who stopped it. A moved run is the next one, or the last
    one. The log names the administrator and the owner."""
    runs = started(place, *["user:ben"] * 4, "user:carla")
    eventually(lambda: [run.waits_here for run in runs].count(True) == 3)
    *_, last, other = runs
    page = place.anna.get(f"{place.app.url}/operator", timeout=LONGEST_WAIT).text
    question = page.partition(f'id="stop-{other.id}-title">')[2].partition("</dialog>")[0]
    assert question.startswith("Stop this run?")
    assert f"{other.job.title}</b> · carla</p>" in question
    address = f"{place.app.url}/operator/runs/{last.id}/front"
    assert place.anna.post(address, timeout=LONGEST_WAIT).ok
    waiting = [one["id"] for one in ask(place, "GET", "/runs").json()["runs"] if one["waits"]]
    assert waiting[0] == last.id
    assert last_action(place) == "anna moved a run of ben to the front: “test”."
    assert ask(place, "POST", f"/runs/{last.id}/move?to=back").status_code == 204
    waiting = [one["id"] for one in ask(place, "GET", "/runs").json()["runs"] if one["waits"]]
    assert waiting[-1] == last.id
    assert ask(place, "POST", f"/runs/{other.id}/stop").status_code == 204
    eventually(lambda: other.state.phase.finished)
    assert other.state.error is not None
    assert other.state.error.message == "An administrator stopped this run."
    assert last_action(place) == "anna stopped a run of carla: “test”."
    for run in runs:
        run.cancel()
    eventually(lambda: all(run.state.phase.finished for run in runs))
    assert ask(place, "POST", f"/runs/{last.id}/stop").status_code == 404
    answer = place.anna.post(address.replace("front", "stop"), timeout=LONGEST_WAIT)
    assert (answer.status_code, "This run has ended." in answer.text) == (409, True)


def test_a_batch_is_one_row_with_its_true_number(place: Place) -> None:
    """Most of its rows aren't runs yet. They count as waiting, the page says so beside a run's
    *Stop*, and the administrator pauses, resumes and stops the batch."""
    address = f"{place.app.url}/api/v1/workflows/whole/batches"
    sent = {"values": {"4.steps": LONG}, "axes": [{"field": "4.seed", "text": "1..20"}]}
    made = place.ben.post(address, json=sent, timeout=LONGEST_WAIT)
    assert made.status_code == 201, made.text

    def told() -> tuple[dict[str, Any], dict[str, Any]]:
        found = ask(place, "GET", "/runs").json()
        return found, found["batches"][0]

    def is_under_way() -> bool:
        return any(run["batch"] == 20 and not run["waits"] for run in told()[0]["runs"])

    eventually(is_under_way)
    found, batch = told()
    assert (batch["owner"], batch["rows"], batch["done"]) == ("ben", 20, 0)
    assert found["waiting"] >= 20 - 2, "two servers run one each"
    page = place.anna.get(f"{place.app.url}/operator", timeout=LONGEST_WAIT).text
    assert "0 of 20 done" in page
    assert "It is one of a batch of 20. The others continue." in page
    own = f"/batches/{batch['id']}"
    assert place.anna.post(f"{place.app.url}/operator{own}/pause", timeout=LONGEST_WAIT).ok
    assert last_action(place) == "anna paused a batch of ben: “Whole”."
    found, batch = told()
    assert batch["state"] == "paused"
    assert found["waiting"] < 18, "a paused batch waits for its owner"
    assert ask(place, "POST", f"{own}/continue").status_code == 204
    assert told()[1]["state"] == "running"
    assert ask(place, "POST", f"{own}/stop").status_code == 204
    eventually(
        lambda: ask(place, "GET", "/runs").json() == {"runs": [], "batches": [], "waiting": 0}
    )
    assert ask(place, "POST", f"{own}/stop").status_code == 404


def test_open_pages_hear_of_paused_servers(place: Place) -> None:
    """They hear how many servers take runs. The log has the administrator's name."""
    with socket_of(place.app, place.ben) as news:
        heard(news, "servers", wanted={"count": 2, "available": 2})
        assert ask(place, "POST", "/servers/0/pause").status_code == 204
        heard(news, "servers", wanted={"count": 2, "available": 1})
        assert ask(place, "POST", "/servers/1/pause").status_code == 204
        heard(news, "paused", wanted=True)
        assert last_action(place) == f"anna paused {place.other.url}."
        assert ask(place, "POST", "/servers/0/resume").status_code == 204
        assert ask(place, "POST", "/servers/1/resume").status_code == 204
        heard(news, "paused", wanted=False)
    assert ask(place, "POST", "/servers/2/pause").status_code == 404


def test_freeing_memory_is_confirmed(place: Place) -> None:
    """The page says so after the redirect, and the log, which also has updates of the list."""
    answer = place.anna.post(f"{place.app.url}/operator/servers/0/free", timeout=LONGEST_WAIT)
    assert f"Freed the memory of {place.one.url}." in answer.text
    assert last_action(place) == f"anna freed the memory of {place.one.url}."
    assert ask(place, "POST", "/servers/0/update").status_code == 204
    assert last_action(place) == f"anna refreshed the models of {place.one.url}."


def test_a_notice_reaches_open_pages_until_it_is_removed(place: Place) -> None:
    """Open pages get it within two seconds, forms with the news and others by a socket of their
    own. Other pages of signed-in users have it from the start. It ends at its time, and a new one
    replaces it."""
    text = "GPU 2 is <down> until 3."
    with (
        socket_of(place.app, place.ben) as news,
        socket_of(place.app, place.ben, "/notice") as small,
    ):
        news.recv()
        assert json.loads(small.recv()) is None
        place.anna.post(
            f"{place.app.url}/operator/notice", data={"text": text}, timeout=LONGEST_WAIT
        )
        notice = ask(place, "GET", "/notice").json()["notice"]
        assert (notice["text"], notice["until"]) == (text, None)
        assert heard(news, "notice", notice) < 2
        assert json.loads(small.recv()) == notice
        bar = f'data-id="{notice["id"]}">\n<p>GPU 2 is &lt;down&gt; until 3.</p>'
        form = place.anna.get(f"{place.app.url}/operator", timeout=LONGEST_WAIT).text
        assert ("Replace notice" in form, "Show notice" in form) == (True, False)
        for path in ("operator", "operator/people", "account"):
            address = f"{place.app.url}/{path}"
            assert bar in place.anna.get(address, timeout=LONGEST_WAIT).text
            assert bar not in requests.get(address, timeout=LONGEST_WAIT).text
        assert ask(place, "DELETE", "/notice").status_code == 204
        heard(news, "notice", None)
        assert json.loads(small.recv()) is None
        short = {"text": "soon over", "seconds": 0.2}
        until = ask(place, "POST", "/notice", json=short).json()["notice"]["until"]
        assert until > time.time() - 1
        assert json.loads(small.recv())["text"] == "soon over"
        assert json.loads(small.recv()) is None, "it has ended"
    eventually(lambda: ask(place, "GET", "/notice").json() == {"notice": None})


def test_pages_show_the_notice_of_another_process(place: Place) -> None:
    """The database has the notice. Open pages of each process get it, and its removal."""
    history = place.app.services.runs.history
    with socket_of(place.app, place.ben) as news:
        news.recv()
        notice = history.administration.set_notice("GPU 2 is down.", None)
        heard(news, "notice", asdict(notice))
        assert ask(place, "GET", "/notice").json()["notice"]["text"] == "GPU 2 is down."
        history.administration.remove_notice()
        heard(news, "notice", None)


@pytest.mark.parametrize("sent", [{"text": " "}, {"text": "x" * 501}, {"text": "x", "seconds": 0}])
def test_a_wrong_notice_is_refused(place: Place, sent: dict[str, object]) -> None:
    """An empty or long text and a wrong end change nothing."""
    assert ask(place, "POST", "/notice", json=sent).status_code == 409
    assert ask(place, "GET", "/notice").json() == {"notice": None}


def test_figures_and_parts_are_for_administrators_alone(place: Place) -> None:
    """Other users get 404 from all addresses, and other sites' pages can change nothing."""
    for path in ("runs", "servers", "storage", "usage", "missing", "audit", "notice"):
        assert ask(place, "GET", f"/{path}").status_code == 200, path
        address = f"{place.app.url}{ADMIN}/{path}"
        assert place.ben.get(address, timeout=LONGEST_WAIT).status_code == 404, path
    foreign = {"Origin": "https://evil.example"}
    for path in ("/notice", "/servers/0/pause", "/runs/x/stop"):
        assert ask(place, "POST", path, headers=foreign).status_code == 401
    for path in ("usage", "activity", "missing"):
        page = place.anna.get(f"{place.app.url}/operator/{path}", timeout=LONGEST_WAIT)
        assert page.status_code == 200
        assert place.ben.get(page.url, timeout=LONGEST_WAIT).status_code == 404


@pytest.mark.parametrize("key", ["..%2f..%2fpeople", "..%3f", "A" * 32, "a" * 33])
def test_a_download_button_takes_ids_only(key: str, place: Place) -> None:
    """No other text reaches the custom node."""
    address = f"{place.app.url}/operator/downloads/0/{key}/pause"
    assert place.anna.post(address, timeout=LONGEST_WAIT).status_code == 404


def test_an_administrator_opens_a_run_in_comfyui(place: Place) -> None:
    """The server that ran it gets the workflow once. The audit log names the file. Other users and
    other owners' runs get 404."""
    [run] = started(place, "user:anna")
    eventually(lambda: bool(run.record.server))
    run.cancel()
    eventually(lambda: run.state.phase.finished)
    for _ in range(2):
        answer = ask(place, "POST", f"/runs/{run.id}/editor")
        assert answer.status_code == 200
    saved = answer.json()
    server = next(one for one in (place.one, place.other) if saved["url"].startswith(one.url))
    assert run.record.server == server.url
    graph = json.loads((server.storage.user / f"workflows/{saved['name']}.json").read_bytes())
    assert {node["type"] for node in graph["nodes"]} == {
        node["class_type"] for node in run.job.prompt.values()
    }
    events = ask(place, "GET", "/audit").json()["events"]
    assert events[0]["what"].endswith(f": workflows/{saved['name']}.json")
    [other] = started(place, "user:ben")
    assert ask(place, "POST", f"/runs/{other.id}/editor").status_code == 404
    address = f"{place.app.url}{ADMIN}/runs/{run.id}/editor"
    assert place.ben.post(address, timeout=LONGEST_WAIT).status_code == 404
    other.cancel()
    eventually(lambda: other.state.phase.finished)
