"""The store of runs: records, marks, source images, removal and storage."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comfy.comfyui.protocol.outputs import TextOutput
from comfy.comfyui.protocol.run_state import Phase, RunError
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.lineage import used_file, was_given
from comfy.records.record import KeptInput, Record
from comfy.records.rows import Wanted
from comfy.records.serialization import from_text, to_text
from comfy.records.store import RunStore
from tests.support.distribution import examples
from tests.support.samples.histories import (
    ANN,
    BOB,
    EVERYTHING,
    begun,
    bytes_kept,
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


def test_a_run_that_is_named_many_times_is_read_once(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the runs are so large that only one is in memory at a time."""
    history.end(EVERYTHING)
    monkeypatch.setattr("comfy.records.store._MOST_BYTES", 1)
    wanted = [(at, EVERYTHING.id) for at in range(120)]
    found = list(history.each(wanted, ANN))
    assert [key for key, _ in found] == [key for key, _ in wanted]
    assert found[0][1] == EVERYTHING
    assert all(record is found[0][1] for _, record in found)


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


RUN = 3300  # bytes that a run takes at most beside its files
FRUITFUL = Wanted(fruitless=False)


def test_favorites(history: RunStore) -> None:
    """Users can mark only their own finished runs. The history keeps and shows a mark until the
    user removes it."""
    history.end(ended_record(begun("mine")))
    history.end(ended_record(begun("plain", at=2000.0)))
    history.end(ended_record(begun("bob's", BOB)))
    history.begin(begun("goes on"))
    chosen = ["mine", "bob's", "goes on", "unknown", "\0"]
    assert history.set_favourite(chosen, ANN, favourite=True) == 1
    assert ids(history.of(ANN, Wanted(favourites=True))) == ["mine"]
    assert [record.favourite for record in history.of(ANN)] == [False, True]
    assert history.is_favourite("mine", ANN)
    assert not history.is_favourite("mine", BOB)
    history.end(ended_record(begun("mine")))
    assert history.is_favourite("mine", ANN)
    assert history.set_favourite(["mine"], ANN, favourite=False) == 1
    assert history.of(ANN, Wanted(favourites=True)) == ()


def test_favorites_are_kept_when_they_are_old(database: str, kept: BlobStore) -> None:
    """A sweep keeps favorites of any age and removes other old runs."""
    history = RunStore(database, kept, HistoryLimits(days=2))
    now = time.time()
    for name, age in (("old", 3), ("favourite", 4), ("new", 1.5)):
        history.end(ended_record(begun(name), at=now - age * 86400))
    history.set_favourite(["favourite"], ANN, favourite=True)
    history.sweep()
    assert ids(history.of(ANN)) == ["new", "favourite"]
    history.close()


def test_favorites_go_last_when_files_take_too_much_room(database: str, kept: BlobStore) -> None:
    """The app deletes runs of the user with the most files: first those that aren't favorites, then
    the oldest favorites. It touches no other user's runs for them."""
    history = RunStore(database, kept, HistoryLimits(bytes=3 * (RUN + 100_000)))
    now = time.time()
    for number in range(5):
        files = (kept_image(kept, bytes([number]) * 100_000),)
        history.end(ended_record(begun(f"r{number}"), at=now - 100 + number, files=files))
    history.end(
        ended_record(begun("bob's", BOB), at=now - 200, files=(kept_image(kept, b"b" * 100_000),))
    )
    history.set_favourite(["r0", "r1", "r2"], ANN, favourite=True)
    history.sweep()
    assert ids(history.of(ANN)) == ["r2", "r1"]
    assert ids(history.of(BOB)) == ["bob's"]
    history.close()


def test_runs_about_to_be_deleted(history: RunStore) -> None:
    """The run is in no list and no count, comes back as it was, and is reported once it is due."""
    for number in range(3):
        history.end(ended_record(begun(f"r{number}", at=1000.0 + number)))
    assert history.unlist(["r0", "r1"], BOB) == 0
    assert history.unlist(["r0", "r1"], ANN) == 2
    before = time.time()
    assert history.unlist(["r0"], ANN) == 1  # restarts its time
    assert ids(history.unlisted(before)) == ["r1"]
    assert ids(history.of(ANN)) == ["r2"]
    assert len(history.ends(ANN)) == 1
    assert history.unlisted(time.time() - 60) == ()
    assert ids(history.unlisted(time.time() + 60)) == ["r1", "r0"]
    assert history.relist(["r1"], BOB) == 0
    assert history.relist(["r1", "r2"], ANN) == 1
    assert ids(history.of(ANN)) == ["r2", "r1"]


@pytest.mark.parametrize("phase", [Phase.STOPPED, Phase.FAILED, Phase.REFUSED, Phase.LOST])
def test_runs_without_results_can_be_left_out(
    history: RunStore, kept: BlobStore, phase: Phase
) -> None:
    """A list can leave out runs without a result. A run with a result of its own is always
    listed."""
    history.end(ended_record(begun("nothing"), phase, started_at=1000.5))
    history.end(ended_record(begun("something"), phase, files=(kept_image(kept, b"result"),)))
    history.end(ended_record(begun("done")))
    assert sorted(ids(history.of(ANN, FRUITFUL))) == ["done", "something"]
    assert len(history.of(ANN)) == len(history.ends(ANN)) == 3


def test_a_run_removed_from_the_queue_is_not_recorded(history: RunStore, kept: BlobStore) -> None:
    """The history keeps nothing of the run, unless it has a reason for the stop, or has files to be
    removed from the server."""
    photo = KeptInput("a.png", kept_image(kept, b"photo").digest)
    with_photo = begun("sent", inputs={"4.image": photo})
    for record in (begun("out"), replace(begun("handed"), sent=True), begun("told"), with_photo):
        history.begin(record)
    history.end(ended_record(begun("out"), Phase.STOPPED))
    history.end(ended_record(replace(begun("handed"), sent=True), Phase.STOPPED))
    history.end(ended_record(begun("told"), Phase.STOPPED, error=RunError("Too long.", "")))
    history.end(ended_record(replace(with_photo, sent=True), Phase.STOPPED))
    assert sorted(ids(history.of(ANN))) == ["sent", "told"]
    assert history.unfinished() == ()
    assert kept.path(photo.digest) is not None
    history.begin(replace(with_photo, id="never sent"))
    assert history.delete("sent", ANN)
    history.end(ended_record(replace(with_photo, id="never sent"), Phase.STOPPED))
    assert kept.path(photo.digest) is None


def test_pages_by_their_previous_run(history: RunStore) -> None:
    """A page can start after any run and skip some runs, so the end of a long list is reached at
    once."""
    for number in range(9):
        history.end(ended_record(begun(f"r{number}", at=1000.0 + number)))
    assert ids(history.of(ANN, skip=7)) == ["r1", "r0"]
    assert ids(history.of(ANN, before="r5", skip=2, limit=2)) == ["r2", "r1"]
    assert history.of(ANN, skip=10**30) == ()
    assert history.ends(ANN) == sorted(history.ends(ANN), reverse=True)


def lineage_given(run_id: str, digest: str, owner: str = ANN, at: float = 2000.0) -> Record:
    """Return a finished run with this file as its input."""
    return ended_record(begun(run_id, owner, at, inputs={"7.image": KeptInput("x.png", digest)}))


def test_files_lead_from_run_to_run(history: RunStore, kept: BlobStore) -> None:
    """A run was made from the latest run that made its file, and used for all runs that received
    its file. Other users' runs, deleted runs and the run itself don't count."""
    file = kept_image(kept, b"boat")
    for run_id, at in (("first", 1000.0), ("again", 1500.0), ("later", 3000.0)):
        history.end(ended_record(begun(run_id, at=at), files=(file,)))
    history.end(ended_record(begun("bob's", BOB, 1600.0), files=(file,)))
    upscaled = replace(lineage_given("upscaled", file.digest))
    upscaled = ended_record(upscaled, files=(file,))
    history.end(upscaled)
    history.end(lineage_given("other", file.digest, at=2500.0))
    history.end(lineage_given("gone", file.digest, at=2600.0))
    history.end(lineage_given("of bob", file.digest, BOB))
    assert history.unlist(["gone"], ANN) == 1
    assert ids(history.lineage(upscaled).made_from) == ["again"]
    source = history.get("again", ANN)
    assert source is not None
    assert ids(history.lineage(source).used_for) == ["other", "upscaled"]
    assert history.lineage(source).made_from == ()


def test_an_edited_image_leads_to_its_original(history: RunStore, kept: BlobStore) -> None:
    """A painted-over image is a different file, but its run still counts as made from the original.
    The run keeps the original's file until the run is deleted."""
    file = kept_image(kept, b"boat")
    source = ended_record(begun("source"), files=(file,))
    history.end(source)
    over = KeptInput("painted.png", "of the paint", below=file.digest or "")
    painted = ended_record(begun("painted", at=2000.0, inputs={"7.image": over}))
    history.end(painted)
    assert ids(history.lineage(painted).made_from) == ["source"]
    assert ids(history.lineage(source).used_for) == ["painted"]
    assert not was_given(painted, source)
    assert history.delete("source", ANN)
    assert kept.path(file.digest or "") is not None
    assert history.delete("painted", ANN)
    assert kept.path(file.digest or "") is None


def test_it_is_known_which_of_several_files_was_given(kept: BlobStore) -> None:
    """The lookup finds the first of the source's files that the run used, painted over or not. If
    the run used only a text, it finds no file."""
    files = tuple(kept_image(kept, name) for name in (b"one", b"two", b"three"))
    source = ended_record(begun("source"), files=files)
    assert used_file(lineage_given("large", files[1].digest or ""), source) == 1
    over = KeptInput("painted.png", "of the paint", below=files[2].digest or "")
    assert used_file(begun("painted", at=2000.0, inputs={"7.image": over}), source) == 2
    assert used_file(begun("told", at=2000.0), source) is None


def test_texts_lead_from_run_to_run(history: RunStore) -> None:
    """A text links two runs only if one was made from the other, not if they have the same text by
    chance."""
    source = ended_record(begun("caption"), texts=(TextOutput("3", "a red boat"),))
    history.end(source)
    image = ended_record(begun("image", at=2000.0, values={"2.text": "a red boat"}))
    history.end(replace(image, parents=("caption",)))
    history.end(ended_record(begun("chance", at=2000.0, values={"2.text": "a red boat"})))
    history.end(replace(ended_record(begun("repeat", at=3000.0)), parents=("caption",)))
    several = ended_record(begun("several", at=2500.0, values={"2.text": "at sea\na red boat"}))
    history.end(replace(several, parents=("caption",)))
    part = ended_record(begun("part", at=2500.0, values={"2.text": "a red boats"}))
    history.end(replace(part, parents=("caption",)))
    assert ids(history.lineage(source).used_for) == ["several", "image"]
    child = history.get("image", ANN)
    assert child is not None
    assert ids(history.lineage(child).made_from) == ["caption"]


def test_several_texts_lead_to_several_runs(history: RunStore) -> None:
    """A run made from several texts has each of them as a source, even if its record was first
    written when it was sent. Deleting the run removes these links."""
    for number, said in enumerate(("a boat", "at sea", "unused")):
        one = begun(f"text {number}", at=1000.0 + number)
        history.end(ended_record(one, texts=(TextOutput("3", said),)))
    parents = ("text 0", "text 1", "text 2")
    image = begun("image", at=2000.0, values={"2.text": "a boat\nat sea"})
    image = replace(image, parents=parents)
    history.sent(image, "p1")
    history.end(ended_record(image))
    assert ids(history.lineage(image).made_from) == ["text 0", "text 1"]
    found = history.get_many(parents, ANN)
    used_for = {one: ids(history.lineage(found[one]).used_for) for one in parents}
    assert used_for == {"text 0": ["image"], "text 1": ["image"], "text 2": []}
    assert history.delete("image", ANN)
    assert history.lineage(found["text 1"]).used_for == ()


def test_deleting_removes_files(history: RunStore, kept: BlobStore) -> None:
    """The history no longer knows the run, and its files and inputs are gone."""
    photo, _ = kept.add([b"photo"])
    file = kept_image(kept, b"result", holder="r1")
    history.begin(begun(inputs={"7.image": KeptInput("p.png", photo)}))
    history.end(ended_record(begun(inputs={"7.image": KeptInput("p.png", photo)}), files=(file,)))
    assert history.delete("r1", ANN)
    assert history.get("r1", ANN) is None
    assert history.of(ANN) == ()
    assert kept.path(file.digest) is kept.path(photo) is None
    assert not history.delete("r1", ANN)


def test_bytes_of_two_runs_stay_until_both_are_deleted(history: RunStore, kept: BlobStore) -> None:
    """The bytes stay even if one run's result is another user's input."""
    file = kept_image(kept, b"shared")
    history.end(ended_record(begun("maker"), files=(file, file)))
    history.end(
        ended_record(begun("user", BOB, inputs={"7.image": KeptInput("x.png", file.digest)}))
    )
    assert history.delete("maker", ANN)
    assert kept.path(file.digest) is not None
    assert history.delete("user", BOB)
    assert kept.path(file.digest) is None


def test_bytes_of_a_run_that_is_about_to_end_stay(history: RunStore, kept: BlobStore) -> None:
    """A user deletes a run while another run has fetched the same bytes but has no finished record
    yet."""
    file = kept_image(kept, b"same")
    history.end(ended_record(begun("old"), files=(file,)))
    kept_image(kept, b"same", holder="new")
    assert history.delete("old", ANN)
    assert kept.path(file.digest) is not None
    history.end(ended_record(begun("new"), files=(file,)))
    assert kept.path(file.digest) is not None
    assert history.delete("new", ANN)
    assert kept.path(file.digest) is None


def test_a_running_run_is_not_deleted(history: RunStore) -> None:
    """The user must stop the run first."""
    history.begin(begun())
    assert not history.delete("r1", ANN)
    assert history.get("r1", ANN) is not None


def test_files_of_a_refused_run_are_removed(history: RunStore, kept: BlobStore) -> None:
    """A file stays if a record has the same bytes."""
    file = kept_image(kept, b"of a record")
    history.end(ended_record(begun(), files=(file,)))
    refused, _ = kept.add([b"refused"])
    history.remove_unreferenced([refused, file.digest])
    assert kept.path(refused) is None
    assert kept.path(file.digest) is not None


def test_old_runs_are_swept(database: str, kept: BlobStore) -> None:
    """The sweep deletes runs older than the limit with their files. Younger runs stay. Unfinished
    runs stay, however old."""
    history = RunStore(database, kept, HistoryLimits(days=2))
    now = time.time()
    old, new = kept_image(kept, b"old"), kept_image(kept, b"new")
    for number in range(120):
        history.end(ended_record(begun(f"old{number}"), at=now - 3 * 86400, files=(old,)))
    history.end(ended_record(begun("new"), at=now - 86400, files=(new,)))
    history.begin(begun("goes on", at=1.0))
    history.sweep()
    assert ids(history.of(ANN, limit=200)) == ["new"]
    assert ids(history.unfinished()) == ["goes on"]
    assert kept.path(old.digest) is None
    assert kept.path(new.digest) is not None
    history.close()


def test_the_oldest_go_when_files_take_too_much_room(database: str, kept: BlobStore) -> None:
    """The sweep removes runs only until the limit is met. Bytes that several runs share count
    once."""
    history = RunStore(database, kept, HistoryLimits(bytes=350_000))
    now = time.time()
    for number in range(6):
        files = (kept_image(kept, bytes([number]) * 100_000), kept_image(kept, b"s" * 100_000))
        history.end(ended_record(begun(f"r{number}"), at=now - 100 + number, files=files))
    history.sweep()
    assert ids(history.of(ANN)) == ["r5", "r4"]
    assert bytes_kept(kept) == 300_000
    history.sweep()
    assert len(history.of(ANN)) == 2
    history.close()


def test_files_without_a_record_are_swept_once_they_are_old(
    history: RunStore, kept: BlobStore
) -> None:
    """The sweep removes the files that a killed process left. It keeps a recent file, which may
    belong to a run that isn't recorded yet."""
    left, _ = kept.add([b"left"])
    young, _ = kept.add([b"young"])
    mine = kept_image(kept, b"mine")
    history.end(ended_record(begun(), at=time.time(), files=(mine,)))
    for digest in (left, mine.digest):
        path = kept.path(digest)
        assert path is not None
        os.utime(path, (1.0, 1.0))
    history.sweep()
    assert kept.path(left) is None
    assert kept.path(young) is not None
    assert kept.path(mine.digest) is not None


DAY = 24 * 3600.0
NOW = 1_800_000_000.0


def _ended(
    history: RunStore, name: str, days_ago: float, owner: str = ANN, **state: object
) -> None:
    record = begun(name, owner=owner)
    history.end(ended_record(record, at=NOW - days_ago * DAY, **state))  # type: ignore[arg-type]


def test_results_expire_a_week_before_their_end(database: str, kept: BlobStore) -> None:
    """An owner's results of the last week of their time count, without favorites, failed runs and
    other owners' results. They are all gone when the last of them goes."""
    history = RunStore(database, kept, HistoryLimits(days=30))
    for name, days_ago in (("old", 29), ("older", 24), ("new", 22), ("star", 29)):
        _ended(history, name, days_ago, files=(kept_image(kept, name.encode()),))
    _ended(history, "failed", 29, phase=Phase.FAILED)
    _ended(history, "his", 29, owner=BOB)
    history.set_favourite(["star"], ANN, favourite=True)
    use = history.storage.of(ANN, NOW)
    assert (use.days, use.expiring, use.is_nearly_full) == (30, 2, False)
    assert use.expire_by == pytest.approx(NOW + 6 * DAY)
    assert history.storage.kept_until(NOW) == NOW + 30 * DAY
    history.close()


def test_a_short_life_has_a_short_notice(database: str, kept: BlobStore) -> None:
    """Where results live for two days, they expire soon in the last half day."""
    history = RunStore(database, kept, HistoryLimits(days=2))
    _ended(history, "yesterday", 1)
    assert history.storage.of(ANN, NOW).expiring == 0
    assert history.storage.of(ANN, NOW + 0.6 * DAY).expiring == 1
    history.close()


def test_equal_files_count_once(database: str, kept: BlobStore) -> None:
    """A file of two runs takes its space once. Near the limit of all owners, storage is full."""
    history = RunStore(database, kept, HistoryLimits(days=30, bytes=1_000_000))
    image = kept_image(kept, b"x" * 400_000)
    for name in ("one", "two"):
        _ended(history, name, 1, files=(image,))
    before = history.storage.of(ANN, NOW)
    assert 400_000 < before.bytes < 450_000
    assert history.storage.of(BOB, NOW).bytes == 0
    assert not before.is_nearly_full
    _ended(history, "his", 1, owner=BOB, files=(kept_image(kept, b"y" * 550_000),))
    assert history.storage.of(ANN, NOW).is_nearly_full
    assert history.storage.of(ANN, NOW).bytes == before.bytes
    history.close()
