"""`python -m comfy run`, mostly as a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy.__main__ import main
from comfy.base.files import safe_name
from comfy.cli.progress import ProgressLine
from comfy.comfyui.protocol.run_progress import PlannedNodes, RunProgress
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfyui_standin import DemoServer
from tests.support.sampler import prompt
from tests.support.waiting import LONGEST_WAIT

ROOT = Path(__file__).parents[2]
WORKFLOW = prompt(5, steps=3)
REPLACED = "Sampler: “no_such_sampler” isn't offered here. Using “euler” instead."


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.02) as server:
        yield server


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    file = tmp_path / "small.json"
    file.write_text(json.dumps(WORKFLOW))
    return file


def command(workflow: Path, demo: DemoServer) -> list[str | Path]:
    return [sys.executable, "-m", "comfy", "run", workflow, "--server", demo.url]


def outcome(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_without_a_server_the_result_is_saved(workflow: Path, tmp_path: Path) -> None:
    """The command starts a stand-in, which keeps the file until the command has it."""
    assert main(["run", str(workflow), "--out", str(tmp_path)]) == 0
    (result,) = tmp_path.glob("*.png")
    assert Image.open(result).size


def test_a_demo_runs_unknown_nodes(workflow: Path, tmp_path: Path) -> None:
    """The command takes the definitions of the workflow's nodes from the stand-in, as a page
    does."""
    workflow.write_text(json.dumps(WORKFLOW).replace('"KSampler"', '"MysterySampler"'))
    with DemoServer(step_seconds=0, painted=64, anything=True) as server:
        command = ["run", str(workflow), "--server", server.url, "--out", str(tmp_path)]
        assert main(command) == 0
    assert [*tmp_path.glob("*.png")]


def test_a_workflow_is_run_and_its_files_saved(
    demo: DemoServer, workflow: Path, tmp_path: Path
) -> None:
    """Run as a process, the command exits with 0. It prints the saved file's path to stdout and
    plain progress lines to stderr."""
    done = subprocess.run(
        [*command(workflow, demo), "--out", tmp_path / "out"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT,
    )
    assert done.returncode == 0, done.stderr
    (path,) = map(Path, done.stdout.split("\n")[:-1])
    assert path.parent == tmp_path / "out"
    with Image.open(path) as image:
        assert image.size == (64, 64)
    assert "\x1b" not in done.stderr
    assert "KSampler" in done.stderr


def test_the_command_saves_the_outputs_that_the_page_shows(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If titles say which outputs count, the command saves only these outputs, as the page does."""
    saving = WORKFLOW["6"] | {"_meta": {"title": "$output.image"}}
    preview = {"class_type": "PreviewImage", "inputs": {"images": ["5", 0]}}
    workflow.write_text(json.dumps(WORKFLOW | {"6": saving, "7": preview}))
    assert main(["run", str(workflow), "--server", demo.url, "--out", str(tmp_path), "--json"]) == 0
    assert [file["type"] for file in outcome(capsys)["files"]] == ["output"]


def test_the_outcome_as_json(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json, stdout is one object with the state, the files and the values actually used."""
    arguments = ["run", str(workflow), "--server", demo.url, "--out", str(tmp_path), "--json"]
    settings = [
        "--set",
        "4.seed=18446744073709551615",
        "--set",
        "2.text=42",
        "--set",
        "4.cfg=3.5",
        "--set",
        "4.steps=2",
    ]
    assert main(arguments + settings) == 0
    told = outcome(capsys)
    assert told["state"] == told["phase"] == "done"
    assert told["values"]["4.seed"] == 18446744073709551615
    assert (told["values"]["2.text"], told["values"]["4.cfg"], told["values"]["4.steps"]) == (
        "42",
        3.5,
        2,
    )
    assert told["started_at"] < told["finished_at"]
    (file,) = told["files"]
    assert Path(file["path"]).is_file()
    assert (file["kind"], file["node"], file["type"]) == ("image", "6", "output")


@pytest.mark.parametrize("settings", [[], ["--set", "4.sampler_name=heun"]])
def test_a_replaced_choice_is_named(
    demo: DemoServer,
    workflow: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: list[str],
) -> None:
    """The run says that it uses another sampler than the author's, unless the user chose one."""
    workflow.write_text(json.dumps(prompt(5, steps=1, sampler_name="no_such_sampler")))
    arguments = ["run", str(workflow), "--server", demo.url, "--out", str(tmp_path), "--json"]
    assert main(arguments + settings) == 0
    told = capsys.readouterr()
    replaced = [] if settings else [REPLACED]
    assert json.loads(told.out)["notes"] == replaced
    assert (REPLACED in told.err) == bool(replaced)


@pytest.mark.parametrize("text", ["[" * 5000, "[1]", "NaN", "1e999"])
def test_text_that_looks_like_json_stays_text(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """Brackets without an end and words that are no JSON value also stay text."""
    arguments = ["run", str(workflow), "--server", demo.url, "--out", str(tmp_path), "--json"]
    assert main([*arguments, "--set", f"2.text={text}", "--set", "4.steps=1"]) == 0
    assert outcome(capsys)["values"]["2.text"] == text


def test_an_empty_seed_is_drawn(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command reports the seed that it drew."""
    arguments = [
        "run",
        str(workflow),
        "--server",
        demo.url,
        "--out",
        str(tmp_path),
        "--json",
        "--set",
        "4.seed=",
    ]
    assert main(arguments) == 0
    assert isinstance(outcome(capsys)["values"]["4.seed"], int)


def test_nothing_is_overwritten(demo: DemoServer, workflow: Path, tmp_path: Path) -> None:
    """The command saves the same result twice as two files."""
    arguments = [
        "run",
        str(workflow),
        "--server",
        demo.url,
        "--out",
        str(tmp_path / "out"),
        "--set",
        "4.seed=77",
    ]
    assert main(arguments) == main(arguments) == 0
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_an_image_from_here_is_sent(
    demo: DemoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--set with the name of a local file uploads the file. The result has its size."""
    Image.new("RGB", (48, 32), (10, 120, 60)).save(tmp_path / "photo.png")
    file = tmp_path / "load.json"
    load = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "again"}}
    file.write_text(json.dumps({"1": load, "2": save}))
    setting = f"1.image={tmp_path / 'photo.png'}"
    arguments = [
        "run",
        str(file),
        "--server",
        demo.url,
        "--out",
        str(tmp_path / "out"),
        "--json",
        "--set",
        setting,
    ]
    assert main(arguments) == 0
    told = outcome(capsys)
    assert told["values"]["1.image"] == "photo.png"
    with Image.open(told["files"][0]["path"]) as image:
        assert image.size == (48, 32)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["4.steps=many"], "whole number"),
        (["4.stepz=3"], "4.steps"),
        (["steps=3"], "NODE.INPUT=VALUE"),
        (["4.steps"], "NODE.INPUT=VALUE"),
        (
            ["steps=3", "4.cfg", "4.steps=2"],
            "--set 'steps=3' is not NODE.INPUT=VALUE.\n--set '4.cfg' is not NODE.INPUT=VALUE.\nWrite",
        ),
        (["1.ckpt_name=nothing.safetensors", "4.cfg=x"], "Choose another."),
    ],
)
def test_wrong_settings_are_reported_before_anything_runs(
    demo: DemoServer,
    workflow: Path,
    capsys: pytest.CaptureFixture[str],
    settings: list[str],
    said: str,
) -> None:
    """The command exits with 2, prints an error and sends no prompt to the server."""
    before = demo.requests["POST /prompt"]
    arguments = [word for setting in settings for word in ("--set", setting)]
    assert main(["run", str(workflow), "--server", demo.url, *arguments]) == 2
    assert said in capsys.readouterr().err
    assert demo.requests["POST /prompt"] == before


def test_an_invalid_start_exits_with_2(
    workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command exits with 2 and a sentence for a missing file, a file without a workflow, and an
    address without a server."""
    (tmp_path / "odd.json").write_text("[1, 2]")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for arguments in (
        [str(tmp_path / "none.json"), "--server", nobody],
        [str(tmp_path / "odd.json"), "--server", nobody],
        [str(workflow), "--server", nobody],
        [str(workflow), "--server", "not an address"],
    ):
        assert main(["run", *arguments]) == 2
        assert capsys.readouterr().err.strip().endswith(".")


def test_a_failed_run_is_1(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If a node fails, the command exits with 1 and says what to do."""
    broken = ["--set", "1.ckpt_name=demo-broken.safetensors"]
    assert main(["run", str(workflow), "--server", demo.url, "--out", str(tmp_path), *broken]) == 1
    assert "Choose another model" in capsys.readouterr().err


def titled(**titles: str) -> dict[str, Any]:
    """Return the workflow with titles for some of its nodes (`n6` is the title of node 6)."""
    named = {name.removeprefix("n"): {"_meta": {"title": title}} for name, title in titles.items()}
    return {node_id: node | named.get(node_id, {}) for node_id, node in WORKFLOW.items()}


def test_titles_appear_without_their_notation(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Progress, errors and --json name a node as the form does, without the notation that other
    programs put into its title."""
    arguments = ["run", str(workflow), "--server", demo.url, "--out", str(tmp_path)]
    broken = ["--set", "1.ckpt_name=demo-broken.safetensors"]
    workflow.write_text(json.dumps(titled(n1="<Base model:advanced:1>", n6="$output.image")))
    assert main([*arguments, *broken, "--json"]) == 1
    told = capsys.readouterr()
    assert "<Base" not in told.err
    assert json.loads(told.out)["error"]["node_title"] == "Base model"
    assert main([*arguments, *broken]) == 1
    told = capsys.readouterr()
    assert "Base model: " in told.err
    assert "<Base" not in told.err + told.out
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert "$output" not in told.err + told.out


def test_a_signal_ends_the_wait_for_the_servers_nodes(workflow: Path) -> None:
    """The command stops at once, even with several servers. A server may take a minute to list its
    nodes."""
    with (
        DemoServer() as one,
        DemoServer() as other,
        one.hold("GET /object_info") as asked,
        other.hold("GET /object_info"),
    ):
        servers = [word for each in (one, other) for word in ("--server", each.url)]
        command = [sys.executable, "-m", "comfy", "run", str(workflow), *servers]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            assert asked.reached.wait(LONGEST_WAIT)
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=LONGEST_WAIT)
    assert (process.returncode, told) == (128 + signal.SIGTERM, "Stopped.\n")


def test_progress_is_a_bar_on_a_terminal() -> None:
    """On a terminal, the command overwrites a single line with the node and its steps. At the end,
    it clears the line."""
    reading, writing = pty.openpty()
    with os.fdopen(writing, "w") as terminal:
        progress = ProgressLine(terminal)
        progress.show(RunState("p", queue_place=2))
        planned = PlannedNodes({"4": "Sampler", "6": "Save"})
        going = RunState("p", Phase.RUNNING, node="4", step=3, steps=6, planned=planned)
        progress.show(replace(going, progress=RunProgress(fraction=0.25)))
        progress.end()
        terminal.flush()
        told = ""
        while not told.endswith("\r\x1b[K"):  # a terminal hands on what it has, in pieces
            told += os.read(reading, 4096).decode()
    os.close(reading)
    assert "In the queue, 2 ahead" in told
    assert "Sampler 3/6" in told
    assert "25%" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("image_00001_.png", "image_00001_.png"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/abs/olute.png", "olute.png"),
        (".hidden", "hidden"),
        ("..", "_"),
        ("", "_"),
        ("a:b?*\n.png", "a_b___.png"),
        ("CON.png", "_CON.png"),
        ("été 日本.webp", "été 日本.webp"),
    ],
)
def test_names_from_the_server_are_made_safe(told: str, kept: str) -> None:
    """A safe name has no folder, is not hidden and is not a device name."""
    assert safe_name(told) == kept


def test_long_names_keep_their_extension() -> None:
    """The command cuts a name that is too long before its extension."""
    assert safe_name("x" * 500 + ".png").endswith("x.png")
    assert len(safe_name("x" * 500 + ".png")) <= 150


def test_help_names_every_command_and_loads_none() -> None:
    code = (
        "import sys\nfrom comfy.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'requests', 'websocket', 'starlette', 'PIL'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT,
        check=True,
    )
    assert all(command in done.stdout for command in ("run", "form", "demo"))
