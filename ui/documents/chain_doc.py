"""Documents of chains. The page, REST, events, webhooks and Gradio's endpoints send them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.chains.open_chain import ChainProgress, ChainStanding, StepStanding
from comfy.records.record import Record
from ui.documents.inherited import inherited
from ui.documents.past_run import run_tile
from ui.documents.run_doc import RunDoc
from ui.web.responses import API


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDoc(StepStanding):
    """A step of a chain. `runs`: the number of its runs, 0 while unknown. `done`: how many of them
    succeeded. `live`: ids of unfinished runs. `ended`: ids of the other runs. `results`: the ended
    runs, null in a list of chains. `same`: it ran again with the same result. `why`: the reason it
    failed, with a `hint`. `errors`: by field key."""

    results: tuple[RunDoc, ...] | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step's result on the page: the id of its `run`, the address of a thumbnail (`thumb`), and
    its `text` result, or empty."""

    run: str
    thumb: str | None
    text: str


@dataclass(frozen=True, slots=True)
class ShownChain:
    """The page's part of a chain: `results` by step name."""

    results: Mapping[str, StepResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDoc(ChainProgress):
    """A chain and its steps. `why`: the reason it failed, if no step has it. `created_at`: in
    seconds since 1970. `seconds`: how long it ran, once it has ended. `seeds`: the seeds of its
    form in digits, when it is started or continued. `page`: null outside of the page's socket."""

    steps: tuple[StepDoc, ...] = ()
    finished: bool = field()  # no default, which would be the property of the same name
    url: str
    seeds: Mapping[str, str] = field(default_factory=dict)
    page: ShownChain | None = None


@dataclass(frozen=True, slots=True)
class ChainPage:
    """A page of a list of chains. `next`: the `cursor` of the next page, null on the last."""

    chains: tuple[ChainDoc, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class NewChain:
    """A chain created from a run. `values`: its creator's own files for its form, by key."""

    name: str
    values: Mapping[str, Any]


def chain_doc(
    standing: ChainStanding, root: str = "", results: Mapping[str, tuple[RunDoc, ...]] | None = None
) -> ChainDoc:
    """Return the document of a chain. `root`: the app's path below its host. `results`: the ended
    runs by step name."""
    parts = inherited(ChainProgress, standing)
    steps = tuple(
        StepDoc(**inherited(StepStanding, step), results=results[step.name] if results else None)
        for step in standing.steps
    )
    url = f"{root}{API}/chains/{standing.id}"
    return ChainDoc(**{**parts, "steps": steps}, finished=standing.finished, url=url)


def shown_chain(standing: ChainStanding) -> ShownChain:
    """Return the parts of a chain that only the page shows."""
    return ShownChain(dict(_results(standing.results)))


def _results(records: Mapping[str, Record]) -> Iterator[tuple[str, StepResult]]:
    for name, record in records.items():
        past = run_tile(record)
        yield name, StepResult(record.id, past.thumb, past.what if past.kind == "text" else "")
