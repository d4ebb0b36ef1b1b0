"""Answers match `openapi.json`."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.samples.media import saved
from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT
from tests.ui.api import test_document as twin
from tests.ui.api.api_calls import QUICK, call
from tests.ui.api.test_document import BATCH, CHAIN, RUNS, Document
from ui.api import app as app_module

document = twin.document


def test_starts_match_the_document(document: Document) -> None:
    """Starts of one run, several runs, a batch, a chain and uploads match the document: new, sent
    again, and refused."""
    chains = "/workflows/create-upscale-detail.chain/chains"
    starts = (
        ("/workflows/{name}/runs", RUNS, {"json": {"values": QUICK, "callback": None}}),
        ("/workflows/{name}/runs", RUNS, {"json": {"values": QUICK, "count": 2}}),
        ("/workflows/{name}/batches", "/workflows/text-to-image/batches", {"json": BATCH}),
        ("/workflows/{name}/chains", chains, {"json": CHAIN}),
        ("/uploads", "/uploads", {"files": {"file": ("a.png", saved("PNG"))}}),
    )
    for number, (path, at, body) in enumerate(starts):
        headers = {"idempotency-key": f"document {number}"}
        for status in (201, 200):
            document.asked("POST", path, at, status, headers=headers, **body)
    document.asked("POST", starts[0][0], RUNS, 422, json={"values": {"5.steps": 0}})
    document.asked("POST", "/workflows/{name}/batches", starts[2][1], 422, json={})


def test_writing_the_document_delays_no_other_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a second or more, once."""
    begun, released, write = threading.Event(), threading.Event(), app_module.get_openapi

    def write_slowly(*given: Any, **options: Any) -> dict[str, Any]:
        begun.set()
        assert released.wait(LONGEST_WAIT)
        return write(*given, **options)

    monkeypatch.setattr(app_module, "get_openapi", write_slowly)
    with running_demo_app(step_seconds=0) as (_, app), ThreadPoolExecutor() as others:
        document = others.submit(call, app, "GET", "/openapi.json")
        try:
            assert begun.wait(LONGEST_WAIT)
            assert call(app, "GET", "/health").status_code == 200
        finally:
            released.set()
        told = document.result().content
        begun.clear()
        assert call(app, "GET", "/openapi.json").content == told
        assert not begun.is_set()
