r"""Parts of Gradio's page that our style sheet and script use. If an upgrade changes any of them, a
test fails here with an explanation.

tests/ui/gradio/test_internals.py tests the Python part.
"""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit, Visitor

WHERE = "Mend ui/page/styles/gradio.css and ui/page/script/gradio.js."
# A selector, how many of it there are at least on a form with everything, and what stands on it.
KNOWN = [
    (".gradio-container > .main, .gradio-container .main", 1, "the page's width"),
    ("#form .form", 1, "the space between fields"),
    (".info-text", 1, "the line below a label"),
    ("footer .show-api", 1, "opening Gradio's page about its API"),
    (".head > .tab-like-container > input[type=number]", 1, "the number beside a slider"),
    ("#form .wrap > .wrap-inner input", 1, "the ring around a list that has the focus"),
    (".wrap-inner input[role=combobox]", 1, "that a list is searched by typing"),
    (".size .block", 2, "width and height on one line"),
    (".seed .block", 1, "seed and mode on one line"),
    (".seed-mode input[value=random]", 1, "that a typed seed is kept"),
    (".seed textarea, .seed input[type=text]", 1, "that a typed seed is kept"),
    ("#form .section button.label-wrap", 1, "unfolding the section of a field with an error"),
    (".takes-files [data-testid=block-label]", 1, "the label on an image field"),
    (".takes-files input[type=file]", 1, "dropping a file on a field that is full"),
    ("#form .block:has(input[type=range])", 1, "the knob of a slider, which is cut off otherwise"),
    (".seed .seed-mode label input[type=radio]", 3, "the modes of a seed as words without a dot"),
]

# The rules that give the track of a slider its colour in the light, in the layer of Gradio's sheets.
TRACK = """() => {
    const all = (rules) => [...rules].flatMap((rule) => [rule, ...all(rule.cssRules ?? [])]);
    return [...document.styleSheets]
        .flatMap(({ cssRules }) => all(cssRules))
        .filter((rule) => /range/.test(rule.selectorText ?? "") && /--neutral-200/.test(rule.cssText))
        .map((rule) => rule.selectorText)
        .filter((selector) => !selector.includes(".dark"));
}"""


def test_gradios_page_has_the_names_that_styles_and_script_use(fast: Site, visit: Visit) -> None:
    """Gradio's page still has each name that a style rule or the script uses, on a form with an
    image, a size, a seed, a slider and a folded section. In the dark theme, the style sheet sets
    another variable for the slider track, because Gradio's would be invisible. The script sets the
    body class that carries the theme's variables."""
    person = visit(fast, color_scheme="dark")
    person.page.goto(f"{fast.url}/?workflow=none-of-this-name")
    notices_have_their_class_on_two_elements(person)
    person.turn_to("image-to-image")
    expect(person.field("4.image").locator("img")).to_be_visible()
    for selector, least, what in KNOWN:
        gone = f"Gradio's page has no {selector} any more, on which stands {what}. {WHERE}"
        expect(person.page.locator(selector).nth(least - 1), gone).to_be_attached()
    track = person.page.evaluate(TRACK)
    assert track, f"No rule of Gradio's for sliders asks for --neutral-200 any more. {WHERE}"
    assert values_of(person) == ("#ff9b8f", "#4a4a57"), (
        f"Gradio's page is no longer dark by a class of its body, or its slider is not. {WHERE}"
    )
    person.page.locator("#shade button").click()
    assert values_of(person) == ("#b42318", "#e4e4e7"), WHERE
    calls_look_as_the_script_expects(person)


def notices_have_their_class_on_two_elements(person: Visitor) -> None:
    """Check that Gradio sets a notice's class on two elements. The style sheet draws only the outer
    border."""
    expect(person.page.locator("#no-form [role=alert]")).to_be_visible()
    assert person.page.locator(".notice .notice").count(), (
        f"Gradio gives a gr.HTML's classes to one element now: a rule can go. {WHERE}"
    )
    assert person.page.locator("#no-form.notice").count(), (
        f"Gradio no longer gives its classes to a component's own element. {WHERE}"
    )


def calls_look_as_the_script_expects(person: Visitor) -> None:
    """Check that a listener's call is a request to /gradio_api/run/… and that a file's upload is a
    request to /gradio_api/upload?…. The script reports refusals of both. gr.HTML gives `element`,
    `props`, `watch` and `trigger` to `js_on_load`, and Gradio doesn't draw its template again."""
    person.type("8.steps", 1)
    person.page.evaluate("document.querySelector('#stage .stage').dataset.mine = 'yes'")
    with person.page.expect_request("**/gradio_api/run/predict*"):
        person.for_form("Reset")
    person.generate()
    expect(person.page.locator("#stage .stage[data-mine=yes]")).to_have_count(1)
    with person.page.expect_request("**/gradio_api/upload?*"):
        box = person.field("4.image").locator("input[type=file]").first
        box.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"none"})


def values_of(person: Visitor) -> tuple[str, ...]:
    """Return the theme's error color and Gradio's color for the slider track."""
    expect(person.page.locator("#form input[type=range]").first).to_be_attached()
    told = person.page.evaluate(
        """() => {
            const slider = document.querySelector("#form input[type=range]");
            const style = getComputedStyle(slider);
            return ["--error-icon-color", "--neutral-200"].map((name) => style.getPropertyValue(name));
        }"""
    )
    return tuple(told)


def test_an_idle_page_animates_nothing(fast: Site, visit: Visit) -> None:
    """The idle page requests animation frames only for its lists and animates nothing, seen or
    hidden. Gradio's spinner, which counts with each frame, is gone by then. The page sends the app
    at most one request in five seconds."""
    person = visit(fast, reduced_motion="no-preference").recording()
    person.before_load(
        """{
            const frame = requestAnimationFrame;
            window.frames_asked_for = 0;
            window.requestAnimationFrame = (then) => { window.frames_asked_for++; return frame(then); };
        }"""
    )
    person.open()
    person.page.wait_for_load_state("networkidle")
    asked = len(person.requests)
    fewest_in_a_second = """async () => {
        let fewest = Infinity;
        for (let second = 0; second < 5; second++) {
            const before = window.frames_asked_for;
            await new Promise((done) => setTimeout(done, 1000));
            fewest = Math.min(fewest, window.frames_asked_for - before);
        }
        return fewest;
    }"""
    frames = person.page.evaluate(fewest_in_a_second)
    assert frames <= 20, f"Something on the page asks for frames all the time. {WHERE}"
    assert len(person.requests) - asked <= 1
    moving = "document.getAnimations().filter((one) => one.playState === 'running').length"
    assert person.page.evaluate(moving) == 0
