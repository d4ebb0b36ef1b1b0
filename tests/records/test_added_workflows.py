"""The history records which user added each workflow, on SQLite and on Postgres."""

from __future__ import annotations

from dataclasses import replace

from comfy.records.presets import Preset, PresetFile
from comfy.records.rows import Wanted
from comfy.records.store import RunStore
from comfy.records.tables import digest
from tests.support.samples.histories import ANN, BOB, begun, ended_record, ids

ODD = "nul \0, half \ud800, “cat”/" + "long" * 60
FIRST, SECOND = digest("first"), digest("second")


def test_the_history_remembers_which_user_added_a_workflow(history: RunStore) -> None:
    """The history remembers the user for any name until the workflow is removed. A user who adds
    another workflow under that name owns it from then on."""
    added = history.added
    assert added.content("boat") is None
    for name in ("boat", ODD):
        added.note(ANN, name, FIRST)
        assert added.content(name) == added.content(name, ANN) == FIRST
        assert added.content(name, BOB) is None
    added.note(BOB, "boat", SECOND)
    assert (added.content("boat"), added.content("boat", ANN)) == (SECOND, None)
    added.forget("boat", FIRST)
    assert added.content("boat", BOB) == SECOND
    added.forget("boat", SECOND)
    assert (added.content("boat"), added.content(ODD)) == (None, FIRST)


def test_runs_and_presets_move_with_their_workflow(history: RunStore) -> None:
    """The owner's finished runs move to the new workflow otherwise unchanged. Presets move with
    their files, unless the workflow already has one of that name."""
    mine = ended_record(begun("mine", workflow="opened"))
    for record in (mine, begun("going on", workflow="opened")):
        history.begin(record)
    for record in (mine, ended_record(begun("bob's", BOB, workflow="opened"))):
        history.end(record)
    digest_of, _ = history.files.add([b"photo"])
    photo = Preset("warm", {}, {"1.image": (PresetFile("a.png", digest_of),)})
    presets = history.presets
    for owner, workflow, preset in (
        (ANN, "opened", photo),
        (ANN, "opened", Preset("cold", {"x": 1})),
        (ANN, "boat", Preset("cold", {"x": 2})),
        (BOB, "opened", photo),
    ):
        presets.save(owner, workflow, preset)
    history.set_favourite(["mine"], ANN, favourite=True)
    history.move(ANN, "opened", "boat")
    (moved,) = history.of(ANN, Wanted(workflow="boat", favourites=True))
    assert moved == replace(mine, favourite=True, job=replace(mine.job, workflow="boat"))
    assert history.of(ANN, Wanted(workflow="opened")) == ()
    assert ids(history.of(BOB, Wanted(workflow="opened"))) == ["bob's"]
    assert [record.job.workflow for record in history.unfinished()] == ["opened"]
    assert presets.of(ANN, "boat") == (Preset("cold", {"x": 2}), photo)
    assert presets.of(ANN, "opened") == (Preset("cold", {"x": 1}),)
    assert presets.of(BOB, "opened") == (photo,)
    assert presets.delete(BOB, "opened", "warm")
    assert history.files.path(digest_of)
    assert presets.delete(ANN, "boat", "warm")
    assert not history.files.path(digest_of)
