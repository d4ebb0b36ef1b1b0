"""Every answer is in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.languages.catalogues import write_catalogue
from tests.support.leaks import Closing
from tests.support.serving import RunningApp, running_demo_app
from tests.ui.languages.test_current import GONE, NO_RESULT, POLISH, asked
from ui.languages.catalogues import Languages
from ui.settings.web_settings import WebSettings


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    """English and Polish."""
    folder = tmp_path_factory.mktemp("languages")
    write_catalogue(folder, "pl", POLISH)
    return Languages(folder)


@pytest.fixture(scope="module")
def app(languages: Languages, own_temporary_folder: Path, closing: Closing) -> Iterator[RunningApp]:
    """An app that speaks both."""
    settings = WebSettings(port=0, languages=languages)
    with running_demo_app(step_seconds=0, settings=settings) as (_, app):
        closing.append(app.close_idle)
        yield app


@pytest.mark.parametrize(
    ("chosen", "wanted", "said"),
    [
        ("", "", NO_RESULT),
        ("", "pl-PL, en;q=0.8", GONE),
        ("", "fr, pl;q=0.5", GONE),
        ("en", "pl", NO_RESULT),
        ("pl", "en", GONE),
        ("xx", "pl", GONE),
        ('"', "pl", GONE),
    ],
)
def test_the_choice_counts_before_what_the_browser_wants(
    app: RunningApp, chosen: str, wanted: str, said: str
) -> None:
    """The menu's choice, else the first that there is of the browser's; odd cookies are none."""
    assert asked(app, "/files/none/0/a.png", chosen, wanted).json()["detail"] == said
