// @ts-check
// Entry point of the page: restores the user's runs, connects to the app, and handles keys, buttons and files.

import { uncovered } from "./back.js";
import { ActionsBar } from "./components/actions_bar.js";
import { LOADING } from "./components/coming.js";
import { notifies, showInTab, subscribe } from "./components/tab.js";
import { $, element, glideTo, isCtrlEnter, isNarrow, keepTextsOut, root, tell } from "./dom.js";
import { whyOff } from "./editor/editing.js";
import { tellHeight } from "./embedded.js";
import {
  clearErrors,
  forgetNote,
  forgetNotes,
  settleLeft,
  settleNumbers,
} from "./form/field_errors.js";
import { filled } from "./form/filled.js";
import { addValues, expectForm, waitsForForm } from "./form/form.js";
import { replacedLine } from "./form/replaced.js";
import { fillEmptied, markChanges } from "./form/reset.js";
import { endWalk, keepSentTexts, walkTexts } from "./form/sent_texts.js";
import {
  closeApi,
  closeLeft,
  groupRadios,
  keepListsOffLabels,
  keepNumbersBeyondSliders,
  keepTextsFitted,
  keepTypedSeed,
  LIST,
  openListsDown,
  showApi,
  translateNames,
  watchRequests,
} from "./gradio.js";
import { message } from "./messages.js";
import { listen } from "./page_socket.js";
import { tellPartLoading } from "./part_loading.js";
import { reload, tellReloaded } from "./reloaded.js";
import { betweenRuns } from "./runs/chains.js";
import { awaitRun, restore, stop } from "./runs/following.js";
import { current, seen, withRun } from "./runs/runs.js";
import { sendKept } from "./runs/start.js";
import { page, say } from "./state.js";

/** @import { PageState } from "./state.js" */

const TYPED = "input, textarea, select, [contenteditable], dialog"; // elements that handle letter keys themselves
const KEYS = [message("Ctrl"), message("Enter")].join(" + ");
const NOTHING_FOUND = message("No results.");
const NO_FORM = message("Choose a workflow first.");
const WAITS = message("Waiting for the upload…");
const NOT_SEEN = message("Stops the current run, not the one you're looking at.");

const actions = new ActionsBar();
/** @type {typeof import("./later_parts.js") | null} */
let later = null;

/** Handle a press of Generate. Clear errors and messages before Gradio sends its request. */
function pressed() {
  settleNumbers();
  keepSentTexts();
  clearErrors();
  const { shown, runs } = page.now;
  page.set({
    notice: null,
    lookingBack: false,
    sending: true,
    tab: "result",
    runs: shown !== null && runs.has(shown) ? withRun(runs, shown, { read: true }) : runs,
  });
  if (!current(page.now)) say(message("Starting…"), "", "waiting");
  if (page.now.oneColumn) scrollTo(0, 0);
}

/**
 * Handle a refused call. The app keeps the forms of a limited number of pages. If it has dropped this page's form,
 * reload the page; the user's input is kept.
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
    const isHeld = waitsForForm() || later?.isHeldByMask(() => $("#generate")?.click());
    if (isHeld) event.stopImmediatePropagation();
    else pressed();
  } else if (target.closest("#stop")) stop();
  // Typing searches a dropdown's list. Select its text so that typing replaces the choice; Escape restores it.
  else if (target instanceof HTMLInputElement && target.matches(LIST) && !target.readOnly)
    target.select();
}

/** @param {KeyboardEvent} event */
function isFavouriteKey({ key, ctrlKey, metaKey, altKey, target }) {
  const isTyped = target instanceof HTMLElement && target.closest(TYPED);
  return key.toLowerCase() === "f" && !ctrlKey && !metaKey && !altKey && !isTyped;
}

/**
 * Keep Ctrl+Enter from toggling a checkbox: Gradio toggles it on Enter and ignores the modifier keys.
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
  else if (later?.showKeysFor(event)) return;
  else if (event.key === "Escape" && closeApi()) return;
  else if (walkTexts(event)) return;
  else if (event.target instanceof HTMLElement && event.target.matches(LIST)) {
    if (event.key === "Escape") event.target.blur();
    else if (event.key === "Tab") closeLeft(event.target);
  }
}

/**
 * Show a line of text. Attach it if it isn't on the page.
 * @param {string} id
 * @param {string} words "" for an empty line
 * @param {(line: HTMLElement) => void} attach
 */
function showLine(id, words, attach) {
  const line = $(`#${id}`) ?? Object.assign(element("p"), { id });
  if (!line.isConnected) attach(line);
  tell(line, words);
}

/**
 * Update everything outside the components.
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
  const isUploading = now.uploading.some((id) => document.getElementById(id));
  const blocked = now.coming ? LOADING : now.formless ? "" : isUploading ? WAITS : whyOff(now);
  generate?.toggleAttribute("disabled", Boolean(now.away || blocked) || now.formless);
  if (generate) generate.title = now.formless ? NO_FORM : blocked || KEYS;
  if (isLeft && stopping?.hasAttribute("disabled")) generate?.focus({ preventScroll: true });
  actions.show(now);
  showLine("why-off", blocked, (line) => $("#actions")?.prepend(line));
  const { notice } = now;
  const ofFields = notice?.ofFields ? [notice.headline, notice.advice].join(" ").trim() : "";
  const replaced = replacedLine(addValues);
  if (!replaced.isConnected) $("#actions")?.prepend(replaced);
  showLine("of-fields", blocked ? "" : ofFields, (line) => {
    line.role = "alert";
    $("#actions")?.prepend(line);
  });
  const isNew = going && going !== current(before) && !before.runs.has(going.id);
  if (isNew && !(now.oneColumn && now.tab === "form")) seeWhole($("#stage .viewport"));
  showLine("away", now.away, (line) => {
    line.role = "status";
    $("#actions")?.prepend(line);
  });
}

/**
 * Scroll the stage into view if its upper part is above the window, as at the end of a long history.
 * @param {Element | null} viewport
 */
function seeWhole(viewport) {
  if (viewport && viewport.getBoundingClientRect().top < 0) glideTo(viewport);
}

/**
 * Show all of a text box that gets the focus from the keyboard: browsers scroll only its caret into view, and the buttons
 * below the form may cover the rest.
 * @param {FocusEvent} event
 */
function seeTextBox({ target }) {
  const isBox = target instanceof HTMLTextAreaElement && target.closest("#form");
  if (isBox && !$(":active")) target.scrollIntoView({ block: "nearest" });
}

/** Update `oneColumn`, so that messages appear in a visible place in either layout. */
function tellColumns() {
  const oneColumn = isNarrow();
  if (oneColumn !== page.now.oneColumn) page.set({ oneColumn });
}

/** Register the service worker, which explains an unreachable app. Browsers allow it only over TLS and on localhost. */
async function startWorker() {
  try {
    await navigator.serviceWorker?.register(`${root}/service_worker.js`);
    if (notifies()) await subscribe();
  } catch {
    // Private windows and frames have no service workers. The browser shows its own error page there.
  }
}

// The style sheet shows these texts on the Generate button and in dropdowns, which Gradio draws.
const { style } = document.documentElement;
style.setProperty("--generate-keys", JSON.stringify(KEYS));
style.setProperty("--nothing-found", JSON.stringify(NOTHING_FOUND));
watchRequests(
  {
    call: refused,
    upload: (why) => later?.refuseUpload(why) ?? false,
  },
  (address, body) => later?.send(address, body),
);
document.addEventListener("click", clicked, true); // before Gradio's own listeners
for (const act of ["focusin", "pointermove", "keydown"])
  document.addEventListener(act, () => void (page.now.form && awaitRun()), { passive: true });
document.addEventListener("keydown", leaveCheckbox, true);
document.addEventListener("keydown", keyPressed);
document.addEventListener("focusin", seeTextBox);
document.addEventListener("blur", ({ target }) => settleLeft(target), true); // blur events don't bubble
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
fillEmptied();
filled.subscribe(({ values }) => forgetNotes(values));
keepTextsOut();
translateNames();
keepListsOffLabels();
keepNumbersBeyondSliders();
keepTextsFitted();
openListsDown();
tellReloaded();
tellPartLoading();
showApi();
page.subscribe(show);
page.subscribe(showInTab);
page.subscribe(tellHeight);
listen();
sendKept();
startWorker();
later = await import("./later_parts.js");
later.beginLater();
