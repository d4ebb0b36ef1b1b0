"""Files that `python -m comfy run` saves, and its errors when it can't."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.__main__ import main
from comfy.base.errors import ComfyError
from comfy.cli.files import save_file
from comfy.comfyui.client.view import ViewFile
from comfy.comfyui.protocol.outputs import OutputFile
from comfyui_standin import DemoServer
from tests.cli.commands import small_workflow


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0) as server:
        yield server


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    return small_workflow(tmp_path)


def test_an_unwritable_output_folder_prevents_the_run(
    demo: DemoServer, workflow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command checks the folder before the run, to lose no result. A refused run doesn't create
    the folder either."""
    arguments = ["run", str(workflow), "--server", demo.url, "--out"]
    assert main([*arguments, str(workflow)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"Nothing can be saved in {workflow}: File exists.")
    assert said.strip().endswith("Choose another folder with --out.")
    other = workflow.with_name("other")
    assert main([*arguments, str(other), "--set", "4.cfg=x"]) == 2
    assert (demo.requests["POST /prompt"], other.exists()) == (0, False)


def test_saved_files_are_listed_even_if_others_fail(
    demo: DemoServer,
    workflow: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If a file can't be saved, for example on a full disk, the command prints the saved file's
    path and the error. It exits with 1."""
    out = workflow.with_name("out")

    def save_one(view: ViewFile, file: OutputFile, folder: Path) -> Path:
        if out.exists() and list(out.iterdir()):
            raise ComfyError("The second cannot be saved.")
        return save_file(view, file, folder)

    monkeypatch.setattr("comfy.cli.run.save_file", save_one)
    several = ["--set", "3.batch_size=2", "--out", str(out)]
    assert main(["run", str(workflow), "--server", demo.url, *several]) == 1
    told = capsys.readouterr()
    assert [*map(Path, told.out.splitlines())] == [*out.iterdir()]
    assert "The second cannot be saved." in told.err


def test_a_workflow_that_makes_a_text_needs_no_folder(
    demo: DemoServer, workflow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints the text."""
    value = {"class_type": "PrimitiveString", "inputs": {"value": "a lighthouse"}}
    shown = {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}}
    workflow.write_text(json.dumps({"1": value, "2": shown}))
    assert main(["run", str(workflow), "--server", demo.url, "--out", str(workflow)]) == 0
    assert capsys.readouterr().out == "a lighthouse\n"
