"""Shared results, and texts that records keep once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from comfy.base.errors import FILE_REFUSED, NodeError, RunNotFound
from comfy.base.messages import Message, message, plural
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.run_state import RunError
from comfy.records.record import Record
from comfy.records.rows import Wanted
from comfy.records.serialization import from_text, state_to_json, to_text
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


def test_shared_results_are_found(history: RunStore, shared: Share) -> None:
    """A filter of the history lists the owner's runs with links, each only once, and the app counts
    them, also while they can be restored."""
    history.shared.share(ANN, [SECOND, SharedFile("r1", 0)])
    wanted = Wanted(shared=True)
    assert [record.id for record in history.of(ANN, wanted)] == ["r1"]
    assert history.of(BOB, wanted) == ()
    runs = ["r1", "r2", "r3", ODD]
    history.unlist(runs, ANN)
    assert [history.shared.count(owner, runs) for owner in (ANN, BOB)] == [1, 0]
    assert history.of(ANN, wanted) == ()


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


SERVER = message("ComfyUI at {address}", address="http://a")
FAILED = RunError(
    message("{server} is not ready.", server=SERVER),
    plural("{count} try was made.", "{count} tries were made.", count=3),
    node="6",
    node_title=message("Positive prompt"),
    detail="RuntimeError: x",
)
REFUSED = NodeError(
    "6", "image", "LoadImage", FILE_REFUSED, message("Too large."), message("Make it smaller.")
)


def failed_run() -> Record:
    """Return a run that ended with an error and has the app's own titles and refusals."""
    record = begun("failed")
    job = replace(record.job, titles={"6": message("Positive prompt"), "7": "Mine"})
    return ended_record(replace(record, job=job), error=FAILED, node_errors=(REFUSED,))


def made_of(text: str | None) -> object:
    assert isinstance(text, Message), text
    values = {
        name: made_of(value) if isinstance(value, Message) else value
        for name, value in text.values.items()
    }
    return text.sentence, text.plural, values


def test_messages_come_back_with_their_sentences_and_values(history: RunStore) -> None:
    """An error, a refused file and titles are translated again. Words of a server or an author come
    back as text."""
    history.end(failed_run())
    kept = history.get("failed", ANN)
    assert kept == failed_run()
    assert kept is not None
    assert kept.state.error is not None
    assert made_of(kept.state.error.message) == (
        "{server} is not ready.",
        "",
        {"server": ("ComfyUI at {address}", "", {"address": "http://a"})},
    )
    assert made_of(kept.state.error.hint) == made_of(FAILED.hint)
    assert made_of(kept.state.error.node_title) == made_of(FAILED.node_title)
    assert not isinstance(kept.state.error.detail, Message)
    (refused,) = kept.state.node_errors
    assert made_of(refused.message) == made_of(REFUSED.message)
    assert made_of(refused.details) == made_of(REFUSED.details)
    assert made_of(kept.job.titles["6"]) == made_of(FAILED.node_title)
    assert not isinstance(kept.job.titles["7"], Message)


def test_scripts_get_the_text_of_messages() -> None:
    """A state as JSON for scripts has the messages as plain text."""
    told = state_to_json(failed_run().state)
    assert told["error"]["message"] == "ComfyUI at http://a is not ready."
    assert told["node_errors"][0]["message"] == "Too large."


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ComfyUI is not ready.", "ComfyUI is not ready."),
        ({"sentence": "{a.b}", "plural": "", "values": {"a": "x"}}, "{a.b}"),
        ({"sentence": "No {count}.", "plural": "{count}", "values": {"count": "x"}}, "No {count}."),
        ({"sentence": 7}, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_texts_of_other_versions_and_damaged_ones_cost_no_record(written: Any, read: str) -> None:
    """Plain text stays as it is. If a value isn't one of the app's messages, only its sentence
    stays, or nothing."""
    told = json.loads(to_text(failed_run()))
    told["state"]["error"]["message"] = written
    record = from_text(json.dumps(told))
    assert record.state.error is not None
    assert record.state.error.message == read
    assert not isinstance(record.state.error.message, Message)
    assert record.state.error.hint == FAILED.hint
