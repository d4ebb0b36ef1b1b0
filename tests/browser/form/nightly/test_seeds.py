"""Seeds of a form, and the single lock for all of them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit, Visitor

SEEDS = ("7.seed", "5.seed")  # in the order of the page
LARGEST = 2**64 - 1
SMALL = {"5.steps": 1, "4.width": 256, "4.height": 256}
WATCH_HEIGHT = """() => {
    const form = document.querySelector("#form");
    window.heights = [form.offsetHeight];
    const look = () => window.heights.push(form.offsetHeight);
    new MutationObserver(look).observe(form, { childList: true, subtree: true });
}"""


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
    person.page.locator(".seed-mode input[value=random]").first.check()
    expect(said).to_have_count(0)
    person.page.set_viewport_size({"width": 390, "height": 844})
    person.page.get_by_role("button", name="Form", exact=True).click()
    first.fill("abc")  # its modes are below, and would move
    person.page.locator(".seed-mode input[value=random]").first.check()
    expect(said).to_have_count(0)
    first.focus()
    second.focus()
    expect(said).to_have_count(0)


def test_seeds(fast: Site, visit: Visit) -> None:
    """A typed 64-bit seed reaches the server digit by digit, however fast the user types, and the
    page shows it as the used seed. Ticking "Random" makes the seed differ with each run. The stage
    and the field show the used seed, and "Reuse settings" puts it into the form, which doesn't
    shrink meanwhile. A counting seed starts at the typed or a drawn number and rises by 1 with each
    press."""
    person = visit(fast).open(**SMALL)
    shown = person.page.locator("#stage .fact[data-part=seed]")
    for seed in (LARGEST, 0):
        person.keep_seed(seed)
        assert seed_of(person.generate(), fast) == seed
        expect(shown).to_have_text(f"Seed {seed}")
    person.page.locator(".seed-mode input[value=random]").check()
    first = seed_of(person.generate(), fast)
    person.type("2.text", "something else")
    used = seed_of(person.generate(), fast)
    assert len({LARGEST, 0, first, used}) == 4
    expect(shown).to_have_text(f"Seed {used}")
    expect(person.entry("5.seed")).to_have_value(str(used))
    expect(person.page.locator(".seed-mode input[value=random]")).to_be_checked()
    person.entry("5.seed").press("Control+A")
    person.page.keyboard.type("12345")  # with no pause, as a text expander does
    person.page.keyboard.press("Tab")
    assert seed_of(person.generate(), fast) == 12345
    person.page.locator(".seed-mode input[value=random]").check()
    used = seed_of(person.generate(), fast)
    person.type("2.text", "typed since then")
    person.page.evaluate(WATCH_HEIGHT)
    person.act("Reuse settings")
    expect(person.entry("5.seed")).to_have_value(str(used))
    expect(person.page.locator(".seed-mode input[value=random]")).not_to_be_checked()
    expect(person.entry("2.text")).to_have_value("something else")
    expect(person.page.locator("#form[style*=min-height]")).to_have_count(0)
    before, *later = person.page.evaluate("window.heights")
    assert min(later) >= before  # else what stands below the form moves
    person.page.locator(".seed-mode input[value=counting]").check()
    person.entry("5.seed").fill("41")
    assert [seed_of(person.generate(), fast) for _ in range(2)] == [41, 42]
    expect(person.entry("5.seed")).to_have_value("42")
    counts_from_what_is_typed_or_drawn(person)


def test_a_folded_seed_says_that_it_is_fixed(fast: Site, visit: Visit) -> None:
    """Above Generate, also after a change and a reload, with a button that makes it random and
    keeps the other values. An unfolded seed shows it itself."""
    person = visit(fast).open(**SMALL)
    line = person.page.locator("#replaced")
    used = seed_of(person.generate(), fast)
    expect(line).to_be_hidden()
    person.act("Reuse settings")
    expect(line).to_contain_text(f"Seed fixed: {used}")
    line.get_by_role("button", name="Use random seeds").click()
    expect(line.get_by_role("button").locator("visible=true")).to_have_text(["Undo"])
    person.act("Reuse settings")
    person.type("2.text", "typed since then")
    expect(line).to_contain_text(f"Seed fixed: {used}")
    person.page.reload()
    person.ready()
    line.get_by_role("button", name="Use random seeds").click()
    expect(line).to_be_hidden()
    expect(person.page.locator("#generate")).to_be_focused()
    expect(person.entry("2.text")).to_have_value("typed since then")
    assert seed_of(person.generate(), fast) != used
    person.keep_seed(7)
    expect(line).to_be_hidden()


def counts_from_what_is_typed_or_drawn(person: Visitor) -> None:
    fast = person.site
    person.entry("5.seed").fill("100")
    assert seed_of(person.generate(), fast) == 100
    person.entry("5.seed").fill("")
    drawn = seed_of(person.generate(), fast)
    assert drawn != 101
    expect(person.entry("5.seed")).to_have_value(str(drawn))
    assert seed_of(person.generate(), fast) == drawn + 1


def seed_of(run_id: str, site: Site) -> int:
    """Return the seed that the server received."""
    return int(site.prompt_of(run_id)["5"]["inputs"]["seed"])
