// @ts-check
// The page as a whole: it takes up the person's runs, listens to the app, and to keys, buttons and files.

import { uncovered } from "./back.js";
import { refuseVaried } from "./batches/given.js";
import { ActionsBar } from "./components/actions_bar.js";
import { LOADING } from "./components/coming.js";
import { asksForKeys, showKeys } from "./components/keys.js";
import { masksHold } from "./components/mask_painter.js";
import { showInTab } from "./components/tab.js";
import { $, element, glideTo, isCtrlEnter, isNarrow, root, tell } from "./dom.js";
import {
  clearErrors,
  forgetNote,
  forgetNotes,
  settleLeft,
  settleNumbers,
} from "./form/field_errors.js";
import { refuseFile, takeFiles } from "./form/files.js";
import { filled } from "./form/filled.js";
import { expectForm, waitsForForm } from "./form/form.js";
import { markChanges } from "./form/reset.js";
import { endWalk, keepSentTexts, walkTexts } from "./form/sent_texts.js";
import {
  closeApi,
  closeLeft,
  groupRadios,
  keepListsOffLabels,
  keepTypedSeed,
  LIST,
  openListsDown,
  translateNames,
  watchRequests,
} from "./gradio.js";
import { message } from "./messages.js";
import { listen } from "./page_socket.js";
import { reload, tellReloaded } from "./reloaded.js";
import { betweenRuns } from "./runs/chains.js";
import { awaitRun, restore, stop } from "./runs/following.js";
import { current, isOfForm, seen, withRun } from "./runs/runs.js";
import { page, say } from "./state.js";
import { VaryButton } from "./vary/vary_button.js";

/** @import { PageState } from "./state.js" */

const TYPED = "input, textarea, select, [contenteditable], dialog"; // these use the letters themselves
const KEYS = message("Ctrl + Enter");
const NOTHING_FOUND = message("No results.");
const NO_FORM = message("Choose a workflow first.");
const NOT_SEEN = message("Stops the current run, not the one you're looking at.");

const actions = new ActionsBar();
const vary = new VaryButton();

/** What a press clears is cleared before Gradio asks the server. */
function pressed() {
  settleNumbers();
  keepSentTexts();
  clearErrors();
  const { shown, runs } = page.now;
  page.set({
    notice: null,
    lookingBack: false,
    sending: true,
    runs: shown !== null && runs.has(shown) ? withRun(runs, shown, { read: true }) : runs,
  });
  if (!current(page.now)) say(message("Sending…"), "", "waiting");
}

/**
 * The app keeps the forms of so many pages: one whose form it has put aside loads itself again, with what was typed.
 * @param {boolean} reloads
 */
function refused(reloads) {
  expectForm(false);
  if (reloads) reload({ isPutAside: true });
}

/** @param {MouseEvent} event */
function clicked(event) {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("#generate")) {
    const isHeld = waitsForForm() || masksHold(() => $("#generate")?.click());
    if (isHeld) event.stopImmediatePropagation();
    else pressed();
  } else if (target.closest("#stop")) stop();
  // A list is searched by typing: what is typed takes the place of the choice, and Escape brings that back.
  else if (target instanceof HTMLInputElement && target.matches(LIST) && !target.readOnly)
    target.select();
}

/** @param {KeyboardEvent} event */
function isFavouriteKey({ key, ctrlKey, metaKey, altKey, target }) {
  const isTyped = target instanceof HTMLElement && target.closest(TYPED);
  return key.toLowerCase() === "f" && !ctrlKey && !metaKey && !altKey && !isTyped;
}

/**
 * A checkbox of Gradio's is turned by Enter, whatever is held beside it.
 * @param {KeyboardEvent} event
 */
function leaveCheckbox(event) {
  const isBox =
    event.target instanceof Element && event.target.matches("[type=checkbox]:not(dialog *)");
  if (!isBox || !isCtrlEnter(event)) return;
  event.stopPropagation();
  keyPressed(event);
}

/** @param {KeyboardEvent} event */
function keyPressed(event) {
  if (/^(Tab|Arrow)/.test(event.key)) groupRadios();
  if (isCtrlEnter(event)) {
    event.preventDefault();
    $("#generate")?.click();
  } else if (isFavouriteKey(event)) $("#stage .actions .favourite")?.click();
  else if (asksForKeys(event)) showKeys();
  else if (event.key === "Escape" && closeApi()) return;
  else if (walkTexts(event)) return;
  else if (event.target instanceof HTMLElement && event.target.matches(LIST)) {
    if (event.key === "Escape") event.target.blur();
    else if (event.key === "Tab") closeLeft(event.target);
  }
}

/**
 * A line of the script's own, which is put into its place if it is not there.
 * @param {string} id
 * @param {string} words "" where there is nothing to say
 * @param {(line: HTMLElement) => void} attach
 */
function showLine(id, words, attach) {
  const line = $(`#${id}`) ?? Object.assign(element("p"), { id });
  if (!line.isConnected) attach(line);
  tell(line, words);
}

/**
 * What stands outside of the components.
 * @param {PageState} now
 * @param {PageState} before
 */
function show(now, before) {
  const going = current(now);
  const isSilent = Boolean(now.away) && !going?.connected;
  const run = seen(now);
  const stopping = $("#stop");
  const isLeft = stopping !== null && document.activeElement === stopping;
  stopping?.toggleAttribute("disabled", !(going || betweenRuns(now)) || isSilent);
  if (stopping) stopping.title = going && run !== going ? NOT_SEEN : "";
  const generate = $("#generate");
  const blocked = now.coming ? LOADING : now.formless ? "" : now.blocked;
  generate?.toggleAttribute("disabled", Boolean(now.away || blocked) || now.formless);
  if (generate) generate.title = now.formless ? NO_FORM : blocked || KEYS;
  if (isLeft && stopping?.hasAttribute("disabled")) generate?.focus({ preventScroll: true });
  actions.show(now.formless);
  vary.show(!now.formless && !blocked);
  showLine("why-off", blocked, (line) => $("#actions")?.prepend(line));
  // In one column the result comes first then, but not before the form of another workflow.
  const isStarting = now.notice?.phase === "waiting";
  const isFirst = run ? run === going || isOfForm(now, run) : isStarting;
  $("#columns")?.classList.toggle("has-run", Boolean(isFirst));
  const isNew = going && going !== current(before) && !before.runs.has(going.id);
  if (isNew && now.oneColumn) glideTo($("#result-side"));
  else if (isNew) seeWhole($("#stage .viewport"));
  showLine("away", now.away, (line) => {
    line.role = "status";
    $("#actions")?.prepend(line);
  });
}

/**
 * Beside the form the stage is seen, but for its upper part at the end of a page with a history.
 * @param {Element | null} viewport
 */
function seeWhole(viewport) {
  if (viewport && viewport.getBoundingClientRect().top < 0) glideTo(viewport);
}

/** What is said is said where it is seen, in whichever order form and stage stand. */
function tellColumns() {
  const oneColumn = isNarrow();
  if (oneColumn !== page.now.oneColumn) page.set({ oneColumn });
}

/** Tells the person where the app cannot be reached; browsers have it over TLS and on this machine only. */
async function startWorker() {
  try {
    await navigator.serviceWorker?.register(`${root}/service_worker.js`);
  } catch {
    // Private windows and frames have none: the browser's own page is shown there.
  }
}

// Beside the word on the button, and in lists, which are Gradio's.
const { style } = document.documentElement;
style.setProperty("--generate-keys", JSON.stringify(KEYS));
style.setProperty("--nothing-found", JSON.stringify(NOTHING_FOUND));
watchRequests({ call: refused, upload: (why) => refuseVaried(why) || refuseFile(why) });
takeFiles();
document.addEventListener("click", clicked, true); // before Gradio's own
for (const act of ["focusin", "pointermove", "keydown"])
  document.addEventListener(act, () => void (page.now.form && awaitRun()), { passive: true });
document.addEventListener("keydown", leaveCheckbox, true);
document.addEventListener("keydown", keyPressed);
document.addEventListener("blur", ({ target }) => settleLeft(target), true); // a blur does not bubble
document.addEventListener("input", (event) => {
  if (event.isTrusted) keepTypedSeed(event.target);
  forgetNote(event.target);
  endWalk(event);
});
addEventListener("popstate", (event) => {
  if (!uncovered(event)) location.reload();
});
tellColumns();
addEventListener("resize", tellColumns);
restore();
markChanges();
filled.subscribe(({ values }) => forgetNotes(values));
translateNames();
keepListsOffLabels();
openListsDown();
tellReloaded();
page.subscribe(show);
page.subscribe(showInTab);
listen();
startWorker();
