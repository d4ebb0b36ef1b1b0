"""Values of forms under a name, on SQLite and on Postgres."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from comfy.errors import ComfyError
from comfy.records.blobs import BlobStore
from comfy.records.presets import EVERYBODY, Preset
from comfy.records.store import RunStore

ANN, BOB = "user:ann", "user:bob"


def test_presets_are_kept_for_their_owner_and_workflow(database: str, tmp_path: Path) -> None:
    """They are there after a restart, by their names, exactly as they were; another owner and another
    workflow have their own; the same name overwrites."""
    odd = {"2.text": "nul \0, half \ud800, “cat”", "5.seed": None, "5.cfg": 7.5}
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        with contextlib.closing(RunStore(database, kept)) as history:
            history.presets.save(ANN, "text", Preset("warm", {"5.steps": 1}))
            history.presets.save(ANN, "text", Preset("Cold", odd))
            history.presets.save(ANN, "other", Preset("warm", {}))
            history.presets.save(EVERYBODY, "text", Preset("house", {"5.steps": 9}))
            history.presets.save(ANN, "text", Preset("warm", {"5.steps": 2}))
        kept = BlobStore(tmp_path / "kept")
        with contextlib.closing(RunStore(database, kept)) as history:
            of = history.presets.of
            assert of(ANN, "text") == (Preset("Cold", odd), Preset("warm", {"5.steps": 2}))
            assert of(BOB, "text") == ()
            assert of(EVERYBODY, "text") == (Preset("house", {"5.steps": 9}),)
            assert not history.presets.delete(BOB, "text", "warm")
            assert history.presets.delete(ANN, "text", "warm")
            assert not history.presets.delete(ANN, "text", "warm")
            assert of(ANN, "text") == (Preset("Cold", odd),)
            assert of(ANN, "other") == (Preset("warm", {}),)


def test_what_cannot_be_kept_is_told(history: RunStore) -> None:
    """A name that is none, a preset that is too large, and one too many: a sentence, and what was
    there stays, which can be overwritten all the same."""
    presets = history.presets
    for name in ("", "x" * 61, "two\nlines"):
        with pytest.raises(ComfyError, match="name"):
            presets.save(ANN, "text", Preset(name, {}))
    with pytest.raises(ComfyError, match="too large"):
        presets.save(ANN, "text", Preset("long", {"2.text": "x" * 40_000}))
    for number in range(200):
        presets.save(ANN, f"workflow {number % 3}", Preset(f"{number}", {}))
    with pytest.raises(ComfyError, match="200 presets"):
        presets.save(ANN, "text", Preset("one more", {}))
    assert presets.of(ANN, "text") == ()
    presets.save(ANN, "workflow 0", Preset("0", {"5.steps": 1}))
    presets.save(BOB, "text", Preset("his", {}))


def test_a_damaged_preset_is_left_out(database: str, tmp_path: Path) -> None:
    """The others are listed."""
    with (
        contextlib.closing(BlobStore(tmp_path / "kept")) as kept,
        contextlib.closing(RunStore(database, kept)) as history,
    ):
        for name in ("a", "b", "c"):
            history.presets.save(ANN, "text", Preset(name, {}))
        engine = create_engine(database)
        with engine.begin() as connection:
            for name, told in (("a", "{"), ("b", '{"name": 1}')):
                connection.execute(
                    text("UPDATE presets SET preset = :told WHERE preset LIKE :which"),
                    {"told": told, "which": f'%"{name}"%'},
                )
        engine.dispose()
        assert [preset.name for preset in history.presets.of(ANN, "text")] == ["c"]
