"""A user's history on the page: its tiles and the actions on the shown run."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.support.visitor import Site, Visitor

ONE = {"5.steps": 1, "4.width": 320, "4.height": 256}  # of text to image, soon done


def tiles(person: Visitor) -> Locator:
    """Return the tiles of the earlier runs."""
    return person.page.locator("#history .tile")


def tile(person: Visitor, run_id: str) -> Locator:
    return person.page.locator(f'#history .tile[data-run="{run_id}"]')


def image_of(person: Visitor, run_id: str) -> Locator:
    return person.page.locator(f'#stage .media img[src*="{run_id}"]')


def make(person: Visitor, words: str) -> str:
    """Generate with this text and return the run's id once the run is listed."""
    person.type("2.text", words)
    run_id = person.generate()
    expect(tile(person, run_id)).to_be_visible()
    return run_id


def choose(person: Visitor, run_id: str) -> None:
    """Choose an earlier run and wait until the page shows its image and its time."""
    tile(person, run_id).click()
    expect(image_of(person, run_id).first).to_be_visible()
    expect(person.page.locator("#stage .headline")).to_contain_text(" · ")
    expect(person.page.locator("#stage .details")).to_be_visible()


def choose_from_all(person: Visitor, run_id: str) -> None:
    """Choose a run that another workflow than the form's has made."""
    person.find()
    which = person.page.get_by_role("combobox", name="Workflow", exact=True)
    which.select_option("All workflows")
    tile(person, run_id).click()
    expect(person.page.locator(f'#stage .stage[data-run="{run_id}"]')).to_be_visible()


def button(person: Visitor, name: str) -> Locator:
    return person.page.locator("#stage .actions").get_by_role("button", name=name)


def owner_of(site: Site, run_id: str) -> str:
    """Return the run's owner according to the app."""
    return site.run(run_id).owner
