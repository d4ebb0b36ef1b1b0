"""Values of chains in the database."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from comfy.base.errors import ComfyError
from comfy.chains.keys import StepKey
from comfy.chains.store import load_chain_values, save_chain
from comfy.records.blobs import BlobStore
from comfy.records.groups import Group
from comfy.records.store import RunStore

OWNER = "ann"
CHAIN = Group("group 1", OWNER, "chain", 1.0, "running", {"chain": "two.chain"})


def test_a_refused_chain_keeps_its_stored_values(tmp_path: Path) -> None:
    """If a text is too long, the app refuses the chain with a sentence about the chain."""
    with (
        contextlib.closing(BlobStore(tmp_path / "kept")) as blobs,
        contextlib.closing(RunStore(f"sqlite:///{tmp_path}/history.db", blobs)) as history,
    ):
        save_chain(history, blobs, CHAIN, {StepKey("first", "text"): "short"})
        with pytest.raises(ComfyError, match="too large to save"):
            save_chain(history, blobs, CHAIN, {StepKey("first", "text"): "x" * 4_000_000})
        assert load_chain_values(history, CHAIN.id, OWNER) == {StepKey("first", "text"): "short"}
        assert load_chain_values(history, CHAIN.id, "bob") == {}
