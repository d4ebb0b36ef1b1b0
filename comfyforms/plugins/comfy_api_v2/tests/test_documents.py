"""Documents of Comfy API v2: states, errors, outputs and addresses. Without a server."""

from __future__ import annotations

import time

import pytest
from fastapi import Request

from comfy.base.errors import NodeError
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState
from comfy.records.audit import DAY
from comfy.records.record import Job, Record
from comfyforms.plugins.comfy_api_v2.addresses import FileAddresses
from comfyforms.plugins.comfy_api_v2.documents import Links, job_document, outputs_of
from comfyforms.plugins.comfy_api_v2.jobs import Jobs

LINKS = Links("/forms", lambda asset_id, until: (asset_id, until))
PROMPT = {"5": {"class_type": "KSampler", "inputs": {}}}


def record(**state: object) -> Record:
    return Record("r", "browser:ann", Job(PROMPT, "w"), 1.5, RunState("p", **state))


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ({}, "queued", None),
        ({"phase": Phase.RUNNING}, "running", None),
        ({"phase": Phase.DONE}, "succeeded", None),
        (
            {"phase": Phase.DONE, "node_errors": [NodeError("5", "x", "KSampler", "t", "m", "d")]},
            "succeeded",
            "missing_outputs",
        ),
        ({"phase": Phase.STOPPED}, "canceled", None),
        ({"phase": Phase.STOPPED, "error": RunError("Too long.")}, "canceled", "canceled"),
        (
            {"phase": Phase.FAILED, "error": RunError("No.", node="5")},
            "failed",
            "node_execution_error",
        ),
        ({"phase": Phase.REFUSED}, "failed", "invalid_workflow"),
        ({"phase": Phase.LOST}, "failed", "upstream_error"),
    ],
)
def test_a_job_has_a_status_and_an_error(
    state: dict[str, object], status: str, code: str | None
) -> None:
    job = job_document(record(**state), None, LINKS, 2.0)
    assert (job["status"], job["error"] and job["error"]["code"]) == (status, code)
    assert (job["created_at"], job["expires_at"]) == (
        "1970-01-01T00:00:01.500Z",
        "1970-01-01T00:00:02.000Z",
    )
    if job["error"]:
        assert job["error"]["message"]
    if code == "node_execution_error":
        assert (job["error"]["node_id"], job["error"]["class_type"]) == ("5", "KSampler")


def test_outputs_keep_their_ids_in_any_order() -> None:
    """All kinds are there."""
    files = (
        OutputFile("a.png", "", "output", "image", "1"),
        OutputFile("a.glb", "", "output", "3d", "2"),
        OutputFile("a.latent", "sub", "output", "file", "3"),
    )
    texts = TextOutput("4", "a"), TextOutput("5", "b"), TextOutput("5", "c")
    first = list(outputs_of(record(files=files, texts=texts)))
    other = list(outputs_of(record(files=files[::-1], texts=texts[1:] + texts[:1])))
    assert {one.id: one for one in first} == {one.id: one for one in other}
    assert [one.type for one in first] == ["image", "file", "latent", "text", "text", "text"]
    assert first[2].value == "r/sub/a.latent [output]"


def test_only_links_of_jobs_keep_a_token() -> None:
    """They have no host, but the prefix of the request, which may have a token. The URLs of files
    have a seal instead, which ends after a day."""
    scope = {
        **{"type": "http", "scheme": "https", "method": "GET", "path": "/api/v2/jobs"},
        **{"root_path": "/below/token", "query_string": b"", "server": ("here", 80)},
        "headers": [(b"host", b"forms.example")],
    }
    files = FileAddresses(bytes(32))
    jobs = Jobs(None, "/forms", files)  # type: ignore[arg-type]
    links, now = jobs.links(Request(scope), "user:ann"), time.time()
    of_run = record(files=(OutputFile("a", "", "output", "file", "1"),))
    job = job_document(of_run, 1, links, now + 10 * DAY)
    assert job["urls"]["events"] == "/forms/below/token/api/v2/jobs/r/events"
    (output,) = job["outputs"]
    start, _, seal = output["url"].rpartition("/")
    assert start == "https://forms.example/forms/api/v2/files"
    assert files.opened(seal) == ("user:ann", output["id"])
    assert output["url_expires_at"] < output["expires_at"]
    assert FileAddresses(bytes(31) + b"x").opened(seal) is None
    assert files.opened(files.sealed("user:ann", output["id"], now)) is None
