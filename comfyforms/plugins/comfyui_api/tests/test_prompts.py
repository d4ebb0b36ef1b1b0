"""Programs that are written for ComfyUI send prompts to the app and follow them there."""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
import websocket
from sqlalchemy import event

from comfy.comfyui.protocol.run_state import Phase
from comfy.library.permissions import Permissions
from comfy.media.checks import MIB
from comfy.records.audit import WantedEvents
from comfy.records.record import SENT_PROMPT
from comfyforms.plugins.comfyui_api.tests.api_calls import (
    Json,
    call,
    ended,
    kinds,
    of_kind,
    refused,
    send,
    told,
    until_over,
)
from tests.attacks.people import ANN as ANN_USER
from tests.attacks.people import LOGIN, SMALL
from tests.support.http_client import ANN, BOB, connected, finished, start
from tests.support.samples.paid import APP_KEY
from tests.support.samples.shipped import prompt
from tests.support.serving import Served, running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
PREVIEWS = {"preview_method": "auto"}
ERROR = {"type", "message", "details", "extra_info"}
IMAGE = {"input_name": "image"}
SHORT, LONG = prompt(n5_steps=2), prompt(n5_steps=200)
SAVED = {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["6", 0]}}


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes some time."""
    with running_demo_app(step_seconds=0.03) as served:
        yield served


def test_the_example_client_of_comfyui_gets_its_images(served: Served) -> None:
    """A client sends a prompt, waits for its end on the socket, and finds the results in the
    history and with `/view`."""
    demo, app = served
    client_id = str(uuid.uuid4())
    with connected(app, f"/ws?clientId={client_id}") as socket:
        prompt_id = send(app, client_id=client_id, extra_data=PREVIEWS)
        got = until_over(socket, prompt_id)
        entry = told(app, f"/history/{prompt_id}")[prompt_id]
    seen = kinds(got)
    assert seen[0] == "status"
    assert {one["node"] for one in of_kind(got, "executing")} == {*"1234567", None}
    assert seen.index("execution_start") < seen.index("preview") < seen.index("executed")
    assert seen[-2:] == ["execution_success", "executing"]
    assert [one["value"] for one in of_kind(got, "progress")] == list(range(1, 25))
    assert of_kind(got, "status")[0]["sid"] == client_id
    (image,) = entry["outputs"]["7"]["images"]
    assert image == of_kind(got, "executed")[0]["output"]["images"][0]
    assert (image["subfolder"], image["type"]) == (prompt_id, "output")
    content = call(app, "GET", f"/view?{urlencode(image)}").content
    originals = demo.storage.folder("output").glob("*.png")
    assert content in {one.read_bytes() for one in originals}
    assert entry["status"]["status_str"] == "success"
    number, own_id, nodes, extra, outputs = entry["prompt"]
    assert (own_id, nodes, outputs) == (prompt_id, prompt(), ["7"])
    assert extra.keys() == {"client_id", "create_time", "preview_method"}
    assert number > 0


def test_previews_have_metadata_for_clients_that_ask(served: Served) -> None:
    """A client without the flag gets previews of type 1, as from ComfyUI."""
    _, app = served
    old, new = "old-client-000000000", "new-client-000000000"
    for client, flags, kind in ((old, "", 1), (new, FLAGS, 4)):
        with connected(app, f"/api/ws?clientId={client}") as socket:
            if flags:
                socket.send(flags)
            nodes = prompt(n5_steps=4, n5_seed=kind)
            extra = {"client_id": client, "extra_data": {} if flags else PREVIEWS}
            got = until_over(socket, send(app, nodes=nodes, path="/api", **extra))
        images = [one for one in got if isinstance(one, bytes)]
        assert {int.from_bytes(one[:4]) for one in images} == {kind}


def test_a_client_hears_of_its_own_prompts_only(served: Served) -> None:
    """Prompts without a client go to all clients of the owner, as in ComfyUI."""
    _, app = served
    with connected(app, "/ws?clientId=one") as one, connected(app, "/ws?clientId=two") as two:
        first = send(app, nodes=SHORT, client_id="one")
        second = send(app, nodes=SHORT, client_id="two")
        for_all = send(app, nodes=SHORT)
        for one_id in (first, second, for_all):
            ended(app, one_id)
        page = finished(start(app, **SMALL))
        assert prompts(until_over(one, page.id)) == {first, for_all, page.id}
        assert prompts(until_over(two, page.id)) == {second, for_all, page.id}


def prompts(got: list[Json | bytes]) -> set[str]:
    ids = {one["data"].get("prompt_id") for one in got if isinstance(one, dict)}
    return {str(one) for one in ids if one}


def test_users_never_see_each_other(served: Served) -> None:
    """Another user's prompt is a place in the queue without content. An id leads nowhere, and the
    same client id hears nothing."""
    _, app = served
    with connected(app, "/ws?clientId=shared", BOB) as socket:
        prompt_id = send(app, nodes=LONG, client_id="shared")
        eventually(lambda: app.runs.known()[-1].state.phase is Phase.RUNNING)
        for cookie in (BOB, ""):
            assert told(app, "/queue", cookie)["queue_running"] == [[0, "", {}, {}, []]]
            assert told(app, "/history", cookie) == {}
            for path, body in (
                ("/interrupt", {}),
                ("/queue", {"clear": True}),
                ("/queue", {"delete": [prompt_id]}),
                ("/history", {"delete": [prompt_id]}),
            ):
                assert call(app, "POST", path, body, cookie).status_code == 200
        assert told(app, "/prompt", BOB) == {"exec_info": {"queue_remaining": 1}}
        assert call(app, "POST", "/interrupt", {"prompt_id": prompt_id}, BOB).status_code == 200
        own = told(app, "/queue")["queue_running"]
        assert [one[1] for one in own] == [prompt_id]
        assert not app.runs.known()[-1].state.phase.finished
        assert told(app, f"/history/{prompt_id}", BOB) == {}
        assert call(app, "POST", "/interrupt").status_code == 200
        entry = ended(app, prompt_id)
        assert entry["status"]["messages"][-1][0] == "execution_interrupted"
        mine = send(app, BOB, nodes=SHORT, client_id="shared")
        assert prompts(until_over(socket, mine)) == {mine}


def test_clients_without_an_identity_go_by_ids(served: Served) -> None:
    """Without a cookie, a long client id and the prompt's id lead to a client's own prompts, but no
    list does."""
    _, app = served
    client_id = uuid.uuid4().hex
    with (
        connected(app, f"/ws?clientId={client_id}", "") as socket,
        connected(app, f"/ws?clientId={uuid.uuid4()}", "") as other,
    ):
        foreign = send(app, "", nodes=SHORT)
        prompt_id = send(app, "", nodes=SHORT, client_id=client_id)
        got = until_over(socket, prompt_id)
        assert prompts(got) == {prompt_id}
        assert of_kind(got, "status")[0]["status"]["exec_info"]["queue_remaining"] == 0
        assert ended(app, prompt_id, "")["status"]["completed"]
        assert ended(app, foreign, "")["status"]["completed"]
        assert told(app, "/history", "") == {}
        assert kinds([json.loads(other.recv())]) == ["status"]
        other.settimeout(0.2)
        with pytest.raises(websocket.WebSocketTimeoutException):
            other.recv()


def test_a_client_may_choose_the_prompts_id(served: Served) -> None:
    """An id that a run has already isn't used again, not even by another user."""
    _, app = served
    prompt_id = str(uuid.uuid4())
    assert send(app, nodes=SHORT, prompt_id=prompt_id) == prompt_id
    ended(app, prompt_id)
    for cookie in (ANN, BOB):
        another = send(app, cookie, nodes=SHORT, prompt_id=prompt_id)
        assert another != prompt_id
        ended(app, another, cookie)
    for wrong in ("1", prompt_id.upper(), 7):
        assert refused(app, prompt=SHORT, prompt_id=wrong)["error"]["type"] == "invalid_prompt_id"


def test_the_queue_lists_prompts_in_the_order_of_their_turns(served: Served) -> None:
    """`front` puts a prompt before the user's others. `delete` and `clear` cancel waiting ones."""
    _, app = served
    running, second, third = (send(app, nodes=LONG) for _ in range(3))
    eventually(lambda: told(app, "/queue")["queue_running"])
    first = send(app, nodes=LONG, front=True)
    queue = told(app, "/queue")
    assert [one[1] for one in queue["queue_running"]] == [running]
    assert [one[:2] for one in queue["queue_pending"]] == [[1, first], [2, second], [3, third]]
    assert queue["queue_pending"][0][2] == LONG
    call(app, "POST", "/queue", {"delete": [second, running]})
    eventually(lambda: len(told(app, "/queue")["queue_pending"]) == 2)
    page = start(app, **SMALL)
    call(app, "POST", "/queue", {"clear": True})
    eventually(lambda: len(told(app, "/queue")["queue_pending"]) == 1)
    call(app, "POST", "/api/interrupt", {"prompt_id": running})
    assert ended(app, running)["status"]["status_str"] == "error"
    assert finished(page).state.phase is Phase.DONE
    assert told(app, f"/history/{second}") == {}


def test_the_history_has_sent_prompts(served: Served) -> None:
    """It can be read in parts, oldest first, and deleted."""
    _, app = served
    cookie = "h" * 43
    finished(start(app, cookie=cookie, **SMALL))
    ids = []
    for _ in range(3):
        ids.append(send(app, cookie, nodes=SHORT))
        ended(app, ids[-1], cookie)
    assert [*told(app, "/history", cookie)] == ids
    assert [*told(app, "/history?max_items=2", cookie)] == ids[1:]
    assert [*told(app, "/history?max_items=1&offset=1", cookie)] == [ids[1]]
    assert [*told(app, "/history?offset=2", cookie)] == ids[2:]
    assert told(app, "/history?offset=3", cookie) == {}
    call(app, "POST", "/history", {"delete": ids[:1]}, cookie)
    assert [*told(app, "/history", cookie)] == ids[1:]
    call(app, "PATCH", "/api/v1/runs", {"runs": ids[2:], "favourite": True}, cookie)
    call(app, "POST", "/history", {"clear": True}, cookie)
    assert [*told(app, "/history", cookie)] == ids[2:]
    call(app, "POST", "/history", {"delete": ids[2:]}, cookie)
    assert told(app, "/history", cookie) == {}
    assert [one["workflow"] for one in told(app, "/api/v1/runs", cookie)["runs"]] == [
        "text-to-image"
    ]


@pytest.mark.parametrize(
    ("nodes", "type_"),
    [
        (None, "no_prompt"),
        ([], "invalid_prompt"),
        ({"nodes": [], "links": []}, "invalid_prompt"),
        ({"1": {"inputs": {}}}, "missing_node_type"),
        ({"1": {"class_type": "NodeOfAPack", "inputs": {}}}, "missing_node_type"),
        ({"1": {"class_type": "PreviewAny"}}, "invalid_prompt"),
        ({"1": prompt()["1"]}, "prompt_no_outputs"),
        (prompt(n1_ckpt_name="gone.safetensors"), "prompt_outputs_failed_validation"),
        (prompt(n5_steps=0), "prompt_outputs_failed_validation"),
        (prompt(n5_steps="few"), "prompt_outputs_failed_validation"),
        (prompt(n5_positive=["1", 2]), "prompt_outputs_failed_validation"),
        (prompt(n5_positive=["99", 0]), "prompt_outputs_failed_validation"),
        (prompt(n5_positive=["2", 0, 1]), "prompt_outputs_failed_validation"),
        (prompt(n5_latent_image=["5", 0]), "prompt_outputs_failed_validation"),
        ({"1": {"class_type": "SaveImage", "inputs": {}}}, "prompt_outputs_failed_validation"),
    ],
)
def test_refuses_prompts_as_comfyui_does(served: Served, nodes: Any, type_: str) -> None:
    """The type of the error is ComfyUI's, and nothing starts."""
    _, app = served
    before = len(app.runs.known())
    assert refused(app, prompt=nodes)["error"]["type"] == type_
    assert len(app.runs.known()) == before


def test_names_the_inputs_that_are_wrong(served: Served) -> None:
    """If another output is valid, it runs, and the answer names the errors."""
    _, app = served
    wrong = refused(app, prompt=prompt(n1_ckpt_name="gone.safetensors"))["node_errors"]
    (error,) = wrong["1"]["errors"]
    assert (error["type"], error["extra_info"]["input_name"]) == ("value_not_in_list", "ckpt_name")
    assert (wrong["1"]["class_type"], wrong["1"]["dependent_outputs"]) == (
        "CheckpointLoaderSimple",
        ["7"],
    )
    partly = SHORT | {"9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}}
    content = call(app, "POST", "/prompt", {"prompt": partly}).json()
    assert [*content["node_errors"]] == ["9"]
    assert [*ended(app, content["prompt_id"])["outputs"]] == ["7"]


def test_runs_only_the_outputs_that_a_client_names(served: Served) -> None:
    """`partial_execution_targets` are output nodes."""
    _, app = served
    nodes = SHORT | {"8": SAVED}
    prompt_id = send(app, nodes=nodes, partial_execution_targets=["8"])
    assert [*ended(app, prompt_id)["outputs"]] == ["8"]


def test_a_failed_prompt_tells_why(served: Served) -> None:
    """The socket and the history have ComfyUI's error. The log of actions has no prompt."""
    _, app = served
    with connected(app, "/ws?clientId=one") as socket:
        broken = prompt(n1_ckpt_name="demo-broken.safetensors")
        prompt_id = send(app, nodes=broken, client_id="one")
        (error,) = of_kind(until_over(socket, prompt_id), "execution_error")
    kind, details = ended(app, prompt_id)["status"]["messages"][-1]
    assert kind == "execution_error"
    assert error["node_id"] == details["node_id"] == "1"
    assert details["node_type"] == "CheckpointLoaderSimple"
    assert details["exception_message"]
    events = [one for one in app.runs.history.audit.of(WantedEvents()) if one.run == prompt_id]
    words = "The user's own workflow"
    assert {one.action: one.what.partition(":")[0] for one in events} == dict.fromkeys(
        ("run", "failed"), words
    )


@pytest.mark.parametrize("gone", ["-x*.png", "*.png"])
def test_tells_which_results_are_missing(served: Served, gone: str) -> None:
    """If ComfyUI no longer has a file when the app fetches it, the run says so everywhere. It keeps
    the other results; without any, it has failed."""
    demo, app = served
    name = uuid.uuid4().hex
    other = {"filename_prefix": f"{name}-x", "images": ["6", 0]}
    nodes = prompt(n5_steps=2, n7_filename_prefix=name) | {"8": SAVED | {"inputs": other}}
    folder = demo.storage.folder("output")
    assert folder is not None
    with demo.hold("GET /view") as held:
        prompt_id = send(app, nodes=nodes)
        assert held.reached.wait(LONGEST_WAIT)
        missing = [path.name for path in folder.glob(name + gone)]
        for path in missing:
            (folder / path).unlink()
    entry = ended(app, prompt_id)
    document = told(app, f"/api/v1/runs/{prompt_id}")
    page = told(app, f"/api/v1/runs/{prompt_id}?with_page=true")
    is_partial = len(missing) == 1
    assert document["phase"] == ("done" if is_partial else "failed")
    assert [*entry["outputs"]] == (["7"] if is_partial else [])
    assert len(document["files"]) == is_partial
    assert all(file["sha256"] for file in document["files"])
    why = f"{missing[0]} is no longer available."
    assert why in document["error"]["message"]
    assert why in page["headline"] + page["page"]["advice"]
    assert page["headline"] != "Done"
    assert page["page"]["again"]
    kind, about = entry["status"]["messages"][-1]
    assert kind == ("execution_success" if is_partial else "execution_error")
    assert is_partial or why in about["exception_message"]
    assert entry["status"]["completed"] is is_partial


def test_the_server_writes_the_clients_workflow_into_results(served: Served) -> None:
    """ComfyUI's editor and other clients send it as `extra_pnginfo`. Keys of accounts stay
    secret."""
    demo, app = served
    extra = {"extra_pnginfo": {"workflow": {"nodes": []}}, "api_key_comfy_org": "secret"}
    label = {"workflow_metadata": {"job": "7"}}
    prompt_id = send(app, nodes=prompt(n5_steps=1), extra_data=extra, **label)
    shown = ended(app, prompt_id)["prompt"][3]
    assert shown["extra_pnginfo"] == extra["extra_pnginfo"]
    assert "secret" not in json.dumps(shown)
    sent = demo.queue.history()[app.runs.record(prompt_id, f"browser:{ANN}").state.prompt_id]
    assert sent["prompt"][3]["extra_pnginfo"] == extra["extra_pnginfo"]
    assert sent["prompt"][3]["workflow_metadata"] == label["workflow_metadata"]


def test_the_page_shows_sent_prompts(served: Served) -> None:
    """They have a title and can be stopped and repeated, but open no workflow."""
    _, app = served
    opened = app.services.forms.opened_by(f"browser:{ANN}")
    prompt_id = send(app, nodes=LONG)
    (doc,) = [one for one in told(app, "/api/v1/runs")["runs"] if one["id"] == prompt_id]
    assert doc["title"].startswith("a small harbor town")
    assert doc["workflow"] == SENT_PROMPT
    assert doc["seeds"] == {"5.seed": "406127"}
    eventually(lambda: told(app, "/queue")["queue_running"])  # otherwise it enters no history
    assert call(app, "POST", f"/api/v1/runs/{prompt_id}/stop").json()["id"] == prompt_id
    ended(app, prompt_id)
    assert app.services.forms.opened_by(f"browser:{ANN}") == opened
    first = send(app, nodes=SHORT)
    ended(app, first)
    again = call(app, "POST", f"/api/v1/runs/{first}/again")
    assert again.status_code == 201, again.text
    assert ended(app, again.json()["id"])["status"]["completed"]


def test_refuses_files_of_others(served: Served) -> None:
    """A prompt may name the user's own results and uploads, but nothing else on the server. Clients
    show the input, as they do at ComfyUI."""
    _, app = served
    first = send(app, nodes=SHORT)
    name = ended(app, first)["outputs"]["7"]["images"][0]["filename"]

    def loads(value: object) -> Json:
        nodes = {"1": {"class_type": "LoadImage", "inputs": {"image": value}}}
        return nodes | {"2": SAVED | {"inputs": {"filename_prefix": "x", "images": ["1", 0]}}}

    for value in ("example.png", f"{name} [output]", {"__value__": f"{name} [output]"}, "../x.png"):
        told = refused(app, prompt=loads(value))
        assert told["error"]["type"] == "prompt_outputs_failed_validation"
        (error,) = told["node_errors"]["1"]["errors"]
        assert (error["type"], error["extra_info"]) == ("custom_validation_failed", IMAGE)
    own = loads(f"{first}/{name} [output]")
    assert ended(app, send(app, nodes=own))["status"]["completed"]
    theirs = refused(app, cookie=BOB, prompt=own)["node_errors"]
    assert theirs["1"]["dependent_outputs"] == ["2"]


def test_tells_which_outputs_comfyui_leaves_out() -> None:
    """An administrator's prompt may name the server's files. The answer for an unknown one is
    ComfyUI's, and the run says which part is missing."""
    load = {"class_type": "LoadImage", "inputs": {"image": "gone.png"}}
    left_out = {"20": load, "21": SAVED | {"inputs": {"filename_prefix": "x", "images": ["20", 0]}}}
    anyone = Permissions(trusts=lambda _: True)
    with running_demo_app(step_seconds=0, permissions=anyone) as (demo, app):
        for nodes in (left_out, SHORT | left_out):
            answer = call(app, "POST", "/prompt", {"prompt": nodes})
            theirs = requests.post(
                f"{demo.url}/prompt", json={"prompt": nodes}, timeout=LONGEST_WAIT
            )
            assert answer.status_code == theirs.status_code
            assert answer.json()["node_errors"] == theirs.json()["node_errors"]
        prompt_id = answer.json()["prompt_id"]
        entry = ended(app, prompt_id)
        assert [*entry["outputs"]] == ["7"]
        document = told(app, f"/api/v1/runs/{prompt_id}")
        page = told(app, f"/api/v1/runs/{prompt_id}?with_page=true")
        assert document["error"]["message"] == "The server skipped part of the workflow."
        assert "gone.png" in document["error"]["hint"]
        assert document["error"]["hint"] in page["page"]["advice"]
        assert page["headline"] == document["headline"] == "Done, but some results are missing."
        kinds = [kind for kind, _ in entry["status"]["messages"]]
        assert kinds == ["execution_start", "execution_cached", "execution_success"]


def test_refuses_what_opened_workflows_may_not_do() -> None:
    """Their permissions apply: whether users open workflows, and which nodes may be in them."""
    core = frozenset(node["class_type"] for node in prompt().values())
    for permissions, message in (
        (Permissions(open=lambda _: False), "turned off"),
        (Permissions(nodes=core - {"SaveImage"}), "can't use “SaveImage”"),
    ):
        with running_demo_app(step_seconds=0, permissions=permissions) as (_, app):
            assert message in refused(app, prompt=SHORT)["error"]["message"]
            assert app.runs.known() == ()
            if not permissions.open(""):  # a body isn't read; errors would name a server's nodes
                with contextlib.closing(HTTPConnection(urlsplit(app.url).netloc)) as connection:
                    connection.putrequest("POST", "/prompt")
                    connection.putheader("content-length", str(20 * MIB))
                    connection.endheaders()
                    assert message in connection.getresponse().read().decode()
                unknown = {"1": {"class_type": "NodeOfAPack", "inputs": {}}}
                assert message in refused(app, prompt=unknown)["error"]["message"]


def test_errors_of_a_large_prompt_stay_short(served: Served) -> None:
    """Each of many wrong nodes would otherwise name each of many outputs."""
    wrong = {f"{at}": {"class_type": "EmptyLatentImage", "inputs": {}} for at in range(400)}
    result = {"class_type": "SaveImage", "inputs": {"images": ["0", 0], "filename_prefix": "x"}}
    _, app = served
    told = refused(app, prompt=wrong | {f"o{at}": result for at in range(100)})
    assert 0 < len(told["node_errors"]) <= 100
    long = refused(app, prompt={"9" * 2000: {"class_type": "SaveImage", "inputs": {}}})
    assert long["error"]["type"] == "workflow_refused"
    ring = [f"{at}".ljust(100) for at in range(200)]
    nodes = {
        one: {"class_type": "ImageInvert", "inputs": {"image": [ring[at - 1], 0]}}
        for at, one in enumerate(ring)
    }
    result["inputs"]["images"] = [ring[0], 0]
    loop = refused(app, prompt={**nodes, "out": result})
    assert "dependency_cycle" in str(loop["node_errors"])
    assert len(json.dumps(loop)) < 2_000_000


def test_a_paid_prompt_needs_a_confirmation() -> None:
    """The client's own key isn't used. A chosen id doesn't skip the question."""
    nodes = {"1": {"class_type": "PartnerText", "inputs": {"prompt": "a", "length": 2}}}
    with running_demo_app(step_seconds=0, app_key=APP_KEY) as (_, app):
        content = refused(app, 402, prompt=nodes, prompt_id=str(uuid.uuid4()))
        assert content["error"]["type"] == "payment_not_confirmed"
        confirmed = {"confirm_paid": True, "api_key_comfy_org": "another"}
        for extra in (confirmed, {}):
            run_id = send(app, nodes=nodes, extra_data=extra)
            assert ended(app, run_id)["status"]["completed"]
        again = call(app, "POST", f"/api/v1/runs/{run_id}/again")
        assert again.status_code == 201, "these nodes are confirmed"


def test_a_token_is_a_clients_password() -> None:
    """Clients send it in a header, or as password in the address. Without it, all calls are refused
    in ComfyUI's format."""
    with running_demo_app(step_seconds=0, settings=LOGIN) as (_, app):
        with requests.Session() as session:
            user = dict(zip(("username", "password"), ANN_USER, strict=True))
            session.post(f"{app.url}/login", user, timeout=LONGEST_WAIT)
            url = f"{app.url}/account/tokens"
            page = session.post(url, {"label": "a"}, timeout=LONGEST_WAIT).text
        (token,) = re.findall(r"comfyforms_[\w-]{43}", page)
        basic = b64encode(f"any:{token}".encode()).decode()
        for value in (f"Bearer {token}", f"Basic {basic}"):
            headers = {"authorization": value}
            with requests.get(f"{app.url}/queue", headers=headers, timeout=LONGEST_WAIT) as answer:
                assert answer.status_code == 200
        for value in ("Basic !", f"Basic {b64encode(b'ann:wrong').decode()}", "Basic"):
            headers = {"authorization": value}
            with requests.get(f"{app.url}/queue", headers=headers, timeout=LONGEST_WAIT) as answer:
                assert answer.status_code == 401
                assert "Create one on the page “Your account”." in answer.json()["error"]["message"]
        for path in ("/history", "/api/upload/image"):
            with requests.post(f"{app.url}{path}", timeout=LONGEST_WAIT) as answer:
                assert answer.json()["error"].keys() == ERROR
                assert (answer.status_code, answer.json()["node_errors"]) == (401, {})
        # A browser may add the password to another site's request.
        headers = {"authorization": f"Basic {basic}", "origin": "https://evil.example"}
        url = f"{app.url}/interrupt"
        with requests.post(url, headers=headers, timeout=LONGEST_WAIT) as answer:
            assert answer.status_code == 401


def test_prompts_survive_a_restart(tmp_path: Path) -> None:
    """A prompt that waits keeps its id and its turn, and the history stays."""
    with running_demo_app(step_seconds=0.03, data=tmp_path) as (demo, app):
        first = send(app, nodes=SHORT)
        ended(app, first)
        chosen = str(uuid.uuid4())
        send(app, nodes=LONG)
        assert send(app, nodes=prompt(n5_steps=3), prompt_id=chosen, client_id="c") == chosen
        app.server.should_exit = True
    assert demo.url
    with running_demo_app(step_seconds=0, data=tmp_path) as (_, app):
        assert first in told(app, "/history")
        entry = ended(app, chosen)
        assert entry["prompt"][3]["client_id"] == "c"


def test_a_prompt_reads_a_run_once_for_all_its_results(served: Served) -> None:
    """Reading parses the whole record, which may have many megabytes."""
    _, app = served
    engine, run = app.runs.history.engine, send(app)
    ended(app, run)
    record = app.runs.history.get_many([run], None)[run]
    older = replace(record, id=str(uuid.uuid4()))  # not in memory
    app.runs.history.end(older)
    names = [f"{older.id}/{older.state.files[0].filename} [output]"] * 30
    read = list[str]()

    def note(
        _connection: object, _cursor: object, statement: str, values: object, *_: object
    ) -> None:
        if "FROM runs" in statement and older.id in str(values):
            read.append(statement)

    def statements(names: list[str]) -> int:
        loads = {
            str(at): {"class_type": "LoadImage", "inputs": {"image": name}}
            for at, name in enumerate([*names, "unknown.png"])
        }
        saved = SAVED["inputs"]
        saves = {f"s{at}": SAVED | {"inputs": saved | {"images": [at, 0]}} for at in loads}
        before = len(read)
        refused(app, prompt=loads | saves)
        return len(read) - before

    event.listen(engine, "before_cursor_execute", note)
    try:
        assert statements(names) == statements(names[:1]) > 0
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_any_server_runs_a_prompt_and_reads_earlier_results() -> None:
    """A result of one server is the input of a prompt on another."""
    with running_demo_app(step_seconds=0.01) as (first, app), running_demo_app() as (second, _):
        with running_app(first.url, second.url) as both:
            ids = [send(both, nodes=prompt(n5_steps=20, n5_seed=at)) for at in range(4)]
            entries = [ended(both, one) for one in ids]
            for at, entry in enumerate(entries):
                (image,) = entry["outputs"]["7"]["images"]
                value = f"{image['subfolder']}/{image['filename']} [output]"
                nodes = {
                    "1": {"class_type": "LoadImage", "inputs": {"image": value}},
                    "2": SAVED | {"inputs": {"filename_prefix": f"b{at}", "images": ["1", 0]}},
                }
                assert ended(both, send(both, nodes=nodes))["status"]["completed"]
            assert {one.record.server for one in both.runs.known()} == {first.url, second.url}
        assert app.url
