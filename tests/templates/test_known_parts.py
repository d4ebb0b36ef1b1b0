"""Sources of missing parts that a workflow doesn't name itself."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from comfy.comfyui.servers import managers
from comfy.comfyui.servers.managers import KnownPacks
from comfy.demo import DemoServer, Templates
from comfy.form.missing_items import MissingChoice, MissingClass
from comfy.requirements.model import ModelFile
from comfy.templates.gallery import KnownParts
from tests.downloads.node_server import graph_with
from tests.support.waiting import eventually
from tests.templates.template_server import entry, index_of
from tests.templates.test_gallery import gallery_of

MAPPINGS = "/v2/customnode/getmappings"
URL = "https://huggingface.co/x/resolve/main/umt5_xxl.safetensors"


def test_packs_come_from_the_servers_managers(tmp_path: Path) -> None:
    """A graph that doesn't name a node's pack gets it from the Manager. Its own name counts first,
    and an address that isn't a repository on GitHub is no pack."""
    with (
        DemoServer(step_seconds=0, manager="4") as demo,
        gallery_of(tmp_path, demo) as gallery,
    ):
        assert demo.manager is not None
        demo.manager.packs = {
            "sharp-pack": ["Sharpen+", "Blur+"],
            "https://github.com/me/soft.git": ["Soft"],
            "https://example.com/me/hard": ["Hard"],
        }
        known = KnownParts(KnownPacks(gallery._pool), gallery)
        missing = [
            MissingClass("Sharpen+", ("1",), (), "", ""),
            MissingClass("Blur+", ("2",), (), "", "own-pack"),
            MissingClass("Soft", ("3",), (), "", ""),
            MissingClass("Hard", ("4",), (), "", ""),
            MissingClass("Newest", ("5",), (), "", "comfy-core"),
        ]
        found = [one.pack for one in known.missing(missing) if isinstance(one, MissingClass)]
    assert found == ["sharp-pack", "own-pack", "me/soft", "", "comfy-core"]


def test_a_manager_that_hangs_delays_all_forms_once(tmp_path: Path) -> None:
    """Its missing nodes wait for it together, and the next forms don't wait."""
    missing = [MissingClass(f"Node{number}", ("1",), (), "", "") for number in range(12)]
    with (
        DemoServer(step_seconds=0, manager="4") as demo,
        gallery_of(tmp_path, demo) as gallery,
        demo.hold(f"GET {MAPPINGS}"),
    ):
        known = KnownParts(KnownPacks(gallery._pool), gallery)
        start = time.monotonic()
        for _ in range(3):
            assert known.missing(missing) == tuple(missing)
        assert time.monotonic() - start < 2.5


def test_a_manager_that_failed_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its packs are known soon after it answers."""
    monkeypatch.setattr(managers, "_RETRY_SECONDS", 0.0)
    with (
        DemoServer(step_seconds=0, manager="4") as demo,
        gallery_of(tmp_path, demo) as gallery,
    ):
        assert demo.manager is not None
        demo.manager.packs = {"sharp-pack": ["Sharpen+"]}
        demo.script("http_500", f"GET {MAPPINGS}")
        packs = KnownPacks(gallery._pool)
        assert packs.get() == {}
        eventually(lambda: packs.get() == {"Sharpen+": "sharp-pack"}, "the packs to be known")


def test_models_get_the_addresses_that_templates_name(tmp_path: Path) -> None:
    """A graph without an address for a file gets a template's, once templates were judged."""
    graph = graph_with("umt5_xxl.safetensors", URL, "a" * 64)
    templates = Templates(
        {"index.json": index_of(entry("some")), "some.json": json.dumps(graph).encode()}
    )
    wanted = ModelFile("sub/UMT5_xxl.safetensors")
    lacking = MissingChoice("4.a", "Model", "sub\\umt5_xxl.safetensors", None)
    with (
        DemoServer(step_seconds=0, templates=templates) as demo,
        gallery_of(tmp_path, demo) as gallery,
    ):
        known = KnownParts(KnownPacks(gallery._pool), gallery)
        assert known.missing([lacking]) == (lacking,)
        (file,) = known.models((wanted,), 30.0)
        (choice,) = known.missing([lacking])
    assert (file.name, file.folder, file.url) == (wanted.name, "checkpoints", URL)
    assert file.sha256 == "a" * 64
    assert isinstance(choice, MissingChoice)
    assert (choice.directory, choice.url) == ("checkpoints", URL)


def test_a_packs_examples_give_no_addresses(tmp_path: Path) -> None:
    """A node pack can't choose the source of a file that another workflow needs, even if ComfyUI's
    own template names another one."""
    own = graph_with("umt5_xxl.safetensors", URL, "a" * 64)
    others = "https://huggingface.co/pack/resolve/main/"
    templates = Templates(
        {"index.json": index_of(entry("some")), "some.json": json.dumps(own).encode()},
        {
            f"some_pack/{name}.json": json.dumps(graph_with(file, others + file)).encode()
            for name, file in (("one", "umt5_xxl.safetensors"), ("two", "rare.safetensors"))
        },
    )
    wanted = ModelFile("umt5_xxl.safetensors"), ModelFile("rare.safetensors")
    with (
        DemoServer(step_seconds=0, templates=templates) as demo,
        gallery_of(tmp_path, demo) as gallery,
    ):
        known = KnownParts(KnownPacks(gallery._pool), gallery)
        assert [one.url for one in known.models(wanted, 30.0)] == [URL, ""]


def test_a_form_does_not_wait_while_templates_are_judged(tmp_path: Path) -> None:
    """A server that is slow to send a template delays the gallery, but no form."""
    templates = Templates({"index.json": index_of(entry("some")), "some.json": b"{}"})
    lacking = MissingChoice("4.a", "Model", "umt5_xxl.safetensors", None)
    with (
        DemoServer(step_seconds=0, templates=templates) as demo,
        gallery_of(tmp_path, demo) as gallery,
        ThreadPoolExecutor() as threads,
        demo.hold("GET /templates/some.json") as held,
    ):
        judging = threads.submit(gallery.readiness, 30.0)
        assert held.reached.wait(10)
        known = KnownParts(KnownPacks(gallery._pool), gallery)
        drawing = threads.submit(known.missing, [lacking])
        assert drawing.result(10) == (lacking,)
        assert not judging.done()
