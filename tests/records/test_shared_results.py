"""Links to results, on SQLite and on Postgres."""

from __future__ import annotations

import pytest

from comfy.base.errors import RunNotFound
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.records.sharing import Share, SharedFile
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, BOB, begun, ended_record

FILES = tuple(OutputFile(name, "", "output", "image", "9") for name in ("a.png", "b.png"))
ODD = "nul \0, half \ud800, “cat”"
SECOND = SharedFile("r1", 1)
OTHER = SharedFile("r2", 0)


@pytest.fixture
def shared(history: RunStore) -> Share:
    """Return the link to the second file of Ann's run."""
    for run_id, owner in (("r1", ANN), ("r2", ANN), ("r3", BOB)):
        history.end(ended_record(begun(run_id, owner), files=FILES))
    history.begin(begun("goes on", ANN))
    return history.shared.share(ANN, [SECOND])


def shown(history: RunStore, token: str) -> list[tuple[int, SharedFile]]:
    return [(found.n, found.file) for found in history.shared.find(token)]


def test_the_same_files_have_one_link(history: RunStore, shared: Share) -> None:
    """The link leads to the file's run and position. Sharing the file again changes the data shown
    with it, not the link. Other files, or another order, have other links."""
    odd = SharedFile("r1", 1, ODD)
    again = history.shared.share(ANN, [odd])
    assert again == history.shared.of(ANN, [SECOND]) == Share(shared.token, (odd,))
    (found,) = history.shared.find(shared.token)
    assert (found.n, found.file, found.record.id, found.record.owner) == (0, odd, "r1", ANN)
    others = ([SharedFile("r1", 0)], [OTHER], [SECOND, OTHER], [OTHER, SECOND])
    tokens = {history.shared.share(ANN, files).token for files in others}
    assert len(tokens | {shared.token}) == 5
    assert {len(token) for token in tokens} == {32}


def test_a_link_to_many_results_is_as_short_as_to_one(history: RunStore, shared: Share) -> None:
    """It shows its files in their order, each with its own prompt."""
    files = [OTHER, SharedFile("r1", 0, "first"), SharedFile("r1", 1, "second")]
    link = history.shared.share(ANN, files)
    assert len(link.token) == len(shared.token)
    assert shown(history, link.token) == list(enumerate(files))


def test_only_its_owner_shares_a_result(history: RunStore, shared: Share) -> None:
    """Other users can't create, see, change or stop a link, and can't add their own results to it.
    An unfinished run has no link."""
    for owner, run in ((BOB, "r1"), (BOB, "r2"), (ANN, "r3"), (ANN, "none"), (ANN, "goes on")):
        for more in ([], [SECOND], [SharedFile("r3", 0)]):
            with pytest.raises(RunNotFound):
                history.shared.share(owner, [SharedFile(run, 1, "mine"), *more])
    with pytest.raises(RunNotFound):
        history.shared.share(ANN, [])
    assert history.shared.of(BOB, [SECOND]) is None
    assert history.shared.others(BOB, [SECOND]) == 0
    assert not history.shared.stop(BOB, [SECOND])
    assert history.shared.of(ANN, [SECOND]) == shared
    assert shown(history, shared.token) == [(0, SECOND)]


def test_a_link_ends(history: RunStore, shared: Share) -> None:
    """Stopping a link ends it for good. Deleting the result disables the link at once, and undoing
    the deletion restores it. After the final deletion, the link is gone."""
    shares = history.shared
    assert shares.find("") == shares.find(shared.token[:-1]) == ()
    assert shares.stop(ANN, [SECOND])
    assert not shares.stop(ANN, [SECOND])
    assert shares.find(shared.token) == ()
    second = shares.share(ANN, [SECOND])
    assert second.token != shared.token
    history.unlist(["r1"], ANN)
    assert shares.find(second.token) == ()
    history.relist(["r1"], ANN)
    assert shares.find(second.token)
    history.delete("r1", ANN)
    assert shares.find(second.token) == ()
    assert shares.of(ANN, [SECOND]) is None


def test_a_result_that_is_not_shared_anymore_leaves_all_links(
    history: RunStore, shared: Share
) -> None:
    """A link to several results keeps the others, at their numbers. Sharing the same results again
    makes a new link, so the old one doesn't show the result again."""
    shares = history.shared
    several = shares.share(ANN, [SECOND, OTHER])
    assert shares.others(ANN, [SECOND]) == shares.others(ANN, [OTHER]) == 1
    assert shares.stop(ANN, [SECOND])
    assert shares.find(shared.token) == ()
    assert shown(history, several.token) == [(1, OTHER)]
    assert shares.of(ANN, [SECOND, OTHER]) is None
    assert shares.share(ANN, [SECOND, OTHER]).token != several.token
    assert shown(history, several.token) == [(1, OTHER)]
    history.delete("r2", ANN)
    assert shares.find(several.token) == ()
