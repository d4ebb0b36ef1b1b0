// @ts-check
// Undocumented parts of Gradio's page that the scripts rely on, such as class names and the format of its calls.
// tests/browser/nightly/test_gradio_page.py fails if an upgrade changes them. Python relies on them only in
// ui/gradio/internals.py, the style sheets only in ui/page/styles/gradio.css.

import { connection } from "./arrivals.js";
import { $, all, isTouched, typeInto } from "./dom.js";
import { message } from "./messages.js";

/** Selector for a dropdown's input. */
export const LIST = ".wrap-inner input[role=combobox]";
const EDGE = 16; // pixels between a list and the edge of the window
const LABEL = "button.label-wrap";
const CALL = "/gradio_api/run/";
const CALL_TRIES = 3; // while the app answers
/** Paths that Gradio's API page requests but this app doesn't have. */
const NOT_THERE = ["/monitoring/summary", "/gradio_api/mcp/schema"];
const UPLOAD = /\/gradio_api\/upload(\?|$)/;
const DARK = "dark";
const CLEAR = ".icon-button-wrapper > button:last-of-type";
const FULLSCREEN = ".of-image .icon-button-wrapper > button:first-of-type:not(:last-of-type)";
const SOURCE = "[data-testid=source-select] button:first-child";
const EMPTIED_WITHIN = 3000; // milliseconds
/** The page's words for accessible names and tooltips of buttons that Gradio has only in English. */
const ENGLISH = new Map([
  ["Upload file", message("Upload a file")],
  ["Capture from camera", message("Use the camera")],
  ["Record audio", message("Record audio")],
  ["Record video from camera", message("Record a video")],
  ["Paste from clipboard", message("Paste from the clipboard")],
  ["Fullscreen", message("Full screen")],
  ["Remove Image", message("Remove image")],
  ["Play", message("Play")],
  ["Pause", message("Pause")],
  ["Adjust volume", message("Volume")],
  ["Reset audio", message("Reset")],
  ["Trim audio to selection", message("Trim")],
]);
/** The same, by how they begin. A number follows. */
const ENGLISH_BEGINNINGS = new Map([
  ["Skip backwards by ", message("Skip back")],
  ["Skip forward by ", message("Skip forward")],
  ["Adjust playback speed to ", message("Speed")],
]);
const NAMES = ["aria-label", "title"];
const WITHOUT_TOOLTIP = ".audio-container .controls button[aria-label]";
const NUMBER = "number input for ";
const SLIDER = "range slider for ";

const FOLD = ":is(.negative .fold, .size-field .opens)";

/** Return the ids of the form's open sections, groups and fields. */
export const unfolded = () => [
  ...all("#form [data-open]").map(({ dataset }) => dataset.open ?? ""),
  ...all(`#form .section ${LABEL}.open`).map((label) => label.closest(".section")?.id ?? ""),
  ...all(`#form ${FOLD}[aria-expanded=true]`).map((fold) => fold.closest("[id^=fold-]")?.id ?? ""),
];

/** Focus an open section or group, whose button is gone. @param {string} id */
export function focusPart(id) {
  const part = $(`#${CSS.escape(id)} ${LABEL}, [data-open="${CSS.escape(id)}"]`);
  if (!part) return;
  if (!part.matches(LABEL)) part.tabIndex = -1;
  part.focus();
}

/** Show words after a section's title. @param {string} id @param {string} words */
export function tellChanges(id, words) {
  const label = $(`#${CSS.escape(id)} ${LABEL}`);
  if (label) label.dataset.changes = words && `· ${words}`;
}

/** @param {HTMLElement} fold @param {boolean} isFolded */
export function setFolded(fold, isFolded) {
  fold.ariaExpanded = String(!isFolded);
}

/**
 * Section headers that were clicked but aren't marked as open yet.
 * @type {WeakMap<HTMLElement, Promise<void>>}
 */
const unfolding = new WeakMap();

/**
 * Open the section that contains a field. Gradio marks a section as open some time after the click, and a second click
 * in between closes it again, so click a header only once.
 * @param {Element} field
 * @returns {Promise<void> | null} resolves once the section is open; null if there is nothing to open
 */
export function unfold(field) {
  const fold = $(FOLD, field.closest("[id^=fold-]") ?? field);
  if (fold) setFolded(fold, false);
  const label = $(LABEL, field.closest(".section") ?? field);
  if (!label || isOpen(label)) return null;
  const pending = unfolding.get(label);
  if (pending) return pending;
  const open = opened(label);
  unfolding.set(label, open);
  label.click();
  return open;
}

/** @param {Element} label */
const isOpen = (label) => label.classList.contains("open");

/** @param {HTMLElement} label @returns {Promise<void>} */
function opened(label) {
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!isOpen(label)) return;
      observer.disconnect();
      unfolding.delete(label);
      resolve();
    });
    observer.observe(label, { attributeFilter: ["class"] });
  });
}

/** Return an image field's own buttons, which its menu replaces. @param {Element} field */
export const imageButtons = (field) => ({
  change: $(SOURCE, field),
  enlarge: $(FULLSCREEN, field),
  remove: $(CLEAR, field),
});

/** Return whether the page uses the dark theme. */
export const isDark = () => document.body.classList.contains(DARK);

/** @param {boolean} dark */
export const setDark = (dark) => void document.body.classList.toggle(DARK, dark);

/** Open Gradio's API page by its footer link, which is hidden, if the address asks for it. ui/api/app.py links here. */
export function showApi() {
  if (location.hash !== "#gradio-api") return;
  history.replaceState(history.state, "", location.pathname + location.search);
  const observer = new MutationObserver(() => {
    const link = $("footer .show-api");
    if (!link) return;
    observer.disconnect();
    link.click();
  });
  observer.observe(document.body, { subtree: true, childList: true });
}

/**
 * Close Gradio's API page.
 * @returns {boolean} whether it was open
 */
export function closeApi() {
  const beside = $(".api-docs .backdrop");
  beside?.click();
  return beside !== null;
}

/** Return the name of the signed-in user, or "" if the app has no sign-in. */
export const userName = () => /** @type {any} */ (window).gradio_config?.username ?? "";

/**
 * Report calls and uploads that the app has refused. Gradio shows the same word for every reason, in a place that is
 * easy to miss, and has no event for refusals. So wrap `fetch`.
 * A broken connection ends neither: Gradio would show its own words in a corner.
 * @param {{ call: (reload: boolean) => void, upload: (why: string) => boolean }} refused
 *   `why`: a sentence, or "" if the app gave none. `upload` returns whether it has shown the reason; if so, hide the
 *   refusal from Gradio
 * @param {(address: string, body: FormData) => Promise<Response> | undefined} upload sends a file
 */
export function watchRequests(refused, upload) {
  const gradios = window.fetch;
  window.fetch = async (...request) => {
    const [asked, options] = request;
    const address = asked instanceof Request ? asked.url : String(asked);
    if (NOT_THERE.some((path) => address.endsWith(path)))
      return new Response(null, { status: 404 });
    const [isCall, isUpload] = [address.includes(CALL), UPLOAD.test(address)];
    const body = options?.body;
    const sent = isUpload && body instanceof FormData ? upload(address, body) : undefined;
    const answer = await (sent ?? (isCall ? persistent : gradios)(...request));
    if (answer.ok || !(isCall || isUpload)) return answer;
    const text = await answer.clone().text();
    const told = jsonIn(text);
    const why = told?.error ?? told?.detail ?? "";
    if (isCall) refused.call(Boolean(told?.reload));
    if (!isUpload || !refused.upload(why || text)) return answer;
    return new Response("[]", { headers: { "content-type": "application/json" } });
  };
  /** @type {typeof fetch} */
  const persistent = async (...request) => {
    for (let tries = 1; ; tries++)
      try {
        return await gradios(...request);
      } catch (problem) {
        if (tries >= CALL_TRIES && (await connection.answered())) throw problem;
        await connection.answered();
      }
  };
}

/**
 * @param {string} text
 * @returns {any} null if the text isn't JSON
 */
function jsonIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Close a dropdown that the user leaves with Tab: Gradio would open it again after the blur. Take its options out of
 * the tab order, because browsers make scrollable elements focusable.
 * @param {HTMLElement} list
 */
export function closeLeft(list) {
  $(".option-list", list.closest(".wrap") ?? list)?.setAttribute("tabindex", "-1");
  setTimeout(() => list.dispatchEvent(new FocusEvent("blur")), 0);
}

/**
 * Close a dropdown that a script has focused, and keep the focus. Gradio opens and searches a dropdown only after a
 * focus event, so send it another one on the next click or key.
 * @param {HTMLInputElement} list
 */
export function closeFocused(list) {
  const opened = new AbortController();
  const open = () => {
    opened.abort();
    list.dispatchEvent(new FocusEvent("focus"));
  };
  for (const kind of ["click", "keydown", "beforeinput"])
    list.addEventListener(kind, open, { signal: opened.signal, capture: true });
  list.select(); // typing replaces the choice
  closeLeft(list);
}

/**
 * Make each group of radio buttons a single tab stop by giving them the same name. Gradio gives each button its own
 * name, and restores it when the button changes.
 */
export function groupRadios() {
  for (const group of all("fieldset")) {
    const radios = /** @type {HTMLInputElement[]} */ (all("input[type=radio]", group));
    for (const one of radios) if (one.name !== radios[0]?.name) one.name = radios[0]?.name ?? "";
  }
}

/**
 * Let users type a number beyond the ends of a slider whose field accepts it. Gradio sets the number to the nearest end
 * when its input loses the focus, or when the slider is clicked.
 */
export function keepNumbersBeyondSliders() {
  /** @param {EventTarget | null} target @param {string} what */
  const isSlider = (target, what) =>
    target instanceof Element && target.matches(`.slides-beyond ${what}`);
  for (const kind of ["blur", "pointerup"])
    document.addEventListener(
      kind,
      (event) => isSlider(event.target, "input") && event.stopPropagation(),
      { capture: true },
    );
  document.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !isSlider(target, "[type=number]")) return;
    for (const limit of ["min", "max"]) target.removeAttribute(limit);
  });
}

/** Fit text boxes when the window becomes low or high again: Gradio only does so when their text changes. */
export function keepTextsFitted() {
  matchMedia("(max-height: 720px)").addEventListener("change", () => {
    for (const box of all("#form textarea")) box.dispatchEvent(new Event("input"));
  });
}

/** Pass the height of a dropdown's label to the style sheet: low in the window, the list opens above the label. */
export function keepListsOffLabels() {
  document.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof Element) || !target.matches(LIST)) return;
    const [field, box] = [target.closest(".block"), target.closest(".wrap")];
    if (!(field instanceof HTMLElement) || !box) return;
    const above = box.getBoundingClientRect().top - field.getBoundingClientRect().top;
    field.style.setProperty("--label-height", `${above}px`);
  });
}

/**
 * Open lists downward if there is room. Gradio opens them upward in the lower half of the window. Keep that on
 * touchscreens, where the on-screen keyboard covers the lower half.
 */
export function openListsDown() {
  const place = (/** @type {Event} */ { target }) => {
    if (!(target instanceof Element) || !target.matches(LIST) || isTouched()) return;
    const box = /** @type {HTMLElement} */ (target.closest(".wrap"));
    requestAnimationFrame(() => {
      const { height, bottom } = box.getBoundingClientRect();
      const list = $(".options", box);
      if (!list) return;
      box.classList.toggle("opens-down", list.scrollHeight + EDGE <= innerHeight - bottom);
      box.style.setProperty("--box-height", `${height}px`);
    });
  };
  for (const kind of ["focusin", "click", "input"]) document.addEventListener(kind, place);
}

/** @param {Element} field */
export const labelPart = (field) =>
  $(".fold .name", field.closest(".negative") ?? field) ??
  $(
    "[data-testid=block-label], [data-testid=block-info], .field-title, .box-field h4, label span",
    field,
  );

/** @param {Element} field */
export const labelOf = (field) => labelPart(field)?.textContent?.trim() ?? message("Field");

/**
 * Put a file into a field as if the user had chosen it there. Gradio accepts a file only in an empty field.
 * @param {Element} field
 * @param {File} file
 * @returns {boolean} whether the field accepts a file
 */
export function giveFile(field, file) {
  const input = /** @type {HTMLInputElement | null} */ ($("input[type=file]", field));
  if (!input) return false;
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

/**
 * Replace the file in a field. Gradio has no file input in a filled field, so clear the field and wait for the input.
 * @param {Element} field
 * @param {File} file
 */
export function replaceFile(field, file) {
  const observer = new MutationObserver(() => {
    if (giveFile(field, file)) observer.disconnect();
  });
  observer.observe(field, { subtree: true, childList: true });
  setTimeout(() => observer.disconnect(), EMPTIED_WITHIN);
  ($(CLEAR, field) ?? $(SOURCE, field))?.click();
}

/**
 * Return whether the user has pressed a field's own button for choosing a file.
 * @param {Element} pressed
 */
export const isChoosing = (pressed) => pressed.closest(SOURCE) !== null;

/**
 * Return whether the user has pressed a field's own button for enlarging its image.
 * @param {Element} pressed
 */
export const isEnlarging = (pressed) => pressed.closest(FULLSCREEN) !== null;

/** Selector for the input of a seed. */
export const SEED_TEXT = ".seed textarea, .seed input[type=text]";

/**
 * Show the seed that a run has used, unless the user has typed or fixed another one since. Don't change the mode.
 * @param {Element} field
 * @param {string} seed
 * @param {string} [counted] value that was sent for a seed that counts up
 */
export function showUsedSeed(field, seed, counted) {
  const text = /** @type {HTMLInputElement | HTMLTextAreaElement | null} */ ($(SEED_TEXT, field));
  const isCounted =
    counted !== undefined && seedMode(field) === "counting" && text?.value === counted;
  if (text && (isCounted || isRandomSeed(field))) typeInto(text, seed);
}

/**
 * Switch a random seed to fixed when the user types or pastes a value. Gradio's own event fires on key presses but not
 * on paste.
 * @param {EventTarget | null} target the input that has changed
 */
export function keepTypedSeed(target) {
  if (!(target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement)) return;
  if (!target.matches(SEED_TEXT) || !target.value) return;
  const mode = (/** @type {string} */ value) =>
    /** @type {HTMLInputElement | null} */ (
      $(`.seed-mode input[value="${value}"]`, target.closest(".seed") ?? document)
    );
  if (!mode("random")?.checked) return;
  target.dataset.typed = "";
  mode("fixed")?.click();
}

/** Return the value of the seed that typing has fixed since the last call, or null. */
export function takeTypedSeed() {
  const typed = /** @type {HTMLInputElement | HTMLTextAreaElement | undefined} */ (
    all(SEED_TEXT).find((text) => "typed" in text.dataset)
  );
  delete typed?.dataset.typed;
  return typed?.value ?? null;
}

/**
 * Return whether a seed is random, regardless of the value in its field.
 * @param {Element} field
 */
export const isRandomSeed = (field) => seedMode(field) === "random";

/** @param {Element} field */
const seedMode = (field) =>
  /** @type {HTMLInputElement | null} */ (
    $(".seed-mode input:checked", field.closest(".seed") ?? field)
  )?.value;

/**
 * Return the page's words for a name that Gradio has only in English. Return any other name unchanged.
 * @param {string} name
 */
function ownName(name) {
  for (const start of [NUMBER, SLIDER]) if (name.startsWith(start)) return name.slice(start.length);
  for (const [start, own] of ENGLISH_BEGINNINGS) if (name.startsWith(start)) return own;
  return ENGLISH.get(name) ?? name;
}

/** @param {Element} one */
function rename(one) {
  for (const attribute of NAMES) {
    const name = one.getAttribute(attribute) ?? "";
    const own = ownName(name);
    if (own !== name) one.setAttribute(attribute, own);
  }
  const tooltip = one.ariaLabel ?? "";
  if (one.matches(WITHOUT_TOOLTIP) && one.getAttribute("title") !== tooltip)
    one.setAttribute("title", tooltip);
}

/** Replace the names that Gradio has only in English, now and whenever it draws something. */
export function translateNames() {
  /** @param {Element} part */
  const renameAll = (part) => {
    for (const one of [part, ...part.querySelectorAll("[aria-label]")]) rename(one);
  };
  const observer = new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      if (target instanceof Element) rename(target);
      for (const node of addedNodes) if (node instanceof Element) renameAll(node);
    }
  });
  observer.observe(document.body, { subtree: true, childList: true, attributeFilter: NAMES });
  renameAll(document.body);
}
