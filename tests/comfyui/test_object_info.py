"""The node catalog."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.base.errors import ComfyError
from comfy.comfyui.input_spec import parse_input
from comfy.comfyui.object_info import Catalog
from tests.support.samples.forms import DATA, small_catalog

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


def test_inputs_keep_their_declared_order() -> None:
    """Required inputs come before optional inputs. Hidden inputs are left out."""
    names = [spec.name for spec in small_catalog()["SaveVideo"].inputs]
    assert names == ["video", "filename_prefix", "format", "codec"]


def test_input_order_beats_the_order_of_keys() -> None:
    """A server or proxy that sorts JSON keys does not change the order of inputs."""
    info = {
        "input": {"required": {"a": ["INT"], "b": ["INT"]}},
        "input_order": {"required": ["b", "a"]},
    }
    assert [spec.name for spec in Catalog({"N": info})["N"].inputs] == ["b", "a"]


@pytest.mark.parametrize(
    "raw", [[["a", "b"], {"tooltip": "x"}], ["COMBO", {"options": ["a", "b"], "tooltip": "x"}]]
)
def test_both_combo_formats_give_the_same_choices(raw: list[object]) -> None:
    """The old and the new combo format give the same choices."""
    spec = parse_input("mode", raw, required=True)
    assert (spec.type, spec.choices, spec.options["tooltip"]) == ("COMBO", ("a", "b"), "x")


def test_large_limits_stay_exact() -> None:
    """The largest seed is 2^64 - 1, not the nearest float."""
    assert small_catalog()["KSampler"].by_name["seed"].options["max"] == 2**64 - 1


@pytest.mark.parametrize(
    ("node", "name", "kind"),
    [
        ("LoadImage", "image", "image"),
        ("LoadAudio", "audio", "audio"),
        ("LoadVideo", "file", "video"),
        ("Load3D", "model_file", "file"),
        ("KSampler", "sampler_name", None),
    ],
)
def test_uploads_are_recognized(node: str, name: str, kind: str | None) -> None:
    """An input names the kind of file that users can upload to it."""
    assert small_catalog()[node].by_name[name].upload == kind


def test_an_option_of_a_dynamic_combo_adds_its_inputs() -> None:
    """The chosen option of a dynamic combo adds inputs with dotted names, to any depth."""
    values = {"format": "mp4", "format.codec": "h264", "format.codec.encoding": "re-encode"}
    names = list(small_catalog()["SaveVideo"].active_inputs(values))
    assert names == [
        "video",
        "filename_prefix",
        "format",
        "format.codec",
        "format.codec.encoding",
        "format.codec.encoding.crf",
        "codec",
    ]


def test_an_autogrow_group_accepts_only_numbered_inputs() -> None:
    """An autogrow group knows exactly the numbered inputs that the prompt contains."""
    active = small_catalog()["BatchImagesNode"].active_inputs(
        {"images.image0": ["1", 0], "images.x": 1}
    )
    assert active["images.image0"].type == "IMAGE"
    assert "images.x" not in active


def test_a_socket_that_accepts_several_types_names_its_widget() -> None:
    """An input of type `FLOAT,INT` takes the type that its widgetType names."""
    spec = parse_input("rate", ["FLOAT,INT", {"widgetType": "FLOAT"}], required=True)
    assert spec.value_type == "FLOAT"
    assert spec.is_widget


def test_forced_sockets_are_not_widgets() -> None:
    """`forceInput` turns a text into an input that needs a link."""
    assert not parse_input("text", ["STRING", {"forceInput": True}], required=True).is_widget


def test_a_catalog_is_read_plain_and_gzipped(tmp_path: Path) -> None:
    """Saved catalogs may be .json or .json.gz."""
    packed = tmp_path / "info.json.gz"
    packed.write_bytes(gzip.compress((DATA / "object_info.json").read_bytes()))
    assert set(Catalog.read(packed)) == set(small_catalog())


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\x1f\x8bbroken", b"[" * 100_000])
def test_a_bad_catalog_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    """The reader refuses files that hold no catalog, in a sentence that names the file."""
    file = tmp_path / "info.json"
    file.write_bytes(content)
    with pytest.raises(ComfyError, match=r"info\.json"):
        Catalog.read(file)


def test_a_missing_catalog_file_is_one_sentence(tmp_path: Path) -> None:
    """The sentence says that the file can't be read."""
    with pytest.raises(ComfyError, match="cannot be read"):
        Catalog.read(tmp_path / "nowhere.json")


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_any_answer_of_a_server_is_survived(raw: dict[str, object]) -> None:
    """For any answer about nodes, reading it raises nothing and yields only entries that look like
    nodes."""
    catalog = Catalog(raw)
    for class_type in catalog:
        assert catalog[class_type].active_inputs({}) is not None
    assert json.dumps(sorted(catalog)) is not None


@pytest.mark.parametrize("version", ["0.33.0", "0.3.64"])
def test_real_catalogs_are_understood(shared: Path, version: str) -> None:
    """Every input of a real server has a type. Every combo has choices, unless they come from
    elsewhere."""
    catalog = Catalog.read(shared / "comfyui" / f"object_info-{version}.json.gz")
    assert len(catalog) > 400
    for spec in (one for node in catalog.values() for one in node.inputs):
        assert spec.type
        assert spec.type != "COMBO" or spec.choices is not None
