"""Presets and workflows that users added."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from comfy.base.errors import ComfyError
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.presets import EVERYBODY, Preset, PresetFile
from comfy.records.rows import Wanted
from comfy.records.store import RunStore
from comfy.records.tables import digest
from tests.support.samples.histories import ANN, BOB, begun, ended_record, ids, kept_image

USER_ANN, USER_BOB = "user:ann", "user:bob"


def test_presets_belong_to_an_owner_and_a_workflow(database: str, tmp_path: Path) -> None:
    """Presets survive a restart unchanged and are sorted by name. Each owner and workflow has its
    own presets. Saving a preset under the same name overwrites it."""
    odd = {"2.text": "nul \0, half \ud800, “cat”", "5.seed": None, "5.cfg": 7.5}
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        with contextlib.closing(RunStore(database, kept)) as history:
            history.presets.save(USER_ANN, "text", Preset("warm", {"5.steps": 1}))
            history.presets.save(USER_ANN, "text", Preset("Cold", odd))
            history.presets.save(USER_ANN, "other", Preset("warm", {}))
            history.presets.save(EVERYBODY, "text", Preset("house", {"5.steps": 9}))
            history.presets.save(USER_ANN, "text", Preset("warm", {"5.steps": 2}))
        kept = BlobStore(tmp_path / "kept")
        with contextlib.closing(RunStore(database, kept)) as history:
            of = history.presets.of
            assert of(USER_ANN, "text") == (Preset("Cold", odd), Preset("warm", {"5.steps": 2}))
            assert of(USER_BOB, "text") == ()
            assert of(EVERYBODY, "text") == (Preset("house", {"5.steps": 9}),)
            assert not history.presets.delete(USER_BOB, "text", "warm")
            assert history.presets.delete(USER_ANN, "text", "warm")
            assert not history.presets.delete(USER_ANN, "text", "warm")
            assert of(USER_ANN, "text") == (Preset("Cold", odd),)
            assert of(USER_ANN, "other") == (Preset("warm", {}),)


def test_presets_that_cannot_be_saved_are_reported(history: RunStore) -> None:
    """The user gets an error for an invalid name, a preset that is too large and one preset too
    many. Existing presets stay and can still be overwritten."""
    presets = history.presets
    for name in ("", "x" * 61, "two\nlines"):
        with pytest.raises(ComfyError, match="name"):
            presets.save(USER_ANN, "text", Preset(name, {}))
    with pytest.raises(ComfyError, match="too large"):
        presets.save(USER_ANN, "text", Preset("long", {"2.text": "x" * 40_000}))
    for number in range(200):
        presets.save(USER_ANN, f"workflow {number % 3}", Preset(f"{number}", {}))
    with pytest.raises(ComfyError, match="200 presets"):
        presets.save(USER_ANN, "text", Preset("one more", {}))
    assert presets.of(USER_ANN, "text") == ()
    presets.save(USER_ANN, "workflow 0", Preset("0", {"5.steps": 1}))
    presets.save(USER_BOB, "text", Preset("his", {}))


def test_a_damaged_preset_is_left_out(database: str, tmp_path: Path) -> None:
    """The app lists the other presets."""
    with (
        contextlib.closing(BlobStore(tmp_path / "kept")) as kept,
        contextlib.closing(RunStore(database, kept)) as history,
    ):
        for name in ("a", "b", "c"):
            history.presets.save(USER_ANN, "text", Preset(name, {}))
        engine = create_engine(database)
        with engine.begin() as connection:
            for name, told in (("a", "{"), ("b", '{"name": 1}')):
                connection.execute(
                    text("UPDATE presets SET preset = :told WHERE preset LIKE :which"),
                    {"told": told, "which": f'%"{name}"%'},
                )
        engine.dispose()
        assert [preset.name for preset in history.presets.of(USER_ANN, "text")] == ["c"]


def with_file(history: RunStore, name: str, data: bytes) -> Preset:
    digest, _ = history.files.add([data])
    return Preset(name, {}, {"1.image": (PresetFile("a.png", digest),)})


def test_a_renamed_preset_keeps_its_files(history: RunStore) -> None:
    """A renamed preset keeps its files, and deleting it removes them. A user may also change only
    the case of the name, or rename it to the same name."""
    presets = history.presets
    mine = with_file(history, "warm", b"photo")
    presets.save(USER_ANN, "text", mine)
    presets.save(USER_BOB, "text", Preset("Cold", {}))
    presets.rename(USER_ANN, "text", "warm", "warm")
    presets.rename(USER_ANN, "text", "warm", "Warm")
    presets.rename(USER_ANN, "text", "Warm", "Cold")
    assert presets.of(USER_ANN, "text") == (Preset("Cold", {}, mine.files),)
    assert {use.digest for use in presets.uses()} > mine.digests
    for name in ("", "x" * 61):
        with pytest.raises(ComfyError, match="name"):
            presets.rename(USER_ANN, "text", "Cold", name)
    assert presets.delete(USER_ANN, "text", "Cold")
    assert mine.digests.isdisjoint(use.digest for use in presets.uses())


def test_files_of_presets_stay_as_long_as_something_has_them(database: str, tmp_path: Path) -> None:
    """A preset's files survive a restart and a sweep of unused files. They are removed with the
    last preset that uses them, unless a run has the same bytes."""
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        with contextlib.closing(RunStore(database, kept)) as history:
            presets, files = history.presets, history.files
            mine, masked = with_file(history, "mine", b"photo"), with_file(history, "b", b"mask")
            masked = Preset(
                "masked", {}, {"1.image": (*mine.files["1.image"], *masked.files["1.image"])}
            )
            presets.save(USER_ANN, "text", mine)
            presets.save(EVERYBODY, "text", masked)
        kept.close()
        kept = BlobStore(tmp_path / "kept")
        with contextlib.closing(RunStore(database, kept, HistoryLimits())) as history:
            presets, files = history.presets, history.files
            photo, mask = (file.digest for file in masked.files["1.image"])
            history.remove_unreferenced([photo, mask])
            history.sweep()
            assert presets.get(EVERYBODY, "text", "masked") == masked
            assert files.path(photo)
            assert files.path(mask)
            presets.save(EVERYBODY, "text", Preset("masked", {}, mine.files))
            assert not files.path(mask)
            presets.delete(USER_ANN, "text", "mine")
            assert files.path(photo)
            history.end(ended_record(begun("run", USER_ANN), files=(kept_image(files, b"photo"),)))
            presets.delete(EVERYBODY, "text", "masked")
            assert files.path(photo)
            history.delete("run", USER_ANN)
            assert not files.path(photo)


def test_the_size_of_preset_files_is_limited(database: str, tmp_path: Path) -> None:
    """One user's preset files have a limit together; the same bytes count once. The app reports a
    preset that doesn't fit and leaves the previous one as it was. If all users' files exceed their
    limit, the user with the most loses the preset unused for longest."""
    limits = HistoryLimits(bytes=6_400_000)
    with (
        contextlib.closing(BlobStore(tmp_path / "kept")) as kept,
        contextlib.closing(RunStore(database, kept, limits)) as history,
    ):
        presets = history.presets
        for name in ("a", "b"):
            mine = replace(with_file(history, name, b"x" * 90_000), values={"2.text": "x" * 30_000})
            presets.save(USER_ANN, "text", mine)
        with pytest.raises(ComfyError, match="MB in total"):
            presets.save(USER_ANN, "text", with_file(history, "a", b"y" * 20_000))
        assert presets.get(USER_ANN, "text", "b") == mine
        for number in range(15):
            presets.save(
                f"user:{number}", "text", with_file(history, "a", bytes([number]) * 90_000)
            )
        presets.save(USER_BOB, "text", with_file(history, "a", b"z" * 90_000))
        assert presets.of(USER_BOB, "text")
        assert [preset.name for preset in presets.of(USER_ANN, "text")] == ["b"]


def test_runs_make_room_for_presets(database: str, tmp_path: Path) -> None:
    """Preset files count toward the history's files. The app deletes older runs for them, but never
    presets."""
    with (
        contextlib.closing(BlobStore(tmp_path / "kept")) as kept,
        contextlib.closing(RunStore(database, kept, HistoryLimits(bytes=320_000))) as history,
    ):
        history.end(ended_record(begun("run", USER_ANN), files=(kept_image(kept, b"r" * 316_000),)))
        history.sweep()
        assert history.get("run", USER_ANN)
        preset = with_file(history, "a", b"x" * 4_000)
        history.presets.save(USER_ANN, "text", preset)
        history.sweep()
        assert history.get("run", USER_ANN) is None
        assert history.presets.get(USER_ANN, "text", "a") == preset


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
