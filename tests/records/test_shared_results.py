"""Links to results, on SQLite and on Postgres."""

from __future__ import annotations

import pytest

from comfy.base.errors import RunNotFound
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.records.sharing.results import SharedResult
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, BOB, begun, ended_record

FILES = tuple(OutputFile(name, "", "output", "image", "9") for name in ("a.png", "b.png"))
ODD = "nul \0, half \ud800, “cat”"


@pytest.fixture
def shared(history: RunStore) -> SharedResult:
    """Return the link to the second file of Ann's run."""
    for run_id, owner in (("r1", ANN), ("r2", ANN), ("r3", BOB)):
        history.end(ended_record(begun(run_id, owner), files=FILES))
    history.begin(begun("goes on", ANN))
    return history.shared.share(ANN, "r1", 1)


def test_a_file_has_one_link(history: RunStore, shared: SharedResult) -> None:
    """The link leads to the file's run and position. Sharing the file again changes the data shown
    with it, not the link. Another file has another link."""
    again = history.shared.share(ANN, "r1", 1, ODD)
    assert again == history.shared.of(ANN, "r1", 1)
    assert (again.token, again.prompt) == (shared.token, ODD)
    found = history.shared.find(shared.token)
    assert found is not None
    assert (found[0], found[1].id, found[1].owner) == (again, "r1", ANN)
    tokens = {history.shared.share(ANN, *which).token for which in (("r1", 0), ("r2", 1))}
    assert len(tokens | {shared.token}) == 3
    assert min(map(len, tokens)) >= 32


def test_only_its_owner_shares_a_result(history: RunStore, shared: SharedResult) -> None:
    """Other users can't create, see, change or stop a link. An unfinished run has no link."""
    for owner, run in ((BOB, "r1"), (BOB, "r2"), (ANN, "r3"), (ANN, "none"), (ANN, "goes on")):
        with pytest.raises(RunNotFound):
            history.shared.share(owner, run, 1, "mine")
    assert history.shared.of(BOB, "r1", 1) is None
    assert not history.shared.stop(BOB, "r1", 1)
    assert history.shared.of(ANN, "r1", 1) == shared


def test_a_link_ends(history: RunStore, shared: SharedResult) -> None:
    """Stopping a link ends it for good. Deleting the result disables the link at once, and undoing
    the deletion restores it. After the final deletion, the link is gone."""
    shares = history.shared
    assert shares.find("") is shares.find(shared.token[:-1]) is None
    assert shares.stop(ANN, "r1", 1)
    assert not shares.stop(ANN, "r1", 1)
    assert shares.find(shared.token) is None
    second = shares.share(ANN, "r1", 1)
    assert second.token != shared.token
    history.unlist(["r1"], ANN)
    assert shares.find(second.token) is None
    history.relist(["r1"], ANN)
    assert shares.find(second.token) is not None
    history.delete("r1", ANN)
    assert shares.find(second.token) is None
    assert shares.of(ANN, "r1", 1) is None
