"""Editors of the same forms, in different processes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from comfy.library.catalog import CatalogCache
from comfy.library.editing.editor import FormEditor, SettingsChanged
from comfy.library.folder import WorkflowFolder
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.workflow.config import FormConfig
from tests.library.test_forms import Nodes
from tests.support.samples.forms import text_to_image
from tests.support.waiting import LONGEST_WAIT

AUTHOR = "user:ann"
UNHINDERED = 0.5  # seconds; a save takes milliseconds


def editor_on(tmp_path: Path, clock: Callable[[], float]) -> FormEditor:
    """Return an editor as each process of the app has one."""
    folder = WorkflowFolder(tmp_path / "workflows")
    forms = Forms(folder.get, CatalogCache(Nodes()), Permissions.of_a_shell())
    return FormEditor(forms, folder, tmp_path / "forms", clock)


def test_two_processes_never_overwrite_each_other(tmp_path: Path) -> None:
    """Two authors save a form at two processes at the same time. The second one learns that the
    first has changed it."""
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "text.json").write_text(json.dumps(text_to_image()))
    is_saving, continues = threading.Event(), threading.Event()

    def slow_clock() -> float:
        is_saving.set()  # after the version was read
        assert continues.wait(LONGEST_WAIT)
        return time.time()

    first, second = editor_on(tmp_path, slow_clock), editor_on(tmp_path, time.time)
    version = second.open(AUTHOR, "text").version

    def save(editor: FormEditor, title: str) -> None:
        editor.save(AUTHOR, "text", FormConfig(title=title), version, "", force=False)

    with ThreadPoolExecutor(2) as authors:
        saves: list[Future[None]] = [authors.submit(save, first, "First")]
        assert is_saving.wait(LONGEST_WAIT)
        saves.append(authors.submit(save, second, "Second"))
        wait(saves[1:], UNHINDERED)
        continues.set()
        assert saves[0].result(LONGEST_WAIT) is None
        assert isinstance(saves[1].exception(LONGEST_WAIT), SettingsChanged)
    assert second.open(AUTHOR, "text").settings.title == "First"
