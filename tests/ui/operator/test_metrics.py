"""The Prometheus metrics, and who can read them."""

from __future__ import annotations

import logging

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from comfy.runs.interface import Origin, RunPolicy
from tests.security.signing_in import socket_of
from tests.support.sampler import LONG, job
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.operator.conftest import TOKEN, Place
from ui.settings.logs import LINES, LogLimit

Samples = dict[tuple[str, str], float]


def scraped(place: Place) -> Samples:
    """Return the values by name and labels, as Prometheus's own parser reads them."""
    text = place.anna.get(f"{place.app.url}/metrics", timeout=LONGEST_WAIT).text
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_runs_are_counted_by_phase(place: Place) -> None:
    """The metrics count waiting and running runs, and the runs that ended since the start with
    their durations."""
    runs = place.app.runs
    place.app.services.forms.catalog.get()
    before = scraped(place)
    done = runs.submit(job(), Origin("user:ben"), RunPolicy(keeps_going=True))
    for _ in done.watch(LONGEST_WAIT):
        pass
    eventually(lambda: runs.totals.timed > before["comfyforms_run_seconds_count", ""])
    three = [
        runs.submit(job(LONG), Origin("user:ben"), RunPolicy(keeps_going=True)) for _ in range(3)
    ]
    eventually(lambda: [run.state.phase for run in three].count("running") == 2)
    now = scraped(place)
    assert now["comfyforms_runs", "running"] == 2
    assert now["comfyforms_runs", "waiting"] == 1
    assert now["comfyforms_waiting_runs", "busy"] == 1
    models = {key[1]: by for key, by in now.items() if key[0] == "comfyforms_waiting_model_runs"}
    assert models == {three[0].job.prompt["1"]["inputs"]["ckpt_name"]: 1}
    grown = {
        key: now[key] - before[key]
        for key in now
        if key[0] in ("comfyforms_runs_ended_total", "comfyforms_run_seconds_count")
    }
    assert {key[1] for key, by in grown.items() if by} == {"done", ""}
    assert now["comfyforms_run_seconds_bucket", "1800.0"] == now["comfyforms_run_seconds_count", ""]
    for run in three:
        run.cancel()
    eventually(lambda: all(run.state.phase.finished for run in three))
    eventually(lambda: scraped(place)["comfyforms_runs_ended_total", "stopped"] >= 3)


def test_servers_and_pages_get_events(place: Place) -> None:
    """The metrics name each server by its address, without its credentials, and count the open
    pages."""
    with socket_of(place.app, place.anna) as socket:
        socket.recv()
        text = place.anna.get(f"{place.app.url}/metrics", timeout=LONGEST_WAIT).text
    assert TOKEN not in text
    for demo in (place.one, place.other):
        assert f'comfyforms_server_up{{server="{demo.url}"}} 1.0' in text
        assert f'comfyforms_server_queue{{server="{demo.url}",state="waiting"}} 0.0' in text
        assert f'comfyforms_server_memory_free_bytes{{device="0",server="{demo.url}"}}' in text
    assert "comfyforms_open_pages 1.0" in text
    assert "comfyforms_open_sockets 1.0" in text


def test_failures_are_counted_by_kind(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """The metrics count each kind, and many failures of one kind leave room for another in the log.
    It has their tracebacks without the errors' texts, which may be a user's."""

    async def broken(request: Request) -> Response:
        if request.url.path == "/status":
            return Response(status_code=500)
        raise {"/key": KeyError, "/value": ValueError}[request.url.path]("a secret")

    added = [Route(path, broken) for path in ("/key", "/value", "/status")]
    place.app.asgi.router.routes[:0] = added
    logging.getLogger("ui.web.failures").addFilter(limit := LogLimit())
    try:
        for path in ("/key",) * (LINES + 2) + ("/value", "/status"):
            answer = place.anna.get(f"{place.app.url}{path}", timeout=LONGEST_WAIT)
            assert (answer.status_code, "Try again" in answer.text) == (500, True)
    finally:
        logging.getLogger("ui.web.failures").removeFilter(limit)
        del place.app.asgi.router.routes[: len(added)]
    failures = {kind: n for (name, kind), n in scraped(place).items() if "_failures_" in name}
    assert sorted(failures.values()) == [1, 1, LINES + 2]
    assert {kind.split()[0] for kind in failures} == {"KeyError", "ValueError", "status"}
    lines = [one.getMessage() for one in caplog.records if "request failed" in one.getMessage()]
    assert (len(lines), len(set(lines))) == (LINES + 2, 3)
    assert 'raise {"/key": KeyError' in caplog.text
    assert "ValueError: a secret" not in caplog.text
    place.app.asgi.state.failures.clear()
