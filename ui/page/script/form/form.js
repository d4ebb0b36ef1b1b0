// @ts-check
// Which workflow's form is drawn, and what was typed into it: kept in the browser, carried by links.

import { correctAddress, goTo } from "../back.js";
import { awaitForm, formCame } from "../components/coming.js";
import { notifies } from "../components/tab.js";
import { $, all, announce, element, isNarrow } from "../dom.js";
import { unfolded } from "../gradio.js";
import { message } from "../messages.js";
import { keepsGoing, rememberRuns } from "../runs/following.js";
import { leftWith } from "../runs/runs.js";
import { page, say } from "../state.js";
import { KEEPS_GOING, RECENT, read, write } from "../storage.js";
import { withRecent } from "./choices.js";
import { letCopy } from "./copy_by_hand.js";
import { clearMended, isSeed, setRules, showErrorsSoon } from "./field_errors.js";
import { countedFrom, filled } from "./filled.js";
import { keepTyped, typed } from "./typed.js";
import { keptValues, linked, linkTo, withoutValues } from "./values.js";

/** @import { HeldField } from "./values.js" */

// While a form is being drawn, Generate would start what is no longer there: such a press waits for the new form.
const DRAWN_WITHIN = 15000;
const DONE_FOR = 2000;
const TRY_AGAIN = 5000;
const MOST_RECENT = 5;

/**
 * Two wishes may come before the first is served: whoever wants the form gets it. `filling`: what Gradio draws again
 * keeps what was typed there, so a form to be filled anew has to be another one. `since`: when the drawing of one began.
 * `leads`: the form is gone to when it is there. `clears`: what others have left on the stage goes then. `soon`: the timer
 * of a drawing that has not begun. `gone`: the workflow that this page has taken away itself, "" for none.
 */
const drawing = {
  formWanted: true,
  filling: 0,
  since: 0,
  pressWaits: false,
  leads: false,
  clears: false,
  soon: 0,
  gone: "",
};

/**
 * @param {string | null} name
 * @param {Record<string, string>} fromAddress
 */
const choice = (name, fromAddress) => ({
  workflow: name,
  linked: fromAddress,
  kept: name ? typed(name) : {},
});

/** The workflow in the address, null if it names none. */
const addressed = () => new URLSearchParams(location.search).get("workflow");

/** What Python draws a form from, as the outputs of a listener. Where the address names no workflow, it is the last. */
export function wanted() {
  const name = addressed();
  const [last = ""] = read(localStorage, RECENT, []);
  const { formWanted, filling } = drawing;
  drawing.formWanted = false;
  const from = choice(name ?? last, linked(location.search));
  const habits = { keeps_going: keepsGoing(), notifies: notifies() };
  return [
    {
      ...from,
      maybe_gone: name === null,
      list_only: !formWanted,
      unfolded: unfolded(),
      filling,
      ...habits,
    },
  ];
}

/**
 * A workflow was chosen; where it is the one that is open there is nothing to do.
 * @param {string | null} name
 */
export function chosen(name) {
  if (!name || addressed() === name) return [name, null];
  say("");
  goTo(`?workflow=${encodeURIComponent(name)}`);
  expectForm();
  drawing.leads = true;
  return [name, { ...choice(name, {}), filling: drawing.filling }];
}

/**
 * Draw the form again, or only the list of workflows, from what the server and the address say now.
 * @param {boolean} [onlyList]
 */
export function redraw(onlyList = false) {
  drawing.formWanted ||= !onlyList;
  if (!onlyList) expectForm();
  $("#redraw")?.click();
}

/** Whether this is this app's page, which has a form to fill in. */
export const hasForms = () => Boolean($("#redraw"));

/** Draw the form again once the browser has kept what was chosen; once, where several things are chosen together. */
export function redrawSoon() {
  expectForm();
  clearTimeout(drawing.soon);
  drawing.soon = window.setTimeout(() => {
    drawing.soon = 0;
    redraw();
  }, 100);
}

/**
 * Show the form of a workflow that was opened, with what is said of it.
 * @param {string} name
 * @param {boolean} [clears] what was made with others goes from the stage
 */
export function visit(name, clears = false) {
  say("");
  Object.assign(drawing, { leads: true, clears });
  goTo(`?workflow=${encodeURIComponent(name)}`);
  redraw();
}

/**
 * Put values into a form as if they had been typed, and draw it anew with them.
 * @param {string} workflow
 * @param {Record<string, unknown>} values
 */
export function refill(workflow, values) {
  say("");
  keepTyped(workflow, values);
  const address = `?workflow=${encodeURIComponent(workflow)}`;
  if (location.search !== address) goTo(address); // values in the address would win
  drawing.filling += 1;
  redraw();
}

/**
 * Put values into the form that is there, beside what was typed into it.
 * @param {Record<string, unknown>} values
 */
export function addValues(values) {
  const name = formName();
  refill(name, { ...typed(name), ...linked(location.search), ...values });
}

/**
 * Show the form of a workflow with these values in it.
 * @param {string} workflow
 * @param {Record<string, unknown>} values
 * @param {boolean} [clears] what was made with others goes from the stage
 */
export function visitWith(workflow, values, clears = false) {
  Object.assign(drawing, { leads: true, clears });
  refill(workflow, values);
}

/**
 * A workflow goes: nobody has to be told on its form, "" where it has not gone.
 * @param {string} name
 */
export function expectGone(name) {
  drawing.gone = name;
}

/** Show the form of the workflow that was used last, in the place of one that is gone. */
export function visitLast() {
  say("");
  drawing.leads = true;
  correctAddress(location.pathname);
  redraw();
}

/** From now on a form is awaited, or no longer. */
export function expectForm(expected = true) {
  drawing.since = expected ? performance.now() : 0;
  const isOther = () => Boolean(addressed() && formName()) && addressed() !== formName();
  if (expected) awaitForm(isOther);
  else formCame();
}

/** Whether a form is being drawn in the place of the one that is seen. */
export const isDrawing = () =>
  drawing.since > 0 && performance.now() - drawing.since < DRAWN_WITHIN;

/** Whether a press has to wait for the form that is being drawn. */
export function waitsForForm() {
  drawing.pressWaits = isDrawing();
  return drawing.pressWaits;
}

/** The workflow whose form is on the page, "" if there is none. */
export const formName = () => $("#heading [data-workflow]")?.dataset.workflow ?? "";

/**
 * The form of this workflow is there.
 * @param {string} name
 * @param {string} blocked why it cannot run, "" if it can
 * @param {Record<string, import("./values.js").Rule>} rules of its numbers and seeds, by the fields' keys
 * @param {Record<string, unknown>} values that it shows
 * @param {Record<string, unknown>} authors the author's own
 * @param {readonly import("../state.js").Idea[]} ideas
 * @param {string} cover
 * @param {import("../state.js").Made} makes
 * @param {Record<string, string>} errors that there are already, by the fields' keys
 * @param {Record<string, unknown>} held what a press sends at first
 */
export function drawn(name, blocked, rules, values, authors, ideas, cover, makes, errors, held) {
  expectForm(drawing.soon > 0);
  drawing.gone = "";
  setRules(rules);
  filled.set({ name, values, authors, held, used: countedFrom(held, isSeed) });
  write(localStorage, RECENT, withRecent(read(localStorage, RECENT, []), name, MOST_RECENT));
  // The way back leads to this one, whichever is the last by then.
  if (addressed() === null) {
    const address = new URL(location.href);
    address.searchParams.set("workflow", name);
    history.replaceState({}, "", address);
  }
  const form = { form: name, formless: false, blocked, ideas, cover, makes };
  const { clears } = drawing;
  drawing.clears = false;
  const isOther = clears || page.now.form !== name;
  const left = isOther ? leftWith({ ...page.now, ...form }, clears) : {};
  page.set({ ...form, ...left });
  if ("shown" in left) rememberRuns(); // else it would be back at a reload
  showErrorsSoon(errors);
  lead();
  if (!drawing.pressWaits || drawing.soon) return;
  drawing.pressWaits = false;
  $("#generate")?.click();
}

/** To the top of a form that was opened: there is said what its server lacks, and from there keys go on. */
function lead() {
  if (!drawing.leads) return;
  drawing.leads = false;
  if (isNarrow()) $("#form-side")?.scrollIntoView();
  else scrollTo(0, 0);
  const title = $("#heading h1");
  if (!title) return;
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
}

/** There is no form. @param {boolean} willPass the server is away: try again */
export function notDrawn(willPass) {
  expectForm(false);
  Object.assign(drawing, { pressWaits: false, clears: false });
  page.set({ formless: true });
  lead();
  if (!willPass) return;
  setTimeout(() => {
    if ($("#no-form")) location.reload();
  }, TRY_AGAIN);
}

/**
 * One more field where a node takes many files: its key among the values is what asks for it.
 * @param {string} key
 */
export function grow(key) {
  const name = formName();
  keepTyped(name, { ...typed(name), [key]: null });
  redraw();
}

/**
 * Some workflows of the folder are others now.
 * @param {readonly string[]} names
 */
export function folderChanged(names) {
  const name = formName();
  const isGoing = drawing.gone !== "" && (name || addressed()) === drawing.gone;
  redraw(isGoing || (name !== "" && !names.includes(name)));
}

/**
 * @param {boolean} wish whether runs go on when the page is closed
 */
export function setKeepsGoing(wish) {
  write(localStorage, KEEPS_GOING, wish);
  return [];
}

/**
 * Keep what was typed.
 * @param {string} name the workflow's
 * @param {readonly HeldField[]} fields
 * @param {readonly unknown[]} values
 */
export function keep(name, fields, values) {
  const before = typed(name);
  const now = keptValues(fields, values);
  if (filled.now.name === name) {
    const isOther = clearMended(fields, now, filled.now.values);
    // What was said before goes when something else is done, and what is wrong with fields with the last of those.
    if (isOther && page.now.notice?.phase === "refused" && !$(".has-error")) say("");
    filled.set({
      values: { ...filled.now.values, ...now },
      held: { ...filled.now.held, ...now },
    });
  }
  keepTyped(name, { ...before, ...now });
  // All of them are kept now: those in the address would come before them at a reload.
  const query = new URLSearchParams(location.search);
  if (query.get("workflow") === name && Object.keys(linked(location.search)).length)
    correctAddress(withoutValues(location.search));
  return [];
}

/**
 * Until something is changed, the form shows what the address says before what was typed earlier.
 * @param {string} name
 */
export function copyLink(name) {
  const link = linkTo(location.href, name, { ...typed(name), ...linked(location.search) });
  copyOrTell(message("The link couldn't be copied."), link).then((isCopied) => {
    if (!isCopied) return;
    const spoken = message("Link copied. It opens this form with your values.");
    showDone($("#copy-link"), message("Link copied"), spoken);
  });
}

/**
 * Browsers hand out the clipboard over TLS and on this machine only, and may refuse it there; in an office over plain
 * HTTP the old way is left.
 * @param {string} text
 */
export async function copyText(text) {
  const isWritten = await navigator.clipboard?.writeText(text).then(
    () => true,
    () => false,
  );
  if (isWritten) return;
  const before = document.activeElement;
  const field = document.body.appendChild(element("textarea", "spoken"));
  field.value = text;
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  if (!copied) throw new Error("not copied");
}

/**
 * Copy a text; where that cannot be done, show it.
 * @param {string} what to say then
 * @param {string} text
 * @returns {Promise<boolean>} whether it is copied
 */
export async function copyOrTell(what, text) {
  try {
    await copyText(text);
    return true;
  } catch {
    letCopy(what, text);
    return false;
  }
}

/**
 * For two seconds the button itself says that it has worked.
 * @param {HTMLElement | null} place
 * @param {string} words
 * @param {string} [spoken] what screen readers say, if it is more
 */
export function showDone(place, words, spoken = words) {
  if (!place) return;
  place.dataset.label ??= place.textContent ?? "";
  place.dataset.style ??= place.getAttribute("style") ?? "";
  // As wide as before, as far as what stands around the words has room: what is beside it stays.
  const { width } = place.getBoundingClientRect();
  const style = `${place.dataset.style}; transition: none`; // Gradio's buttons would glide to it
  place.style.cssText = `${style}; min-width: ${width}px !important; padding-inline: 0 !important`;
  place.textContent = words;
  announce(spoken);
  setTimeout(() => {
    place.textContent = place.dataset.label ?? "";
    place.style.cssText = style;
  }, DONE_FOR);
}

/**
 * A button copies what it carries.
 * @param {HTMLElement} place what such buttons are in
 */
export function mountCopy(place) {
  for (const copying of all("[data-copy]", place))
    copying.addEventListener("click", () => {
      const text = copying.dataset.copy ?? "";
      copyOrTell(message("This couldn't be copied."), text).then(
        (isCopied) => isCopied && showDone(copying, message("Copied")),
      );
    });
}
