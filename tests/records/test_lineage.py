"""The parents and children of runs in the history."""

from __future__ import annotations

from dataclasses import replace

from comfy.comfyui.protocol.outputs import TextOutput
from comfy.records.blobs import BlobStore
from comfy.records.lineage import used_file, was_given
from comfy.records.record import KeptInput, Record
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, BOB, begun, ended_record, ids, kept_image


def given(run_id: str, digest: str, owner: str = ANN, at: float = 2000.0) -> Record:
    """Return a finished run with this file as its input."""
    return ended_record(begun(run_id, owner, at, inputs={"7.image": KeptInput("x.png", digest)}))


def test_files_lead_from_run_to_run(history: RunStore, kept: BlobStore) -> None:
    """A run was made from the latest run that made its file, and used for all runs that received
    its file. Other users' runs, deleted runs and the run itself don't count."""
    file = kept_image(kept, b"boat")
    for run_id, at in (("first", 1000.0), ("again", 1500.0), ("later", 3000.0)):
        history.end(ended_record(begun(run_id, at=at), files=(file,)))
    history.end(ended_record(begun("bob's", BOB, 1600.0), files=(file,)))
    upscaled = replace(given("upscaled", file.digest))
    upscaled = ended_record(upscaled, files=(file,))
    history.end(upscaled)
    history.end(given("other", file.digest, at=2500.0))
    history.end(given("gone", file.digest, at=2600.0))
    history.end(given("of bob", file.digest, BOB))
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
    assert used_file(given("large", files[1].digest or ""), source) == 1
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
