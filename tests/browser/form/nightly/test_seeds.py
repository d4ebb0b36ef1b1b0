"""A single lock for all seeds of a form."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
SEEDS = ("5.seed", "7.seed")
LARGEST = 2**64 - 1


def test_one_lock_sets_all_seeds(fast: Site, visit: Visit) -> None:
    """Fixed draws numbers before the first run and takes the last run's seeds afterwards. Each seed
    stays a field under Advanced, and the lock shows when the seeds differ. A field reports an
    invalid seed when the user leaves it, unless that seed is random."""
    person = visit(fast).open("animation")
    lock = person.page.locator("#seeds")
    expect(lock.locator("input[value=random]")).to_be_checked()
    person.unfold()
    for key in SEEDS:
        expect(person.entry(key)).to_have_value("")
    lock.locator("input[value=fixed]").check()
    for key in SEEDS:
        expect(person.entry(key)).not_to_have_value("")
    expect(person.page.locator(".seed-mode input[value=fixed]:checked")).to_have_count(len(SEEDS))
    lock.locator("input[value=random]").check()
    expect(person.page.locator(".seed-mode input[value=random]:checked")).to_have_count(len(SEEDS))
    run = person.generate()
    lock.locator("input[value=fixed]").check()
    sent = fast.prompt_of(run)
    for key in SEEDS:
        expect(person.entry(key)).to_have_value(str(sent[key.split(".")[0]]["inputs"]["seed"]))
    person.page.locator(".seed-mode input[value=random]").first.check()
    expect(lock.locator("input:checked")).to_have_count(0)
    first, second = map(person.entry, SEEDS)
    said = person.field(SEEDS[0]).locator(".field-error")
    for seed, words in (("abc", "Enter a whole number."), (LARGEST + 1, f"Maximum {LARGEST}.")):
        first.fill(str(seed))
        second.focus()
        expect(said).to_have_text(words)
        expect(second).to_be_focused()
    person.page.locator(".seed-mode input[value=random]").last.check()
    expect(said).to_have_count(0)
    person.page.set_viewport_size({"width": 390, "height": 844})
    first.fill("abc")  # its modes are below, and would move
    person.page.locator(".seed-mode input[value=random]").last.check()
    expect(said).to_have_count(0)
    first.focus()
    second.focus()
    expect(said).to_have_count(0)
