"""Chains for scripts: an endpoint of Gradio's API."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from typing import Any

import gradio as gr

from comfy.base.errors import ChainNotFound
from comfy.chains.open_chain import ChainStanding
from comfy.chains.queue import ChainQueue
from comfy.runs.interface import Origin, RunRegistry
from ui.documents.chain_doc import chain_doc
from ui.doors.gradio.api import (
    MOST_AT_ONCE,
    as_gradio_errors,
    followed,
    releases_session,
    results_of,
    values_of_script,
)
from ui.gradio.internals import api
from ui.web.identity import NOBODY, Identity
from ui.web.shares import where


def add_chain_api(chains: ChainQueue, runs: RunRegistry, identity: Identity) -> None:
    """Add the endpoint `/chain`; called inside the Blocks."""

    def chain(name: str, values: dict[str, Any], request: gr.Request) -> Iterator[dict[str, Any]]:
        """Run a chain and yield the progress of its steps; the last answer has the results of all
        steps. The chain stops when its caller leaves.

        name: as in the page's address. values: the form's values, by step and field key
        ("base.6.text"); "detail.runs": false skips an optional step, a switch is set by its name
        ("switches:.large": true). Values that are left out keep the author's, seeds are random,
        and files are data:…;base64,… URLs.
        """
        with releases_session(request):
            owner = identity.person(request)
            yield from chain_of_script(
                chains, runs, name, values_of_script(values), owner, where(request, owner)
            )

    api(chain, api_name="chain", concurrency_limit=MOST_AT_ONCE)


def chain_of_script(
    chains: ChainQueue,
    runs: RunRegistry,
    name: str,
    values: dict[str, Any],
    owner: str,
    address: str,
) -> Iterator[dict[str, Any]]:
    """Yield a chain's progress at each change, then its last state with its steps' results. The
    chain stops when its caller leaves. Raises gr.Error if it can't start."""
    with as_gradio_errors():
        started = chains.start(name, values, Origin(owner, address), attended=True)
        del values  # may contain files, and the chain may take long
        try:
            with closing(_told(chains, started.id, owner)) as updates:
                last = yield from updates
            yield asdict(chain_doc(last)) | {"results": list(_results(runs, last))}
        finally:
            if owner == NOBODY:
                with suppress(ChainNotFound):
                    chains.delete(started.id, owner)


def _told(
    chains: ChainQueue, chain_id: str, owner: str
) -> Generator[dict[str, Any], None, ChainStanding]:
    """Yield a chain's progress at each change, then its end. Stop the chain when the
    caller leaves."""
    try:
        with followed(chains.subscribe, owner) as wait:
            while not (standing := chains.get(chain_id, owner)).finished:
                yield asdict(chain_doc(standing))
                wait()
    except GeneratorExit:
        with suppress(ChainNotFound):
            chains.stop(chain_id, owner)
        raise
    return standing


def _results(runs: RunRegistry, chain: ChainStanding) -> Iterator[dict[str, Any]]:
    """Return each run's results, in the order of the steps."""
    history = runs.history
    assert history is not None  # chains need a history
    records = history.get_many((run for step in chain.steps for run in step.ended), chain.owner)
    for step in chain.steps:
        for record in (records[run] for run in step.ended if run in records):
            results = results_of(record.id, record.state)
            yield {"step": step.name, "run": record.id, **results}
