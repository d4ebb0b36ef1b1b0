"""The page's script on its way to the browser."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
import requests
from babel.messages.extract import extract

from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.page.script_files import SCRIPT_FOLDER, folder_address, head_tags, module_address, modules
from ui.server import WebSettings


@pytest.fixture(scope="module")
def app(own_temporary_folder: object) -> Iterator[RunningApp]:
    with running_demo_app(settings=WebSettings(port=0, users=(("ann", "secret"),))) as (_, running):
        yield running


@pytest.mark.parametrize("name", sorted(modules()))
def test_every_module_is_served_as_a_script(app: RunningApp, name: str) -> None:
    """As JavaScript that browsers may keep for good, also to those who have not logged in yet."""
    answer = requests.get(f"{app.url}/{module_address(name)}", timeout=LONGEST_WAIT)
    assert answer.content == (SCRIPT_FOLDER / name).read_bytes()
    assert answer.headers["content-type"].partition(";")[0] == "text/javascript"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "script/0000000000000000/page.js",
        f"{folder_address()}/package.json",
        f"{folder_address()}/../../ui/page/blocks.py",
    ],
)
def test_nothing_else_is(app: RunningApp, path: str) -> None:
    """Neither another version, which a browser would keep under the wrong name, nor any other
    file."""
    assert requests.get(f"{app.url}/{path}", timeout=LONGEST_WAIT).status_code in (401, 404)


def test_what_modules_import_is_there() -> None:
    """Every import names a module of the page, by a relative address."""
    for name, text in modules().items():
        for place in re.findall(r'from "([^"]+)"', text.decode()):
            assert place.startswith("."), f"{name} imports {place}"
            assert (
                (SCRIPT_FOLDER / name)
                .parent.joinpath(place)
                .resolve()
                .is_relative_to(SCRIPT_FOLDER)
            )
            assert (SCRIPT_FOLDER / name).parent.joinpath(place).is_file(), (
                f"{name} imports {place}"
            )


def test_every_module_is_typed_and_told_of_beforehand() -> None:
    """Each says that its types are checked, and the page asks at once for all but those of the
    small pages."""
    for name, text in modules().items():
        assert text.startswith(b"// @ts-check\n"), name
        is_told = f'<link rel="modulepreload" href="{module_address(name)}">' in head_tags()
        assert is_told is not name.startswith("pages/"), name


def test_whatever_the_script_says_is_found_by_extraction() -> None:
    """A sentence is a literal, in a call that is neither within another one nor within a template:
    there Babel sees none, and no catalogue would have it."""
    said = re.compile(r'\b(?:message|plural)\((\s*"(?:[^"\\]|\\.)*")?')
    for name, text in modules().items():
        calls = [] if name == "messages.js" else said.findall(text.decode())
        keywords = {"message": None, "plural": (1, 2)}
        found = list(extract("javascript", io.BytesIO(text), keywords, [], {}))
        assert len(found) == len(calls), (name, calls)
        assert all(calls), name
