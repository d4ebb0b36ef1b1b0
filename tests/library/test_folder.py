"""The folder of workflows, and the list of workflows that take results."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from comfy.base.errors import WorkflowError
from comfy.base.files import plain_name
from comfy.chains.folder import ChainFolder
from comfy.library.catalog import CatalogCache
from comfy.library.folder import MOST, Stamp, WorkflowFolder
from comfy.library.forms import Forms, takers_of
from comfy.library.permissions import Permissions
from comfy.workflow.model import Workflow
from tests.support.samples.forms import DATA, node, text_to_image

PROMPT = json.dumps(
    {"1": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}}}
)


def write(folder: Path, name: str, text: str = PROMPT, toml: str = "") -> None:
    """Write a workflow, and its toml if given."""
    (folder / f"{name}.json").write_text(text)
    if toml:
        (folder / f"{name}.toml").write_text(toml)


def test_entries_are_sorted_by_order_and_title(tmp_path: Path) -> None:
    """A title comes from the toml or the file name. Workflows with an order come first; unreadable
    files come last, with the reason."""
    write(tmp_path, "second", toml="order = 2")
    write(tmp_path, "start", toml="order = 1.5")
    write(tmp_path, "z", toml='title = "A first"')
    write(tmp_path, "my_second-one")
    write(tmp_path, "a-broken", "{")
    write(tmp_path, ".hidden")
    start, second, *entries = WorkflowFolder(tmp_path).entries()
    assert [start.name, second.name] == ["start", "second"]
    assert [entry.name for entry in entries] == ["z", "my_second-one", "a-broken"]
    assert [entry.title for entry in entries[:2]] == ["A first", "My second one"]
    assert [bool(entry.problem) for entry in entries] == [False, False, True]


def test_a_missing_folder_is_empty(tmp_path: Path) -> None:
    """A missing folder has no workflows and raises no error."""
    assert WorkflowFolder(tmp_path / "none").entries() == ()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_with_a_line_break_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The app doesn't list a workflow or chain with such a name, because no route matches it."""
    write(tmp_path, "plain")
    write(tmp_path, "two\nlines", toml='title = "Two lines"')
    (tmp_path / "a\nchain.chain.toml").write_text("")
    folder, chains = WorkflowFolder(tmp_path), ChainFolder(tmp_path)
    for _ in range(2):
        assert [entry.name for entry in (*folder.entries(), *chains.entries())] == ["plain"]
    with pytest.raises(WorkflowError, match="not found"):
        folder.get("two\nlines")
    told = [record.getMessage() for record in caplog.records]
    assert [said.split(" in ")[0] for said in told] == [r"'a\nchain.chain'", r"'two\nlines'"]


@pytest.mark.parametrize(
    "name",
    [
        *("none", "../outside", "..", "", "a\0b", "/etc/passwd", "x" * 5000),
        *("inside", "sub/../sub/inside", "sub/../../outside", "sub//inside", "sub\\inside", "sub/"),
        *("link/outside", "link/folder/sub/inside", ".git/inside", "sub/.hidden/inside"),
        "a/b/c/d/e/inside",
    ],
)
def test_a_name_cannot_open_a_file_outside_the_folder(tmp_path: Path, name: str) -> None:
    """A name from a URL opens a file of this folder or its subfolders only as it is listed.
    Otherwise the app says that it isn't found. Links to folders, hidden folders and very deep
    folders don't count."""
    folder = tmp_path / "folder"
    write(tmp_path, "outside")
    for below in ("sub", ".git", "sub/.hidden", "a/b/c/d/e"):
        (folder / below).mkdir(parents=True, exist_ok=True)
        write(folder / below, "inside")
    (folder / "link").symlink_to(tmp_path)
    assert [entry.name for entry in WorkflowFolder(folder).entries()] == ["sub/inside"]
    with pytest.raises(WorkflowError, match="not found"):
        WorkflowFolder(folder).get(name)


def test_sub_folders_are_part_of_the_names(tmp_path: Path) -> None:
    """A workflow in a subfolder is named by its path and uses the toml, cover and node names beside
    it. Two workflows with the same file name stay separate, and the app notices changes."""
    below = tmp_path / "portraits" / "close_ups"
    below.mkdir(parents=True)
    write(tmp_path, "lamp")
    write(below, "lamp", toml='cover = "lamp.png"')
    cover = image(below / "lamp.png")
    write(tmp_path / "portraits", "broken", "{")
    folder = WorkflowFolder(tmp_path)
    found = {entry.name: entry for entry in folder.entries()}
    assert [*found] == ["lamp", "portraits/close_ups/lamp", "portraits/broken"]
    assert [entry.folder for entry in found.values()] == ["", "Portraits / Close ups", "Portraits"]
    assert {entry.title for entry in found.values()} == {"Lamp", "broken"}
    nested = folder.get("portraits/close_ups/lamp")
    assert (nested.name, nested.cover) == ("portraits/close_ups/lamp", cover)
    before = folder.stamps()
    (below / "lamp.toml").write_text('title = "Softer"')
    changed = [name for name, stamp in folder.stamps().items() if stamp != before[name]]
    assert changed == ["portraits/close_ups/lamp"]
    assert folder.get("portraits/close_ups/lamp").config.title == "Softer"


def test_changes_are_seen(tmp_path: Path) -> None:
    """The app reads a workflow again when its file or toml changes, appears or disappears.
    Otherwise it reads the workflow once."""
    folder = WorkflowFolder(tmp_path)
    write(tmp_path, "one")
    first = folder.get("one")
    assert folder.get("one") is first
    write(tmp_path, "one", toml='title = "Named"')
    assert folder.entries()[0].title == "Named"
    (tmp_path / "one.toml").write_text('title = "Renamed!"')
    assert folder.entries()[0].title == "Renamed!"
    (tmp_path / "one.toml").unlink()
    assert folder.entries()[0].title == "One"
    write(tmp_path, "one", PROMPT.replace("SaveImage", "PreviewImage"))
    assert folder.get("one").prompt["1"]["class_type"] == "PreviewImage"
    (tmp_path / "one.json").unlink()
    assert folder.entries() == ()


def test_a_json_file_takes_precedence_over_an_image(tmp_path: Path) -> None:
    """When a JSON file lies beside an image, the user gets the workflow of the JSON file. When the
    JSON file is gone, the user gets the image's workflow again."""
    carried = PngInfo()
    carried.add_text("prompt", PROMPT)
    Image.new("RGB", (8, 8)).save(tmp_path / "one.png", pnginfo=carried)
    folder = WorkflowFolder(tmp_path)
    of_image = folder.get("one")
    write(tmp_path, "one", PROMPT.replace("SaveImage", "PreviewImage"))
    assert folder.get("one").prompt["1"]["class_type"] == "PreviewImage"
    (tmp_path / "one.json").unlink()
    assert folder.get("one").prompt == of_image.prompt


def test_a_hundred_workflows_are_read_and_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing 100 workflows again checks each file but doesn't read it. Opening them one by one
    then doesn't list the folder again."""
    for number in range(100):
        write(tmp_path, f"w{number:03}")
    folder = WorkflowFolder(tmp_path)
    assert len(folder.entries()) == 100
    kept = {entry.name: folder.get(entry.name) for entry in folder.entries()}
    monkeypatch.delattr(os, "walk")
    assert all(folder.get(name) is workflow for name, workflow in kept.items())


class GrowingFolder(WorkflowFolder):
    opened: Workflow | None = None

    def stamps(self) -> Mapping[str, Stamp]:
        listed = super().stamps()
        (self.path / "new.json").write_text(PROMPT)
        self.opened = self.get("new")
        return listed


def test_a_workflow_opened_during_a_listing_stays_loaded(tmp_path: Path) -> None:
    """The listing doesn't take the new workflow for a deleted one, so the app doesn't read it
    again."""
    folder = GrowingFolder(tmp_path)
    assert folder.entries() == ()
    assert folder.opened is not None
    assert folder.get("new") is folder.opened


def test_a_broken_file_heals(tmp_path: Path) -> None:
    """A repaired file works without a restart."""
    write(tmp_path, "one", "{")
    folder = WorkflowFolder(tmp_path)
    with pytest.raises(WorkflowError):
        folder.get("one")
    write(tmp_path, "one")
    assert folder.get("one").prompt


def test_concurrent_readers_get_complete_workflows(tmp_path: Path) -> None:
    """Handlers run in many threads. If a file changes while they read it, each of them gets one
    complete version."""
    write(tmp_path, "one")
    folder = WorkflowFolder(tmp_path)
    problems: list[Exception] = []

    def ask() -> None:
        try:
            for _ in range(50):
                assert folder.get("one").prompt
                folder.entries()
        except Exception as problem:  # noqa: BLE001 - asserted in the test's own thread
            problems.append(problem)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        (tmp_path / "next").write_text(PROMPT + " " * number)
        os.replace(tmp_path / "next", tmp_path / "one.json")
    for thread in threads:
        thread.join()
    assert not problems


@pytest.mark.parametrize(
    "name", ["CON.json", "../../x.json", "a\0b.json", "x" * 5000 + ".json", "<b>.json", "日本.json"]
)
def test_a_workflow_is_saved_under_a_safe_name(tmp_path: Path, name: str) -> None:
    """The app keeps every file inside the folder, under a name that every system accepts."""
    inside = tmp_path / "inside"
    inside.mkdir()
    kept = WorkflowFolder(inside).add(name, PROMPT.encode(), Path(name).stem)
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {f"{kept}.json"} <= files <= {f"{kept}.json", f"{kept}.toml"}
    assert kept == Path(plain_name(f"{kept}.json")).stem
    assert WorkflowFolder(inside).get(kept).prompt == json.loads(PROMPT)


def test_the_folder_has_a_limit(tmp_path: Path) -> None:
    """Users can't fill the disk by adding workflows."""
    for number in range(MOST):
        (tmp_path / f"{number}.json").touch()
    with pytest.raises(WorkflowError, match="no room"):
        WorkflowFolder(tmp_path).add("one more.json", b"{}", "One more")
    assert len(list(tmp_path.iterdir())) == MOST


@pytest.mark.parametrize("title", ["My lamp (2)", 'A "quoted" one\\', "two\nlines\x7f", "Lamp 3.5"])
def test_an_added_workflow_has_its_title(tmp_path: Path, title: str) -> None:
    """If the file name would give a different title, the app writes a toml with the title. It
    doesn't use a toml left behind by another workflow."""
    folder = WorkflowFolder(tmp_path)
    assert folder.add("lamp.app.json", PROMPT.encode(), "Lamp") == "lamp"
    assert not (tmp_path / "lamp.toml").exists()
    (tmp_path / "lamp-2.toml").write_text('title = "Another"')
    name = folder.add("lamp.json", PROMPT.encode(), title)
    assert name == "lamp-3"
    config = folder.get(name).config
    assert config
    assert (config.title, config.problems) == (title, ())


def test_a_workflow_whose_title_cannot_be_saved_is_not_added(tmp_path: Path) -> None:
    """If the app can't write the title, it keeps nothing, because the workflow would appear under a
    different name."""
    (tmp_path / "lamp.toml").symlink_to("nowhere")
    with pytest.raises(WorkflowError, match="couldn't be saved: File exists"):
        WorkflowFolder(tmp_path).add("lamp.json", PROMPT.encode(), "My lamp")
    assert [path.name for path in tmp_path.iterdir()] == ["lamp.toml"]


def image(path: Path, side: int = 8) -> Path:
    """Save an image without a workflow in it."""
    Image.new("RGB", (side, side)).save(path)
    return path


def test_a_cover_is_not_listed_as_a_workflow(tmp_path: Path) -> None:
    """An image named in a toml is its workflow's cover, so the list doesn't show it as an
    unreadable file. An image no toml names is listed that way. A replaced image becomes the cover
    at once."""
    write(tmp_path, "boats", toml='cover = "harbour.png"')
    cover = image(tmp_path / "harbour.png")
    image(tmp_path / "other.png")
    folder = WorkflowFolder(tmp_path)
    boats, other = folder.entries()
    assert (boats.name, boats.cover, boats.problem) == ("boats", cover, "")
    assert (other.name, bool(other.problem)) == ("other", True)
    cover.unlink()
    config = folder.get("boats").config
    assert config
    assert config.problems == ("The cover harbour.png cannot be read: No such file or directory.",)
    assert folder.get("boats").cover is None
    image(cover, 16)
    assert folder.get("boats").cover == cover


@pytest.mark.parametrize("name", ["../up.png", "/etc/up.png", ".png", "a\\b.png", "a.svg", "", "a"])
def test_a_cover_lies_beside_its_workflow(tmp_path: Path, name: str) -> None:
    """The cover must be the name of an image beside the workflow."""
    write(tmp_path, "boats", toml=f"cover = {json.dumps(name)}")
    workflow = WorkflowFolder(tmp_path).get("boats")
    assert workflow.cover is None
    assert workflow.config
    assert "“cover” must be the name of an image" in workflow.config.problems[0]


def test_an_invalid_or_too_large_cover_is_reported(tmp_path: Path) -> None:
    """A cover that isn't an image, or is too large to send to every user, is a problem of the
    form."""
    write(tmp_path, "boats", toml='cover = "boats.webp"')
    for content in (b"<svg/>", image(tmp_path / "big.png").read_bytes() + bytes(2 * 2**20)):
        (tmp_path / "boats.webp").write_bytes(content)
        config = WorkflowFolder(tmp_path).get("boats").config
        assert config
        assert config.problems == ("The cover boats.webp must be an image of at most 2\xa0MB.",)


LOADS = {"1": node("LoadImage", image="example.png"), "2": node("PreviewImage", images=["1", 0])}
LACKS = {
    **LOADS,
    "3": node("NoSuchNode", image=["1", 0]),
    "4": node("PreviewImage", images=["3", 0]),
}


def taker_write(folder: Path, **prompts: object) -> None:
    """Put workflows into a folder."""
    for name, prompt in prompts.items():
        (folder / f"{name}.json").write_text(json.dumps(prompt))


def test_workflows_that_take_results(tmp_path: Path) -> None:
    """The list has workflows with a file or text field, with the kinds they take and the key of
    the text field. It omits workflows without such a field, and those that can't run
    here or be read."""
    taker_write(tmp_path, loads=LOADS, lacks=LACKS, text=text_to_image(), broken=[])
    folder = WorkflowFolder(tmp_path)
    info = json.loads((DATA / "object_info.json").read_text())
    forms = Forms(folder.get, CatalogCache(lambda: info), Permissions())
    found = takers_of(forms, folder, "ann")
    assert [(one.name, one.kinds, one.text_field, one.draws_text) for one in found] == [
        ("loads", ("image",), "", False),
        ("text", ("text",), "6.text", True),
    ]
    assert [one.title for one in found] == ["Loads", "Text"]
    assert takers_of(forms, folder, "bob") == found
    taker_write(tmp_path, text=LOADS)
    assert {one.kinds for one in takers_of(forms, folder, "ann")} == {("image",)}
