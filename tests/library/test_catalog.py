"""The server's catalog as the library uses it, and the removal of workflows."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from comfy.base.errors import ComfyError, ServerUnreachable, WorkflowError
from comfy.chains.folder import ChainFolder
from comfy.comfyui.object_info import Catalog
from comfy.library.catalog import CatalogCache
from comfy.library.folder import WorkflowFolder
from comfy.library.permissions import Permissions, Removal
from comfy.records.store import AddedWorkflows
from comfy.runs.input_files import UPLOADS
from tests.support.samples.forms import text_to_image
from tests.support.serving import open_history
from tests.support.waiting import LONGEST_WAIT, eventually

NODES = {"A": {"input": {"required": {"image": [["a.png"]]}}, "output": []}}


class Server:
    """Stand-in for a server that returns its nodes, or raises an error while it is away."""

    def __init__(self) -> None:
        self.nodes: dict[str, Any] = NODES
        self.away = False
        self.asked = 0

    def __call__(self) -> dict[str, Any]:
        self.asked += 1
        if self.away:
            raise ServerUnreachable("It isn't responding.")
        return self.nodes


def test_the_server_is_queried_only_on_refresh() -> None:
    """The cache asks the server again only when a caller requests a refresh. Unchanged lists stay
    the same object."""
    server = Server()
    cache = CatalogCache(server)
    first = cache.get()
    assert cache.get() is cache.cached() is first
    assert server.asked == 1
    assert cache.get(refresh=True) is first
    assert server.asked == 2
    server.nodes = NODES | {"B": NODES["A"]}
    assert "B" in cache.get(refresh=True)
    assert "B" in cache.cached()


def test_the_last_catalog_is_used_while_the_server_is_away() -> None:
    """While the server is away, the cache returns the last answer. Before the first answer, the
    cache has nothing to return."""
    server = Server()
    cache = CatalogCache(server)
    server.away = True
    for ask in (cache.get, cache.cached):
        with pytest.raises(ServerUnreachable):
            ask()
    server.away = False
    first = cache.get()
    server.away = True
    assert cache.get(refresh=True) is first
    asked = server.asked
    assert cache.get() is first
    assert server.asked == asked


def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """During an outage, the app logs one line, however often a caller requests the catalog, and
    keeps using the old catalog."""
    server = Server()
    cache = CatalogCache(server)
    known = cache.get()
    with caplog.at_level(logging.WARNING):
        for outages in (1, 2):
            server.away = True
            assert [cache.get(refresh=True) for _ in range(3)] == [known] * 3
            assert len(caplog.records) == outages
            server.away = False
            assert cache.get(refresh=True) is known


def test_a_slow_server_is_waited_for_once() -> None:
    """While one caller refreshes the lists, the other callers use the known lists."""
    server = Server()
    reached, go_on = threading.Event(), threading.Event()

    def slow() -> dict[str, Any]:
        answer = server()
        if server.asked > 1:
            reached.set()
            assert go_on.wait(LONGEST_WAIT)
        return answer

    cache = CatalogCache(slow)
    first = cache.get()
    asking = threading.Thread(target=cache.get, kwargs={"refresh": True})
    asking.start()
    assert reached.wait(LONGEST_WAIT)
    assert cache.get(refresh=True) is first
    go_on.set()
    asking.join(LONGEST_WAIT)
    eventually(lambda: not asking.is_alive())
    assert server.asked == 2


@pytest.mark.parametrize("away", [False, True])
def test_concurrent_callers_share_the_first_answer(away: bool) -> None:
    """Concurrent callers cause one request to the server, even if the server doesn't answer."""
    server = Server()
    server.away = away
    waiting = threading.Semaphore(0)
    go_on = threading.Event()

    def slow() -> dict[str, Any]:
        assert go_on.wait(LONGEST_WAIT)
        return server()

    cache = CatalogCache(slow)

    def ask() -> Catalog:
        waiting.release()
        return cache.get()

    with ThreadPoolExecutor(5) as people:
        answers = [people.submit(ask) for _ in range(5)]
        for _ in answers:
            assert waiting.acquire(timeout=LONGEST_WAIT)
        go_on.set()
        if away:
            assert {type(one.exception(LONGEST_WAIT)) for one in answers} == {ServerUnreachable}
        else:
            assert len({id(one.result(LONGEST_WAIT)) for one in answers}) == 1


def test_callers_who_wait_briefly_share_one_thread() -> None:
    """Each visit waits a moment for the first catalog. Only one thread waits for a server that
    doesn't answer, and the next visit asks again after a failure."""
    server = Server()
    go_on = threading.Event()

    def silent() -> dict[str, Any]:
        assert go_on.wait(LONGEST_WAIT)
        return server()

    cache = CatalogCache(silent)
    server.away = True
    before = set(threading.enumerate())
    for _ in range(10):
        with pytest.raises(ServerUnreachable):
            cache.within(0.01)
    (waiting,) = (
        one for one in threading.enumerate() if one.name == "first catalog" and one not in before
    )
    go_on.set()
    waiting.join(LONGEST_WAIT)
    server.away = False
    assert cache.within(LONGEST_WAIT) is cache.cached()
    assert server.asked == 2


def test_a_change_during_a_request_triggers_another_request() -> None:
    """The answer may be older than the change, so the app asks again."""
    server = Server()

    def changing() -> dict[str, Any]:
        answer = server()
        if server.asked == 1:
            cache.expire()
        return answer

    cache = CatalogCache(changing)
    cache.get()
    server.nodes = NODES | {"B": NODES["A"]}
    assert "B" in cache.get()
    assert "B" in cache.get()
    assert server.asked == 2


def test_renewing_waits_for_an_answer_to_a_new_request() -> None:
    """A request that began before the change doesn't count, although its caller gets its answer."""
    server = Server()
    began, go_on = threading.Event(), threading.Event()

    def slow() -> dict[str, Any]:
        answer = server()
        if server.asked == 2:
            began.set()
            assert go_on.wait(LONGEST_WAIT)
        return answer

    cache = CatalogCache(slow)
    cache.get()
    with ThreadPoolExecutor(2) as people:
        earlier = people.submit(cache.get, refresh=True)
        assert began.wait(LONGEST_WAIT)
        server.nodes = NODES | {"B": NODES["A"]}
        renewing = people.submit(cache.renew)
        go_on.set()
        assert "B" not in earlier.result(LONGEST_WAIT)
        renewing.result(LONGEST_WAIT)
    assert "B" in cache.cached()
    assert cache.get() is cache.cached()
    assert server.asked == 3


def test_uploaded_files_are_not_offered_as_choices() -> None:
    """The app leaves out file names in its upload folder."""
    server = Server()
    server.nodes = {
        "A": {"input": {"required": {"image": [["a.png", f"{UPLOADS}/0/b.png"]]}}, "output": []}
    }
    assert CatalogCache(server).get()["A"].inputs[0].choices == ("a.png",)


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
