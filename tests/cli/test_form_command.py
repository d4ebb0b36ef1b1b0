"""`python -m comfy form`."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from comfy.__main__ import main
from comfyui_standin import DemoServer
from tests.support.sampler import prompt
from tests.support.samples.forms import DATA, WORKFLOWS

INFO = str(DATA / "object_info.json")
TEXT_TO_IMAGE = str(WORKFLOWS / "text-to-image.json")


def test_json_is_the_form(capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints title, fields, outputs, problems and notes."""
    assert main(["form", TEXT_TO_IMAGE, "--object-info", INFO, "--json"]) == 0
    form = json.loads(capsys.readouterr().out)
    assert form["title"] == "Text to image"
    assert form["fields"][0]["key"] == "2.text"
    assert form["outputs"] == [
        {"node": "7", "label": "Save image", "kind": "image", "preview": False}
    ]


def test_notes_are_in_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs also learn which values the form replaces."""
    workflow = tmp_path / "small.json"
    workflow.write_text(json.dumps(prompt(5, sampler_name="no_such_sampler")))
    assert main(["form", str(workflow), "--object-info", INFO, "--json"]) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note == "Sampler: “no_such_sampler” isn't offered here. Using “euler” instead."


def test_without_json_it_is_a_table_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    """The table lists labels, keys for --set, widgets, values and notes."""
    assert main(["form", TEXT_TO_IMAGE, "--object-info", INFO]) == 0
    out = capsys.readouterr().out
    for part in (
        "Main",
        "Prompt",
        "2.text",
        "textarea",
        "Results: Save image (image)",
        "- Using",
    ):
        assert part in out


@pytest.mark.parametrize("bad", ["nowhere.json", "bad.json"])
def test_a_file_that_cannot_be_read_is_one_line_and_exit_2(
    bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints no traceback and nothing on stdout."""
    (tmp_path / "bad.json").write_text("{")
    assert main(["form", str(tmp_path / bad), "--object-info", INFO]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_an_unreadable_catalog_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command also exits with 2 if it can't read the --object-info file."""
    assert main(["form", TEXT_TO_IMAGE, "--object-info", str(tmp_path / "none.json")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_the_nodes_of_a_server_count(capsys: pytest.CaptureFixture[str]) -> None:
    """With --server, the command asks a running server for its catalog."""
    with DemoServer() as server:
        assert main(["form", TEXT_TO_IMAGE, "--server", server.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []


def test_a_server_that_does_not_answer_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    """If nothing listens on the port, the command prints one sentence."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert main(["form", TEXT_TO_IMAGE, "--server", url]) == 2
    assert "127.0.0.1" in capsys.readouterr().err


def test_a_form_that_the_page_refuses_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command refuses a form that no page would show, in the same words as the page."""
    node = {"class_type": "KSampler", "inputs": {f"input {n}": n for n in range(10_001)}}
    (tmp_path / "huge.json").write_text(json.dumps({"1": node}))
    assert main(["form", str(tmp_path / "huge.json"), "--object-info", INFO]) == 2
    assert "too large to open here" in capsys.readouterr().err
