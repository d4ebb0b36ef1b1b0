"""Answers match `openapi.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import requests

from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from tests.ui.api.api_calls import QUICK, call, problem, run_of

RUNS = "/workflows/text-to-image/runs"
BATCH = {"values": QUICK, "axes": [{"field": "2.text", "text": "a\nb"}]}
CHAIN = {"values": {"base.4.width": 256, "base.4.height": 256, "detail.runs": False}}


class Document:
    """An app's OpenAPI document, which validates the app's answers."""

    def __init__(self, app: RunningApp) -> None:
        self._app, self.told = app, call(app, "GET", "/openapi.json").json()

    def asked(
        self, method: str, path: str, at: str = "", status: int = 200, **options: Any
    ) -> requests.Response:
        """Return the answer to a request for a path of the document. The document must list the
        answer's status and type, and its schema must match the body."""
        answer = call(self._app, method, at or path, **options)
        assert answer.status_code == status, answer.text
        responses = self.told["paths"][path][method.lower()]["responses"]
        said = responses.get(str(status)) or responses[f"{status // 100}XX"]
        if not answer.content:
            assert "content" not in said or status == 304
            return answer
        kind = answer.headers["content-type"].partition(";")[0]
        content = said["content"]
        assert kind in content or "*/*" in content
        if kind.endswith("json"):
            whole = {**content[kind].get("schema", {}), "components": self.told["components"]}
            jsonschema.Draft202012Validator(whole).validate(answer.json())
        return answer


@pytest.fixture
def document(app: RunningApp) -> Document:
    return Document(app)


@pytest.mark.parametrize(
    ("kind", "workflow", "body"),
    [
        ("runs", "text-to-image", {"values": QUICK}),
        ("batches", "text-to-image", BATCH),
        ("chains", "create-upscale-detail.chain", CHAIN),
    ],
)
def test_a_start_in_parts_is_in_the_document(
    document: Document, kind: str, workflow: str, body: dict[str, Any]
) -> None:
    """The document lists `multipart/form-data` with the same parts as the JSON, and the app accepts
    it."""
    path = f"/workflows/{{name}}/{kind}"
    content = document.told["paths"][path]["post"]["requestBody"]["content"]
    as_json, parts = (
        content[one]["schema"]["properties"] for one in ("application/json", "multipart/form-data")
    )
    assert as_json.keys() == parts.keys()
    sent = {name: (None, json.dumps(value)) for name, value in body.items()}
    at = f"/workflows/{workflow}/{kind}?wait=true"
    document.asked("POST", path, at, 201, files=sent)


def test_a_run_matches_its_schema(app: RunningApp, document: Document) -> None:
    """The schema covers whole and partial answers, answers to a client that has the data already,
    and an active run."""
    run = run_of(app)
    at, file = run["url"], run["files"][0]["url"]
    document.asked("GET", "/runs")
    document.asked("GET", "/runs/{run_id}", at)
    end = document.asked("GET", "/runs/{run_id}/events", f"{at}/events").text
    known = {"last-event-id": end.partition("\n")[0].removeprefix("id: ")}
    document.asked("GET", "/runs/{run_id}/events", f"{at}/events", 204, headers=known)
    files = "/runs/{run_id}/files/{n}"
    tag = document.asked("GET", files, file).headers["etag"]
    document.asked("GET", files, file, 206, headers={"range": "bytes=0-9"})
    document.asked("GET", files, file, 304, headers={"if-none-match": tag})
    document.asked("GET", files, file, 416, headers={"range": "bytes=99999999-"})
    document.asked("GET", "/runs/{run_id}/preview", f"{at}/preview", 404)
    values = {**QUICK, "5.steps": 60}
    going = document.asked("POST", "/workflows/{name}/runs", RUNS, 201, json={"values": values})
    going_at = going.json()["url"]
    document.asked("DELETE", "/runs/{run_id}", f"{going_at}?stop=false", 409)
    document.asked("DELETE", "/runs/{run_id}", going_at, 202)
    document.asked("POST", "/runs/{run_id}/stop", f"{going_at}/stop")
    document.asked("DELETE", "/runs/{run_id}", at)
    document.asked("GET", "/runs/{run_id}", at, 404)


def test_every_answer_has_a_schema(document: Document) -> None:
    """Every JSON answer has a schema, except the empty answer to deleting a group."""
    empty = {"/batches/{batch_id}", "/chains/{chain_id}"}
    without = [
        (method, path, status)
        for path, methods in document.told["paths"].items()
        for method, told in methods.items()
        for status, answer in told["responses"].items()
        for kind, content in answer.get("content", {}).items()
        if kind.endswith("json") and not content.get("schema")
        if (method, path in empty) != ("delete", True)
    ]
    assert without == []


def test_all_lists_are_paged_alike(document: Document) -> None:
    """A list with a `limit` takes the `next` of its answer as the `cursor`, which is a text."""
    paged = set()
    for path, methods in document.told["paths"].items():
        told = methods.get("get", {})
        takes = {one["name"]: one["schema"] for one in told.get("parameters", ())}
        assert not takes.keys() & {"offset", "before", "after", "start", "from"}, path
        if "limit" in takes:
            schema = told["responses"]["200"]["content"]["application/json"]["schema"]
            answer = document.told["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            assert takes["cursor"]["type"] == "string", path
            kinds = [one["type"] for one in answer["properties"]["next"]["anyOf"]]
            assert kinds == ["string", "null"], path
            paged.add(path)
    assert {"/runs", "/batches/{batch_id}/rows", "/admin/audit"} <= paged


def test_batches_and_chains_match_their_schemas(document: Document) -> None:
    """They match alone and in lists, with their rows or steps, while active and at the end. Their
    workflows match too."""
    document.asked("GET", "/workflows")
    document.asked("GET", "/workflows/{name}", "/workflows/inpaint")
    document.asked("GET", "/workflows/{name}", "/workflows/create-upscale-detail.chain")
    for name in ("ListedWorkflow", "WorkflowDetails"):
        kind = document.told["components"]["schemas"][name]["properties"]["kind"]
        assert kind["enum"] == ["workflow", "chain"]
    starts = (
        ("/batches", "/workflows/text-to-image/batches", "/batches/{batch_id}", BATCH),
        ("/chains", "/workflows/create-upscale-detail.chain/chains", "/chains/{chain_id}", CHAIN),
    )
    for every, start, path, body in starts:
        begun = document.asked("POST", f"/workflows/{{name}}{every}", start, 201, json=body).json()
        ended = document.asked(
            "POST", f"/workflows/{{name}}{every}", f"{start}?wait=true", 201, json=body
        ).json()
        assert ended["state"] == "done"
        for one in (begun, ended):
            document.asked("GET", path, one["url"])
        document.asked("GET", every)
        stop = "/batches/{batch_id}/{change}" if every == "/batches" else f"{path}/stop"
        document.asked("POST", stop, f"{begun['url']}/stop")
    batch = _batch_url(document)
    rows = document.asked("GET", "/batches/{batch_id}/rows", f"{batch}/rows").json()
    assert rows["rows"][0]["run"]["phase"] == "done"
    document.asked("GET", "/batches/{batch_id}/rows/{index}/values", f"{batch}/rows/0/values")
    image = document.asked("GET", "/batches/{batch_id}/sheet.png", f"{batch}/sheet.png").content
    document.asked("POST", "/grids/opened", data=image)
    chain = document.asked("GET", "/chains").json()["chains"][0]
    (*_, step) = document.asked("GET", "/chains/{chain_id}", chain["url"]).json()["steps"]
    results = f"{chain['url']}/steps/{step['name']}/results?run={step['ended'][0]}"
    listed = document.asked("GET", "/chains/{chain_id}/steps/{name}/results", results).json()
    assert listed["runs"][0]["page"]["results"] == 1


def _batch_url(document: Document) -> str:
    """Return the path of the newest finished batch."""
    every = document.asked("GET", "/batches").json()["batches"]
    return str(next(one["url"] for one in every if one["state"] == "done"))


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each operation with its path and method."""
    for path, methods in document.told["paths"].items():
        for method, told in methods.items():
            yield path, method, told


def test_operations_have_short_unique_names(document: Document) -> None:
    """Generated clients name their functions after them: a verb, and what it is about."""
    names = [told["operationId"] for _, _, told in operations(document)]
    assert len(names) == len({*names}) > 100
    assert {"start_run", "get_run", "list_runs", "start_batch", "get_workflow"} <= {*names}
    for name in names:
        assert re.fullmatch(r"[a-z]+(_[a-z]+){1,3}", name), name


def test_generators_learn_every_type(document: Document) -> None:
    """Each list has a type of items, each object has properties or says that any are allowed, and
    each answer with a body has a media type with a schema."""

    def check(part: object) -> None:
        match part:
            case {"type": "array"}:
                assert part.keys() & {"items", "prefixItems"}, part
            case {"type": "object"}:
                assert part.keys() & {"properties", "additionalProperties"}, part
        for inner in part.values() if isinstance(part, dict) else ():
            check(inner)
        for inner in part if isinstance(part, list) else ():
            check(inner)

    check(document.told)
    for path, method, told in operations(document):
        content = told["responses"].get("200", {"content": True}).get("content")
        assert content, (method, path)
        if isinstance(content, dict):
            assert all("schema" in one for one in content.values()), (method, path)


def test_options_lists_the_methods_of_the_document(document: Document, app: RunningApp) -> None:
    """HEAD, which the document doesn't list, may come in addition."""
    for path, methods in document.told["paths"].items():
        answer = call(app, "OPTIONS", re.sub(r"{[^}]*}", "0", path))
        assert answer.status_code == 405
        allowed = {*answer.headers["allow"].lower().split(", ")}
        assert allowed - {"head"} == {*methods}, path


def test_a_required_body_is_required(document: Document, app: RunningApp) -> None:
    """An optional one is not, except where the workflow itself needs values."""
    for path, method, told in operations(document):
        if told.get("requestBody", {}).get("required"):
            at = re.sub(r"{[^}]*}", "text-to-image" if "workflows" in path else "0", path)
            assert call(app, method.upper(), at).status_code in (404, 409, 422), (method, path)
    check = document.told["paths"]["/workflows/{name}/batches/check"]["post"]
    assert not check["requestBody"]["required"]
    document.asked("POST", "/workflows/{name}/batches/check", f"{RUNS[:-5]}/batches/check")


def test_no_path_is_answered_in_another_form(app: RunningApp) -> None:
    """A path with a line break, which the surrounding app doesn't count as the API's, gets a
    problem document too. So do a path with an extra slash and the API's root."""
    for path in ("/runs/a%0Ab", "/workflows/%0A", "/%0A", "/api/v1/", "/health/", "/runs/a/"):
        problem(call(app, "GET", path, allow_redirects=False), 404)
    problem(call(app, "POST", "/uploads/", allow_redirects=False), 404)
    with requests.get(f"{app.url}/api/v1", cookies=cookie_of(ANN), timeout=LONGEST_WAIT) as itself:
        problem(itself, 404)
    told = call(app, "GET", "/runs/a%0Ab", headers={"accept": "text/html"})
    problem(told, 404)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/runs", "GET, PATCH"),
        ("/runs/1", "DELETE, GET"),
        ("/runs/1/files/0", "GET, HEAD"),
        ("/runs/1/stop", "POST"),
        ("/chains/1/stop", "POST"),
        ("/batches/1/grid", "GET"),
        ("/batches/1/pause", "POST"),
        ("/workflows/a/runs", "POST"),
        ("/workflows/a/b", "DELETE, GET"),
    ],
)
def test_an_unknown_method_gets_the_allowed_ones(app: RunningApp, path: str, methods: str) -> None:
    """The answer lists the methods of all routes at the address."""
    answer = call(app, "OPTIONS", path)
    problem(answer, 405)
    assert answer.headers["allow"] == methods


def test_a_page_of_a_batch_is_no_change(app: RunningApp) -> None:
    """A method of a similar path is answered like any other unknown method."""
    answer = call(app, "POST", "/batches/1/grid")
    problem(answer, 405)
    assert answer.headers["allow"] == "GET"
    problem(call(app, "POST", "/batches/1/unknown"), 422)
