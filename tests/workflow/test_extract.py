"""Workflows in images, videos and archives, also hostile ones, and their names."""

from __future__ import annotations

import json
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.base.errors import WorkflowError
from comfy.comfyui.input_spec import LONGEST_NAME
from comfy.comfyui.object_info import Catalog
from comfy.runs.input_files import UPLOADS
from comfy.workflow.extract import ExtractedWorkflow, find_workflow, find_workflow_in
from comfy.workflow.model import open_workflow
from comfy.workflow.sanitize import without_folder
from tests.support.distribution import examples
from tests.support.samples.media import (
    BOTH,
    BOTH_JSON,
    COPYRIGHT,
    GRAPH,
    GRAPH_TEXT,
    IMAGE_DESCRIPTION,
    MAKE,
    MEDIA,
    MODEL,
    PROMPT,
    PROMPT_TEXT,
    USER_COMMENT,
    XP_COMMENT,
    box,
    element,
    every_container,
    flac,
    id3,
    ogg,
    png_chunks,
    png_text,
    riff,
    riff_text,
    safetensors,
    saved,
    vorbis_comment,
    with_exif,
)

CONTAINERS = every_container()


def as_written(documents: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return only the parts that all samples have. The samples from ffmpeg have a NaN and no App
    data."""
    if documents is None:
        return None
    known = {"3": PROMPT["3"]["inputs"]}
    return {
        k: (v["inputs"] if k in known else v)
        for k, v in documents.items()
        if k not in ("version", "extra")
    }


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_kind_of_file_gives_both_documents(name: str) -> None:
    """Every container yields the prompt and the graph, with non-ASCII characters intact."""
    carried = find_workflow(CONTAINERS[name], name)
    assert as_written(carried.prompt) == as_written(PROMPT)
    assert as_written(carried.graph) == as_written(GRAPH)


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_name_of_a_file_does_not_matter(name: str) -> None:
    """Users rename files and browsers drop extensions. The app detects the kind by content."""
    assert find_workflow(CONTAINERS[name], "download") == find_workflow(
        CONTAINERS[name], "image.bmp"
    )


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_file_on_disk_gives_the_same(name: str, tmp_path: Path) -> None:
    """Reading from disk and from memory gives the same result."""
    file = tmp_path / name
    file.write_bytes(CONTAINERS[name])
    assert find_workflow_in(file) == find_workflow(CONTAINERS[name], name)


def test_the_location_of_the_documents_is_reported() -> None:
    """The page can then show the user where it found them."""
    assert find_workflow(png_text(BOTH), "a.png").where == "PNG text (prompt, workflow)"
    assert find_workflow(json.dumps(PROMPT).encode(), "a.json").where == "JSON"


def test_one_document_is_enough() -> None:
    """Some tools keep only one of the two documents."""
    assert find_workflow(png_text({"workflow": GRAPH_TEXT}), "a") == ExtractedWorkflow(
        None, GRAPH, "PNG text (workflow)"
    )
    assert find_workflow(png_text({"prompt": PROMPT_TEXT}), "a") == ExtractedWorkflow(
        PROMPT, None, "PNG text (prompt)"
    )


# Where savers seen in the wild put them, beside ComfyUI's own Model and Make.
EXIF_PLACES: list[dict[int, str | bytes]] = [
    {MAKE: f"Prompt:{PROMPT_TEXT}", IMAGE_DESCRIPTION: f"Workflow:{GRAPH_TEXT}"},
    {IMAGE_DESCRIPTION: PROMPT_TEXT, COPYRIGHT: GRAPH_TEXT},
    {USER_COMMENT: b"ASCII\0\0\0" + BOTH_JSON},
    {USER_COMMENT: b"UNICODE\0" + json.dumps(BOTH).encode("utf-16-be")},
    {USER_COMMENT: b"UNICODE\0" + json.dumps(BOTH).encode("utf-16-le")},
    {USER_COMMENT: BOTH_JSON},
    {XP_COMMENT: json.dumps(BOTH).encode("utf-16-le")},
    {MODEL: f"prompt: {PROMPT_TEXT}\0\0", MAKE: f"workflow:{GRAPH_TEXT}"},
]


@pytest.mark.parametrize("tags", EXIF_PLACES, ids=range(len(EXIF_PLACES)))
@pytest.mark.parametrize("form", ["WEBP", "JPEG", "PNG"])
def test_exif_texts_are_found_in_any_tag(form: str, tags: dict[int, str | bytes]) -> None:
    """The reader finds texts in any tag, with or without a name before the JSON, and in any
    encoding that EXIF allows."""
    carried = find_workflow(with_exif(form, tags), "a")
    assert (carried.prompt, carried.graph) == (PROMPT, GRAPH)


def id3_utf16(texts: dict[str, str]) -> bytes:
    """Return ID3 frames as Windows programs write them: UTF-16 with a byte order mark."""
    frames = [
        (b"TXXX", b"\1" + k.encode("utf-16") + b"\0\0" + v.encode("utf-16"))
        for k, v in texts.items()
    ]
    return id3(*frames, version=3)


def matroska_tag(name: bytes, text: bytes) -> bytes:
    """Return a tag of a Matroska file."""
    return element(
        0x1254C367, element(0x7373, element(0x67C8, element(0x45A3, name), element(0x4487, text)))
    )


LIVE_CLUSTER = element(0x1F43B675, element(0xA3, b"x" * 9), unknown=True)
QUICKTIME_ITEM = box(b"\0\0\0\1", box(b"data", bytes(8), BOTH_JSON))
BIG_MDAT = b"\0\0\0\1mdat" + (24).to_bytes(8, "big") + bytes(8)
RARE: dict[str, bytes] = {
    "jpeg comment": saved("JPEG", comment=BOTH_JSON),
    "id3 in wav": riff(
        b"WAVE", (b"data", bytes(9)), (b"id3 ", id3((b"COMM", b"\3eng\0" + BOTH_JSON), version=3))
    ),
    "avi": riff(
        b"AVI ", (b"LIST", b"hdrl" + bytes(9)), (b"LIST", b"INFO" + riff_text(b"ICMT", BOTH_JSON))
    ),
    "id3v2.2": id3(
        (b"TXX", b"\0prompt\0" + PROMPT_TEXT.encode()),
        (b"COM", b"\0eng\0" + GRAPH_TEXT.encode()),
        version=2,
    ),
    "utf-16 id3": id3_utf16(BOTH),
    "packed id3": id3((b"TXXX", bytes(4) + zlib.compress(b"\3a\0" + BOTH_JSON)), flags=b"\0\x09"),
    "flac behind id3": id3((b"TIT2", b"\3song")).replace(b"\xff\xfb\x90\0" * 40, flac(BOTH)),
    "flac in ogg": ogg(b"\x7fFLAC" + bytes(40), b"\x84\0\0\0" + vorbis_comment(BOTH)),
    "quicktime meta": box(
        b"moov", box(b"meta", box(b"hdlr", bytes(24)), box(b"ilst", QUICKTIME_ITEM))
    ),
    "64-bit mdat": box(b"ftyp")
    + BIG_MDAT
    + box(b"moov", box(b"udta", box(b"\xa9cmt", bytes(4), BOTH_JSON))),
    "live matroska": element(0x1A45DFA3)
    + element(0x18538067, LIVE_CLUSTER, matroska_tag(b"COMMENT", BOTH_JSON), unknown=True),
}


@pytest.mark.parametrize("name", RARE)
def test_rarer_places_are_read_too(name: str) -> None:
    """The reader finds older tags, tags from other writers and tags in streams."""
    carried = find_workflow(RARE[name], name)
    assert (carried.prompt, carried.graph) == (PROMPT, GRAPH)


WRAPPED: dict[str, object] = {
    "plain": PROMPT,
    "post body": {
        "prompt": PROMPT,
        "client_id": "me",
        "extra_data": {"extra_pnginfo": {"workflow": GRAPH}},
    },
    "history": {
        "0f1e": {
            "prompt": [3, "0f1e", PROMPT, {"extra_pnginfo": {"workflow": GRAPH}}, ["9"]],
            "outputs": {},
        }
    },
    "worker": {"input": {"workflow": PROMPT, "images": []}},
    "string": {"prompt": PROMPT_TEXT, "workflow": GRAPH_TEXT},
    "string in string": json.dumps(json.dumps(PROMPT)),
    "editor's both": {"output": PROMPT, "workflow": GRAPH},
    "beside notes": PROMPT | {"_comment": "mine", "version": 3},
}


@pytest.mark.parametrize("name", WRAPPED)
def test_wrapped_json_is_unwrapped(name: str) -> None:
    """The app strips the wrappers that other programs put around a prompt."""
    carried = find_workflow(json.dumps(WRAPPED[name]).encode(), f"{name}.json")
    assert carried.prompt is not None
    assert carried.prompt["3"] == PROMPT["3"]
    assert carried.graph in (None, GRAPH)
    assert (carried.graph == GRAPH) == ("links" in json.dumps(WRAPPED[name]))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_files_of_any_encoding_open(encoding: str) -> None:
    """Windows editors save UTF-16 and byte order marks."""
    data = json.dumps(
        {"1": {"class_type": "A", "inputs": {"text": "Zoë"}}}, ensure_ascii=False
    ).encode(encoding)
    carried = find_workflow(data, "a.json")
    assert carried.prompt == {"1": {"class_type": "A", "inputs": {"text": "Zoë"}}}


@pytest.mark.parametrize("nodes", [GRAPH["nodes"], []])
@pytest.mark.parametrize(
    "extra", [{"version": 0.4}, {"version": 1, "state": {}, "definitions": {"subgraphs": []}}]
)
def test_editor_graphs_of_both_schemas_are_graphs(extra: dict[str, Any], nodes: list[Any]) -> None:
    """An App (`.app.json`) is a graph. An empty graph counts, too."""
    graph = {"nodes": nodes, "links": []} | extra
    assert find_workflow(json.dumps(graph).encode(), "a.app.json") == ExtractedWorkflow(
        None, graph, "JSON"
    )


def test_values_that_json_cannot_hold_become_null() -> None:
    """ComfyUI writes NaN into `is_changed`, and numbers too big for a float become infinite."""
    text = (
        '{"1": {"class_type": "A", "inputs": {"a": 1e999}, "is_changed": [NaN, -Infinity, "NaN"]}}'
    )
    prompt = find_workflow(png_text({"prompt": text}), "a").prompt
    assert prompt == {
        "1": {"class_type": "A", "inputs": {"a": None}, "is_changed": [None, None, "NaN"]}
    }


@pytest.mark.parametrize(
    "text",
    [
        PROMPT_TEXT + "\0",
        "\0" + PROMPT_TEXT + "\0\0 padding",
        "\ufeff" + PROMPT_TEXT,
        PROMPT_TEXT.replace('"KSampler"', '"KSam\0pler"'),
        PROMPT_TEXT + PROMPT_TEXT,
        " \n" + PROMPT_TEXT,
    ],
)
def test_nuls_and_padding_do_no_harm(text: str) -> None:
    """Containers pad texts, and some writers put NULs into the text itself."""
    data = flac({"prompt": text})
    assert find_workflow(data, "a").prompt == PROMPT


def test_mixed_encodings_in_one_text_are_decoded() -> None:
    """The standard says Latin-1 for PNG text, but real texts mix UTF-8 and Latin-1."""
    text = b'{"1": {"class_type": "A", "inputs": {"a": "\xe6\x97\xa5 Zo\xeb \xc3\xab"}}}'
    assert find_workflow(png_chunks((b"tEXt", b"prompt\0" + text)), "a").prompt == {
        "1": {"class_type": "A", "inputs": {"a": "日 Zoë ë"}}
    }


def test_half_a_character_becomes_a_question_mark() -> None:
    """The page can't show or send a lone surrogate. Complete pairs don't change."""
    text = r'{"1": {"class_type": "A", "inputs": {"a": "\ud83d", "b": "\ud83d\ude00"}}}'
    prompt = find_workflow(text.encode(), "a.json").prompt
    assert prompt == {"1": {"class_type": "A", "inputs": {"a": "?", "b": "😀"}}}


def test_a_document_stored_twice_is_read_once() -> None:
    """The later document counts, as in the editor, unless it is broken."""
    older = PROMPT_TEXT.replace("7", "6")
    twice = png_chunks(
        (b"tEXt", b"prompt\0" + older.encode()), (b"tEXt", b"prompt\0" + PROMPT_TEXT.encode())
    )
    assert find_workflow(twice, "a").prompt == PROMPT
    broken = png_chunks(
        (b"tEXt", b"prompt\0" + PROMPT_TEXT.encode()), (b"tEXt", b"prompt\0{broken")
    )
    assert find_workflow(broken, "a").prompt == PROMPT


def test_comfyuis_own_names_come_first() -> None:
    """The reader uses a tool's own copy under another name only if it finds nothing better."""
    other = {"9": {"class_type": "Other", "inputs": {}}}
    texts = {"prompt": PROMPT_TEXT, "backup": json.dumps(other)}
    assert find_workflow(png_text(texts), "a").prompt == PROMPT
    assert find_workflow(png_text({"backup": json.dumps(other)}), "a").prompt == other


def test_an_image_cut_off_after_its_texts_still_opens() -> None:
    """The app uses the data that it found before the damage."""
    assert find_workflow(png_text(BOTH)[:-30], "a").graph == GRAPH


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\0" * 5000, "is empty"),
        (b"hello", "isn't supported"),
        (b"%PDF-1.7 ...", "isn't supported"),
        (saved("PNG"), "No workflow found in"),
        (saved("WEBP"), "No workflow found in"),
        (saved("JPEG"), "No workflow found in"),
        (saved("GIF"), "No workflow found in"),
        ((MEDIA / "plain.mp4").read_bytes(), "No workflow found in"),
        (b"{}", "No workflow found in"),
        (b'{"a": 1', "isn't JSON, or is cut off"),
        (b'{"nodes": [{"mesh": 1}], "asset": {}}', "No workflow found in"),
        (png_text({"parameters": "a cat\nSteps: 20"}), "settings for Stable Diffusion web UI"),
        (png_text({"workflow": GRAPH_TEXT[:-9]}), "is damaged"),
        (png_text(BOTH)[:90], "is damaged"),
        (CONTAINERS["jpeg"][:40], "damaged"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"prompt":' * 150 + b"1" + b"}" * 150, "nested too deeply"),
        (png_text({"prompt": '{"a":' * 5000 + "1" + "}" * 5000}), "nested too deeply"),
    ],
)
def test_a_file_without_a_workflow_is_reported(data: bytes, words: str) -> None:
    """Each error names the file and says what to do."""
    with pytest.raises(WorkflowError, match=words) as refusal:
        find_workflow(data, "mine.png")
    assert "mine.png" in str(refusal.value)
    assert refusal.value.hint


def test_names_cannot_break_a_sentence() -> None:
    """A file name is untrusted text."""
    with pytest.raises(WorkflowError) as refusal:
        find_workflow(b"", "a\nb\x00" + "c" * 500)
    assert len(str(refusal.value)) < 120
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    """A folder and a missing file both give an error message."""
    with pytest.raises(WorkflowError, match="cannot be read"):
        find_workflow_in(tmp_path / "nowhere.png")
    with pytest.raises(WorkflowError, match="cannot be read"):
        find_workflow_in(tmp_path)


def index(shared: Path, folder: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (shared / "workflows/corpus" / folder / "index.json").read_bytes()
    )
    return found


def test_real_images_contain_the_indexed_documents(shared: Path) -> None:
    """Each image but one has the documents that its index lists, equal to the saved JSON."""
    corpus = shared / "workflows/corpus"
    answers = set()
    for entry in index(shared, "images"):
        expected = entry["expected"]
        answers.add(expected)
        if expected == "no workflow inside":
            with pytest.raises(WorkflowError, match="No workflow found in"):
                find_workflow_in(corpus / entry["file"])
            continue
        carried = find_workflow_in(corpus / entry["file"])
        assert (carried.prompt is not None) == (expected in ("pair", "api")), entry["file"]
        assert (carried.graph is not None) == (expected in ("pair", "gui")), entry["file"]
        same = find_workflow_in(corpus / entry["same_workflow"])
        assert same.prompt is None or same.prompt == carried.prompt
        assert same.graph is None or same.graph == carried.graph
    assert answers == {"pair", "gui", "no workflow inside"}


def test_real_files_of_other_shapes_open(shared: Path) -> None:
    """A wrapped workflow gives both documents. A graph in place of a prompt is still a graph."""
    odd = shared / "workflows/corpus/odd"
    swarm = find_workflow_in(odd / "swarmui__Basic_SDXL.json")
    assert swarm.prompt is not None
    assert swarm.graph is not None
    assert find_workflow_in(odd / "cog-comfyui__sd15_text2img_not_api_version.json").prompt is None


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("corpus/api", "prompt"),
        ("corpus/gui", "graph"),
        ("gui_to_api/gui", "graph"),
        ("gui_to_api/api", "prompt"),
    ],
)
def test_every_real_workflow_is_recognized_by_content(shared: Path, folder: str, kind: str) -> None:
    """The reader recognizes prompts as prompts and graphs as graphs in all the real files beside
    the checkout."""
    files = [
        file for file in (shared / "workflows" / folder).glob("*.json") if file.name != "index.json"
    ]
    assert files
    for file in files:
        carried = find_workflow_in(file)
        assert getattr(carried, kind) is not None, file.name


@pytest.mark.parametrize("kind", ["json", "png", "flac", "safetensors"])
def test_ten_megabytes_in_one_string_are_fine(kind: str) -> None:
    """Some real graphs contain whole images."""
    prompt = {"1": {"class_type": "A", "inputs": {"image": "x" * 10_000_000}}}
    text = json.dumps(prompt)
    made = {
        "json": str.encode,
        "png": lambda t: png_text({"prompt": t}),
        "flac": lambda t: flac({"prompt": t}),
    }
    make: Any = made.get(kind, lambda t: safetensors({"prompt": t}))
    begun = time.process_time()
    assert find_workflow(make(text), "a").prompt == prompt
    assert time.process_time() - begun < 5


@settings(max_examples=examples(400))
@given(data=st.data())
def test_a_damaged_file_gives_a_workflow_or_a_sentence(data: st.DataObject) -> None:
    """Real containers with changed, inserted, removed, doubled or cut-off bytes give a workflow or
    an error that says why not."""
    name = data.draw(st.sampled_from(sorted(CONTAINERS)))
    content = bytearray(CONTAINERS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        match data.draw(st.sampled_from(["change", "insert", "remove", "cut", "double"])):
            case "change":
                new = data.draw(st.binary(min_size=1, max_size=8))
                content[at : at + len(new)] = new
            case "insert":
                content[at:at] = data.draw(st.binary(min_size=1, max_size=8))
            case "remove":
                del content[at : at + data.draw(st.integers(1, 40))]
            case "cut":
                del content[max(at, 16) :]
            case "double":
                content[at:at] = content[at : at + data.draw(st.integers(1, 400))]
    with_sentence(bytes(content))


@settings(max_examples=examples(300))
@given(
    st.sampled_from(sorted(CONTAINERS)).flatmap(
        lambda name: st.binary(max_size=300).map(lambda rest: CONTAINERS[name][:12] + rest)
    )
)
def test_garbage_after_a_valid_header_gives_a_sentence(data: bytes) -> None:
    """The first bytes decide which reader runs. No reader trusts the bytes after them."""
    with_sentence(data)


def with_sentence(data: bytes) -> None:
    """Check that the reader returns documents or raises a WorkflowError."""
    try:
        carried = find_workflow(data, "damaged")
    except WorkflowError:
        return
    assert carried.prompt is not None or carried.graph is not None
    json.dumps([carried.prompt, carried.graph], allow_nan=False)


LONG = "save" * 30_000
FITS = "n" * LONGEST_NAME


def prompt(node_id: str = "1", class_type: str = "A", name: str = "a") -> dict[str, Any]:
    return {node_id: {"class_type": class_type, "inputs": {name: 1}}}


def graph(**more: Any) -> dict[str, Any]:
    return {"nodes": [{"id": 1, "type": "A"}], "links": [], **more}


def drawn(**more: Any) -> dict[str, Any]:
    return graph(nodes=[{"id": 7, "type": "A", **more}])


def subgraph(**more: Any) -> dict[str, Any]:
    return graph(definitions={"subgraphs": [{"id": "s", "name": "S", **drawn(), **more}]})


@pytest.mark.parametrize(
    "workflow",
    [
        prompt(node_id=LONG),
        prompt(class_type=LONG),
        prompt(name=LONG),
        {"prompt": prompt(class_type=LONG)},
        drawn(id=LONG),
        drawn(type=LONG),
        drawn(inputs=[{"name": LONG, "type": "INT"}]),
        drawn(inputs=[{"name": "a", "type": "INT", "widget": {"name": LONG}}]),
        drawn(widgets_values={LONG: 1}),
        subgraph(nodes=[{"id": 7, "type": LONG}]),
        subgraph(inputs=[{"name": LONG, "type": "INT"}]),
        subgraph(definitions={"subgraphs": [drawn(type=LONG)]}),
        graph(extra={"groupNodes": {"G": drawn(type=LONG)}}),
        graph(extra={"groupNodes": {LONG: graph()}}),
    ],
    ids=lambda workflow: json.dumps(workflow).replace(LONG, "…"),
)
def test_a_workflow_with_a_long_name_is_refused(workflow: dict[str, Any]) -> None:
    """The error names the node and its limit, and the hint says what to do."""
    with pytest.raises(
        WorkflowError, match=r"^Node “.*” has .* longer than 200 characters"
    ) as said:
        open_workflow("a.json", json.dumps(workflow).encode())
    assert len(str(said.value)) < 200
    assert "shorten" in said.value.hint


def test_names_up_to_the_limit_are_accepted() -> None:
    for workflow in (prompt(FITS, FITS, FITS), drawn(type=FITS), subgraph(name=FITS)):
        open_workflow("a.json", json.dumps(workflow).encode())


def test_long_names_of_a_server_are_left_out() -> None:
    """The rules that match names see neither the classes nor their inputs."""
    info = {"input": {"required": {"a": ["INT"], LONG: ["INT"], FITS: ["INT"]}}}
    catalog = Catalog({"A": info, LONG: info})
    assert [*catalog] == ["A"]
    assert LONG not in catalog
    assert catalog.get(LONG) is None
    assert [one.name for one in catalog["A"].inputs] == ["a", FITS]


@pytest.mark.parametrize("before", ["", "é", "日本", "\ud83d", "\U0001f600", "x" * 0xC3])
def test_uploads_are_removed_beside_any_text(before: str) -> None:
    """The app finds its folder in a path after any characters."""
    kept = [f"{before}.png", f"{UPLOADS}.png", 0xC3, 10**400, 0.5, True, None]
    for name in (f"{before}/{UPLOADS}/a.png", f"{before}\\{UPLOADS.upper()}\\a.png [input]"):
        raw = {"A": {"input": {"required": {"image": [[*kept, name], {"default": name}]}}}}
        assert without_folder(raw, UPLOADS) == {"A": {"input": {"required": {"image": [kept, {}]}}}}


def test_other_classes_are_not_copied() -> None:
    """A class without names of uploads stays the same object."""
    raw = {"A": {"input": {"required": {"image": [["a.png"]]}}}, "B": None, UPLOADS: {}}
    clean = without_folder(raw, UPLOADS)
    assert clean == {"A": raw["A"], "B": None}
    assert clean["A"] is raw["A"]


@pytest.mark.parametrize("depth", [101, 900, 5000])
def test_deep_nesting_is_removed(depth: int) -> None:
    """The app drops lists below a limit, and keeps wide classes above it."""
    raw = {"deep": nested(depth), "shallow": nested(99), "wide": {"a": [[]] * 200}}
    clean = without_folder(raw, UPLOADS)
    assert clean["shallow"] is raw["shallow"]
    assert clean["wide"] is raw["wide"]
    assert clean["deep"] == nested(100, None)


def nested(depth: int, inner: Any = "x") -> dict[str, Any]:
    """Return a value inside this many lists and one object."""
    for _ in range(depth - 1):
        inner = [inner]
    return {"a": inner}
