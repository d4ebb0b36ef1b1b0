"""Users with permission can remove workflows that were added on the page."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from comfy.base.errors import ComfyError, WorkflowError
from comfy.chains.folder import ChainFolder
from comfy.library.folder import WorkflowFolder
from comfy.library.permissions import Permissions, Removal
from comfy.records.store import AddedWorkflows
from tests.support.samples.forms import text_to_image
from tests.support.serving import open_history

ANN, BOB, CAROL, NOBODY = "user:ann", "user:bob", "user:carol", "browser:"  # Carol operates
CHAIN = '[[steps]]\nname = "one"\nworkflow = "{name}"\n'


@pytest.fixture
def added(tmp_path: Path) -> Iterator[AddedWorkflows]:
    with contextlib.closing(open_history(tmp_path / "data")) as history:
        yield history.added


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Create a folder with a workflow from its author."""
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "authors.json").write_text(json.dumps(text_to_image()))
    return folder


@pytest.fixture
def removal(folder: Path, added: AddedWorkflows) -> Removal:
    return Removal(folder, added, Permissions(operates=lambda owner: owner == CAROL), NOBODY)


def add(removal: Removal, owner: str = ANN, title: str = "My lamp") -> str:
    """Add a workflow as this user and return its name."""
    data = json.dumps(text_to_image()).encode()
    name = WorkflowFolder(removal.folder).add("lamp.json", data, title)
    removal.note_added(owner, name)
    return name


def who_may(removal: Removal, name: str) -> list[str]:
    return [owner for owner in (ANN, BOB, CAROL, NOBODY) if removal.may_remove(owner, name)]


def refuses(removal: Removal, owner: str, name: str) -> None:
    with pytest.raises(WorkflowError, match="can't be removed here"):
        removal.remove(owner, name)


def test_only_its_adder_and_administrators_remove_a_workflow(
    removal: Removal, folder: Path
) -> None:
    """Administrators may remove it too, but other users may not. All other files stay. A workflow
    added later under its name belongs to the user who adds it."""
    before = sorted(folder.iterdir())
    for owner in (ANN, CAROL):
        name = add(removal)
        assert (folder / "lamp.toml").is_file()
        (folder / "lamp").mkdir(exist_ok=True)
        (folder / "lamp" / "lamp.json").write_text("{}")
        (folder / "lamp.chain.toml").write_text(CHAIN.format(name="lamp"))
        assert who_may(removal, name) == [ANN, CAROL]
        refuses(removal, BOB, name)
        removal.remove(owner, name)
        assert sorted(folder.iterdir()) == sorted(
            [*before, folder / "lamp", folder / "lamp.chain.toml"]
        )
        assert who_may(removal, name) == []
        refuses(removal, owner, name)
    assert who_may(removal, add(removal, BOB)) == [BOB, CAROL]


def test_removing_a_chain_keeps_a_workflow_of_the_same_name(removal: Removal, folder: Path) -> None:
    """Removing a chain keeps the workflow of the same name, and vice versa."""
    for first in ("chain", "workflow"):
        chain = ChainFolder(folder).add("Lamp", CHAIN.format(name="authors"))
        removal.note_added(ANN, chain)
        workflow = add(removal, title="Lamp")
        assert (chain, workflow) == ("Lamp.chain", "lamp")
        assert who_may(removal, chain) == [ANN, CAROL]
        names = [chain, workflow] if first == "chain" else [workflow, chain]
        for name in names:
            removal.remove(ANN, name)
            assert not list(folder.glob(f"{name}.*"))
    assert [file.name for file in folder.iterdir()] == ["authors.json"]


def test_settings_and_a_cover_are_removed_with_their_workflow(
    removal: Removal, folder: Path
) -> None:
    """The author may still remove a workflow whose form was edited, by hand or in the editor."""
    before = sorted(folder.iterdir())
    name = add(removal)
    edit(folder / "lamp.toml")
    (folder / "lamp.webp").touch()
    (folder / "lamp-cover-0123abcd.webp").touch()
    assert who_may(removal, name) == [ANN, CAROL]
    removal.remove(ANN, name)
    assert sorted(folder.iterdir()) == before


def edit(file: Path) -> None:
    file.write_text(file.read_text() + "\n")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: edit(folder / "lamp.json"), id="its file"),
        pytest.param(lambda folder: (folder / "lamp.json").unlink(), id="no file"),
    ],
)
def test_files_changed_by_hand_stay(
    removal: Removal, folder: Path, change: Callable[[Path], None]
) -> None:
    """If an added workflow was changed by hand, not even an administrator can remove it on the
    page. The same is true for workflows from an author."""
    name = add(removal)
    change(folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for one in (name, "authors", "none", "", "../workflows/authors", "authors.json"):
        assert who_may(removal, one) == [], one
        for owner in (ANN, CAROL):
            refuses(removal, owner, one)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_only_administrators_remove_anonymous_workflows(removal: Removal) -> None:
    """Users without an identity share one owner, so only an administrator can remove their
    workflows."""
    assert who_may(removal, add(removal, NOBODY)) == [CAROL]


def test_files_that_cannot_be_deleted_are_reported(
    removal: Removal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If the app can't delete the files, it says so and logs why. The user can remove them once the
    cause is fixed."""
    name = add(removal)

    def refuse(_: Path, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        with pytest.raises(ComfyError, match="can't be removed here"):
            removal.remove(ANN, name)
    assert "Permission denied" in caplog.text
    removal.remove(ANN, name)
    assert not removal.may_remove(ANN, name)


def test_without_a_history_no_workflow_can_be_removed(folder: Path) -> None:
    """Without a history, the app doesn't know who added a workflow."""
    removal = Removal(folder, None, Permissions.of_a_shell())
    assert who_may(removal, add(removal)) == []
    refuses(removal, CAROL, "lamp")
