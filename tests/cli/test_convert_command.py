"""`python -m comfy convert`: one prompt for each graph, and a reason for each graph that can't be
converted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy.__main__ import main
from comfyui_standin import DemoServer
from tests.support.samples.graphs import CATALOG, graph, graph_node
from tests.support.samples.media import png_text


@pytest.fixture
def info(tmp_path: Path) -> Path:
    path = tmp_path / "object_info.json"
    path.write_text(json.dumps(CATALOG.raw))
    return path


def save(path: Path, data: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return str(path)


def test_one_file_each(tmp_path: Path, info: Path) -> None:
    """The command writes each graph to a file of the same name in the folder, and creates the
    folder if needed."""
    one = save(tmp_path / "one.json", graph(graph_node(1, "Number", 1)))
    two = save(tmp_path / "two.app.json", graph(graph_node(1, "Number", 2)))
    assert (
        main(["convert", one, two, "--object-info", str(info), "--out", str(tmp_path / "a" / "b")])
        == 0
    )
    assert json.loads((tmp_path / "a" / "b" / "one.json").read_text())["1"]["inputs"] == {
        "value": 1
    }
    assert json.loads((tmp_path / "a" / "b" / "two.app.json").read_text())["1"]["inputs"] == {
        "value": 2
    }


def test_a_failed_conversion_does_not_stop_the_others(
    tmp_path: Path, info: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says why it can't convert a file, still converts the other files, and exits with
    1."""
    good = save(tmp_path / "good.json", graph(graph_node(1, "Number", 1)))
    bad = [
        save(tmp_path / "text.json", "not JSON"),
        save(tmp_path / "list.json", []),
        save(tmp_path / "prompt.json", {"1": {"class_type": "Number", "inputs": {}}}),
        str(tmp_path / "absent.json"),
    ]
    assert (
        main(["convert", *bad, good, "--object-info", str(info), "--out", str(tmp_path / "out")])
        == 1
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.json"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    for line, path, why in zip(
        lines, bad, ("not JSON", "not a graph", "already", "No such file"), strict=True
    ):
        assert line.startswith(path)
        assert line.count(path) == 1
        assert why in line


def test_missing_nodes_are_named(
    tmp_path: Path, info: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command writes a graph with unknown nodes and names these nodes."""
    path = save(
        tmp_path / "g.json",
        graph(graph_node(1, "Mystery", properties={"cnr_id": "pack"}), graph_node(2, "Mystery")),
    )
    assert main(["convert", path, "--object-info", str(info), "--out", str(tmp_path / "out")]) == 0
    assert "no node “Mystery” (from pack), used by 1, 2." in capsys.readouterr().err


def test_media_that_hold_a_graph_are_opened(
    tmp_path: Path, info: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An image that ComfyUI saved carries its graph. If an image carries only a prompt or nothing,
    the command says so."""
    texts = {
        "graph": {"workflow": json.dumps(graph(graph_node(1, "Number", 7)))},
        "prompt": {"prompt": json.dumps({"1": {"class_type": "Number", "inputs": {}}})},
        "nothing": {},
    }
    paths = {name: tmp_path / f"{name}.png" for name in texts}
    for name, path in paths.items():
        path.write_bytes(png_text(texts[name]))
    out = ["--object-info", str(info), "--out", str(tmp_path / "out")]
    assert main(["convert", str(paths["graph"]), *out]) == 0
    assert json.loads((tmp_path / "out" / "graph.json").read_text())["1"]["inputs"] == {"value": 7}
    assert main(["convert", str(paths["prompt"]), str(paths["nothing"]), *out]) == 1
    said = capsys.readouterr().err
    assert "already" in said
    assert "No workflow found" in said


def test_nothing_is_overwritten(
    tmp_path: Path, info: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command overwrites neither the graph itself nor the prompt of another graph with the same
    name."""
    one = save(tmp_path / "g.json", graph(graph_node(1, "Number", 1)))
    two = save(tmp_path / "x" / "h.json", graph(graph_node(1, "Number", 2)))
    three = save(tmp_path / "y" / "h.json", graph(graph_node(1, "Number", 3)))
    assert main(["convert", one, "--object-info", str(info), "--out", str(tmp_path)]) == 1
    assert "nodes" in json.loads(Path(one).read_text())
    assert (
        main(["convert", two, three, "--object-info", str(info), "--out", str(tmp_path / "out")])
        == 1
    )
    assert json.loads((tmp_path / "out" / "h.json").read_text())["1"]["inputs"] == {"value": 2}
    assert "--out DIR" in capsys.readouterr().err


def test_without_a_catalog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command reports an unreadable catalog once and writes nothing."""
    path = save(tmp_path / "g.json", graph(graph_node(1, "Number", 1)))
    absent = str(tmp_path / "absent.json")
    assert main(["convert", path, "--object-info", absent, "--out", str(tmp_path / "out")]) == 2
    assert absent in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_nodes_of_a_server_count(tmp_path: Path) -> None:
    """With --server, the command asks a running server for its catalog."""
    saved = graph(
        graph_node(1, "EmptyImage", 64, 32, 1, 255),
        graph_node(2, "SaveImage", "blue"),
        links="1.0 IMAGE > 2.images",
    )
    path = save(tmp_path / "blue.json", saved)
    with DemoServer() as server:
        assert main(["convert", path, "--server", server.url, "--out", str(tmp_path / "out")]) == 0
    prompt = json.loads((tmp_path / "out" / "blue.json").read_text())
    assert prompt["2"]["inputs"] == {"filename_prefix": "blue", "images": ["1", 0]}


def test_a_server_that_does_not_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a server, the command can't convert anything. It exits with 2 and an error."""
    with DemoServer() as server:
        gone = server.url
    assert (
        main(
            [
                "convert",
                save(tmp_path / "g.json", graph()),
                "--server",
                gone,
                "--out",
                str(tmp_path),
            ]
        )
        == 2
    )
    assert gone in capsys.readouterr().err
