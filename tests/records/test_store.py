r"""The history on disk is exact, private to its owner, within its limits, and never has partial
records.

Every test runs on SQLite, and on Postgres if it is installed.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comfy.comfyui.protocol.outputs import TextOutput
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.record import KeptInput
from comfy.records.rows import Wanted
from comfy.records.serialization import from_text, to_text
from comfy.records.store import RunStore
from tests.support.distribution import examples
from tests.support.samples.histories import (
    ANN,
    BOB,
    EVERYTHING,
    begun,
    ended_record,
    ids,
    kept_image,
)


def test_a_record_is_stored_completely(history: RunStore) -> None:
    """The history keeps every part of a record, such as 64-bit integers, nulls, lists, terabyte
    files, errors and timestamps."""
    history.end(EVERYTHING)
    assert history.get("everything", ANN) == EVERYTHING
    assert history.of(ANN) == (EVERYTHING,)


def test_a_record_without_node_names_uses_its_prompt() -> None:
    """If a damaged record has no node names, the prompt's own titles count."""
    prompt = {"3": {"class_type": "KSampler", "inputs": {}, "_meta": {"title": "Sampler"}}}
    told = json.loads(to_text(begun("old", prompt=prompt)))
    del told["job"]["titles"]
    assert from_text(json.dumps(told)).state.planned.titles == {"3": "Sampler"}


WORDS = st.text(st.characters(codec=None), max_size=30)  # lone surrogates and NULs among them
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | WORDS
)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(WORDS, PLAIN, max_size=4), WORDS, WORDS, WORDS, WORDS)
def test_any_text_is_stored_exactly(
    history: RunStore, values: dict[str, object], owner: str, title: str, prompt_id: str, said: str
) -> None:
    """The history keeps exactly any text that a user typed or a server sent, and its owner finds
    it. No text causes an error."""
    record = begun("hostile", owner, values=values, title=title, workflow=title)
    history.begin(record)
    history.sent(record, prompt_id)
    record = ended_record(
        replace(record, sent=True), texts=(TextOutput("1", said),), prompt_id=prompt_id
    )
    history.end(record)
    assert history.get("hostile", owner) == record
    assert history.of(owner, Wanted(title, title)) in ((record,), ())
    assert history.of(owner, Wanted(title)) == (record,)
    assert history.get("hostile", owner + "x") is None
    assert history.delete("hostile", owner)


def test_everything_is_found_again_by_the_next_program(database: str, kept: BlobStore) -> None:
    """After the history is closed and opened again, everything in it is unchanged."""
    roomy = HistoryLimits(bytes=2**50)  # there is a file of a terabyte
    first = RunStore(database, kept, roomy)
    first.begin(begun("waits"))
    first.end(EVERYTHING)
    first.close()
    again = RunStore(database, kept, roomy)
    assert again.get("everything", ANN) == EVERYTHING
    assert again.unfinished() == (begun("waits"),)
    again.close()


def test_every_stage_of_a_run_is_stored_at_once(history: RunStore) -> None:
    """Each stage is on disk at once: started, sent, sent under a different id, finished. A run
    without a record gets one when it is sent."""
    history.sent(begun("r0"), "p0")
    assert [(one.id, one.sent, one.state.prompt_id) for one in history.unfinished()] == [
        ("r0", True, "p0")
    ]
    history.end(ended_record(begun("r0")))
    assert history.delete("r0", ANN)
    record = begun()
    history.begin(record)
    assert history.unfinished() == (record,)
    history.sent(record, "p1")
    (found,) = history.unfinished()
    assert (found.sent, found.state.prompt_id) == (True, "p1")
    history.sent(record, "p2")
    assert history.unfinished()[0].state.prompt_id == "p2"
    assert history.of(ANN) == ()
    done = ended_record(replace(record, sent=True))
    history.end(done)
    assert history.unfinished() == ()
    assert history.of(ANN) == (done,)


def test_unfinished_runs_come_oldest_first(history: RunStore) -> None:
    """The list has the runs of all owners, in the order of their submission."""
    history.begin(begun("b", BOB, at=2))
    history.begin(begun("a", ANN, at=1))
    history.begin(begun("c", ANN, at=3))
    assert ids(history.unfinished()) == ["a", "b", "c"]


def test_a_run_that_ends_without_an_earlier_record_is_stored(history: RunStore) -> None:
    """The final record is complete and needs no earlier one."""
    history.end(ended_record(begun()))
    assert ids(history.of(ANN)) == ["r1"]


def test_a_record_written_twice_exists_once(history: RunStore, kept: BlobStore) -> None:
    """The last record replaces earlier ones, including their files."""
    history.end(ended_record(begun(), files=(kept_image(kept, b"1"),)))
    last = ended_record(begun(), files=(kept_image(kept, b"2"),))
    history.begin(begun())
    history.end(last)
    history.end(last)
    assert history.of(ANN) == (last,)


# Owners


def test_users_see_only_their_own_runs(history: RunStore) -> None:
    """Listing, looking up, deleting and paging from a run all check its owner."""
    for at, owner in enumerate((ANN, BOB, ANN)):
        history.end(ended_record(begun(f"r{at}", owner, at=at)))
    assert ids(history.of(ANN)) == ["r2", "r0"]
    assert ids(history.of(BOB)) == ["r1"]
    assert history.of("") == history.of("browser:") == history.of(ANN.upper()) == ()
    assert history.get("r0", BOB) is None
    assert not history.delete("r0", BOB)
    assert history.of(BOB, before="r2") == ()
    assert history.get("r0", ANN) is not None


@pytest.mark.parametrize("run_id", ["", "none", "' OR 1=1 --", "%", "\0", "\ud800", "x" * 10_000])
def test_an_unknown_run_id_gives_an_empty_result(history: RunStore, run_id: str) -> None:
    """An unknown id gives an empty result instead of an error."""
    history.end(ended_record(begun()))
    assert history.get(run_id, ANN) is None
    assert not history.delete(run_id, ANN)
    assert history.of(ANN, before=run_id) == (() if run_id else history.of(ANN))


# Order, pages, search


def test_newest_first_in_pages(history: RunStore) -> None:
    """Paging returns every run exactly once, even if several runs finished at the same time."""
    for number in range(25):
        history.end(
            ended_record(begun(f"r{number:02}", at=100.0 + number // 10), at=200.0 + number // 10)
        )
    seen: list[str] = []
    while page := history.of(ANN, limit=4, before=seen[-1] if seen else ""):
        assert len(page) <= 4
        seen += ids(page)
    assert len(seen) == len(set(seen)) == 25
    ends = [record.state.finished_at for record in history.of(ANN, limit=200)]
    assert ends == sorted(ends, reverse=True)
    assert ids(history.of(ANN, limit=200)) == seen == ids(history.of(ANN, limit=200))


@pytest.mark.parametrize(("limit", "come"), [(0, 1), (-5, 1), (10**9, 3)])
def test_a_page_size_has_a_minimum_and_a_maximum(history: RunStore, limit: int, come: int) -> None:
    """A page has at least one run, and never more than the limit allows."""
    for number in range(3):
        history.end(ended_record(begun(f"r{number}")))
    assert len(history.of(ANN, limit=limit)) == come


def test_runs_are_filtered_by_exact_workflow_name(history: RunStore) -> None:
    """A workflow's history is found by its exact name."""
    for name in ("portrait", "Portrait", "por"):
        history.end(ended_record(begun(name, workflow=name)))
    assert ids(history.of(ANN, Wanted("portrait"))) == ["portrait"]
    assert len(history.of(ANN)) == 3


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("lighthouse", True),
        ("LIGHTHOUSE dusk", True),
        ("dusk lighthouse", True),
        ("house port", True),
        ("über STRASSE", True),
        ("U\u0308ber", True),
        ("12345678901234567890", True),
        ("said so", True),
        ("photo.png", True),
        ("lighthouse dawn", False),
        ("light%house", False),
        ("l_ghthouse", False),
        ("100%", True),
        ("100%x", False),
        ("a_b", True),
        ("back\\slash", True),
        ("/", False),
        ("'; DROP TABLE runs; --", False),
        ("  ", True),
        ("\0", True),
        ("\ud800", False),
        ("x" * 100_000, False),
        (" ".join(["lighthouse"] * 1000), True),
    ],
)
def test_search(history: RunStore, asked: str, found: bool) -> None:
    """A search finds runs that contain all words, in any order and case. It takes wildcards,
    patterns and SQL literally."""
    values = {
        "a": "A lighthouse at Dusk",
        "b": "Über die Straße, 100% a_b back\\slash",
        "s": 12345678901234567890,
    }
    record = begun(values=values, inputs={"p": KeptInput("Photo.PNG", "ab" * 32)})
    history.end(ended_record(record, texts=(TextOutput("1", "She said: SO"),)))
    assert (history.of(ANN, Wanted(text=asked)) != ()) is found
