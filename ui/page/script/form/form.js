// @ts-check
// The form on the page: which workflow's form is drawn, and its values in the browser's storage and in links.

import { correctAddress, goTo } from "../back.js";
import { awaitForm, endFirstView, fieldsDrawn, formCame } from "../components/coming.js";
import { $, root, typeInto } from "../dom.js";
import { isEdited } from "../editor/editing.js";
import { focusPart, unfolded } from "../gradio.js";
import { counts } from "../making/counts.js";
import { message } from "../messages.js";
import { engage, keepsGoing, rememberRuns } from "../runs/following.js";
import { ownResult } from "../runs/runs.js";
import { NO_EXAMPLE, page, say } from "../state.js";
import { COVERS, KEEPS_GOING, RECENT, read, write } from "../storage.js";
import { withRecent } from "./choices.js";
import {
  clearErrors,
  clearMended,
  fieldId,
  isSeed,
  setRules,
  showErrors,
  showErrorsSoon,
} from "./field_errors.js";
import { countedFrom, filled } from "./filled.js";
import { offerUndo, valuesOf } from "./replaced.js";
import { keepTyped, typed } from "./typed.js";
import { asksForShared, keptValues, linked, linkTo, withoutValues } from "./values.js";

/** @import { PageState } from "../state.js" */
/** @import { Replacing } from "./replaced.js" */
/** @import { HeldField } from "./values.js" */

// While a form is being drawn, Generate would run the old one, so a press waits for the new form.
const DRAWN_WITHIN = 15000;
const TRY_AGAIN = 5000;
const MOST_RECENT = 5;
const MOST_COVERS = 20; // as many opened workflows as the app keeps for a user

/**
 * `formWanted`: the next redraw includes the form, even if a redraw of only the list was requested after it. `filling`:
 * a counter that makes a refilled form a different one, because Gradio keeps what was typed when it redraws the same
 * form. `values`: other values for the form are "asked" for, or "given" to the drawing; "" if the form has its own. `since`:
 * when the current drawing began. `pressWaits`: Generate was pressed meanwhile. `leads`: scroll to the
 * form and focus its title when it is drawn. `soon`: the timer of a scheduled redraw. `gone`: the workflow that this page
 * itself has removed, "" for none. `isFirst`: Python hasn't been asked yet. `sent`: the typed values that it was asked with.
 * `former`: those that they replaced, which the form of before may store again. `opening`: ids of the collapsed parts of a
 * large form that the user has opened, so that they are drawn, or of fields in them. `errors`: of these fields, by field key.
 */
const drawing = {
  formWanted: true,
  filling: 0,
  values: asksForShared(globalThis.location?.search ?? "") ? "asked" : "",
  since: 0,
  pressWaits: false,
  leads: false,
  soon: 0,
  gone: "",
  isFirst: true,
  sent: /** @type {Record<string, unknown>} */ ({}),
  former: /** @type {Record<string, unknown>} */ ({}),
  opening: /** @type {string[]} */ ([]),
  errors: /** @type {Record<string, string>} */ ({}),
};

const UNCHANGED = { __type__: "update" }; // Gradio's output that changes nothing

/**
 * Return the inputs for drawing a form. `choice_of` in Python makes the same.
 * @param {string} name
 * @param {Record<string, string>} [fromAddress]
 */
const choice = (name, fromAddress = {}) => {
  drawing.sent = name ? typed(name) : {};
  return {
    name,
    linked: fromAddress,
    kept: drawing.sent,
    unfolded: /** @type {readonly string[]} */ ([]),
    draft: false,
    filling: String(drawing.filling),
    nonce: String(Math.random()),
  };
};

/** Return the workflow in the address, null if it names none. */
export const addressed = () => new URLSearchParams(location.search).get("workflow");

/** Return the workflow whose form is wanted, by default the last one. */
const wantedName = () => addressed() ?? read(localStorage, RECENT, [])[0] ?? "";

const wantedChoice = (name = wantedName()) => ({
  ...choice(name, linked(location.search)),
  unfolded: [...unfolded(), ...drawing.opening],
  draft: isEdited(addressed()),
});

/** Return the outputs of a Gradio listener. Python draws their form, unless the first view has. */
export function wanted() {
  const { formWanted, isFirst } = drawing;
  const drawn = isFirst ? /** @type {any} */ (window).firstView.form : "";
  Object.assign(drawing, { formWanted: false, isFirst: false });
  const maybeGone = addressed() === null;
  return [
    {
      ...wantedChoice(drawn || wantedName()),
      maybe_gone: maybeGone,
      list_only: !formWanted,
      drawn,
      keeps_going: keepsGoing(),
    },
  ];
}

/**
 * Open the workflow that the user has chosen, unless it is open already.
 * @param {string | null} name
 */
export function chosen(name) {
  if (!name || addressed() === name) return [UNCHANGED];
  say("");
  goTo(`?workflow=${encodeURIComponent(name)}`);
  expectForm();
  drawing.leads = true;
  return [choice(name)];
}

/**
 * Redraw the form, or only the list of workflows, from the current state of the app and the address.
 * @param {boolean} [onlyList]
 */
export function redraw(onlyList = false) {
  drawing.formWanted ||= !onlyList;
  if (!onlyList) expectForm();
  $("#redraw")?.click();
}

/** Redraw the form once the browser has stored the user's choice. Several choices made together cause one redraw. */
export function redrawSoon() {
  expectForm();
  clearTimeout(drawing.soon);
  drawing.soon = window.setTimeout(() => {
    drawing.soon = 0;
    redraw();
  }, 100);
}

/**
 * Draw a collapsed part of a large form.
 * @param {string} id of a section or a group, or of a field to show
 */
export function openPart(id) {
  drawing.opening.push(id);
  redraw();
  return [];
}

/** @param {HTMLElement} place */
export function mountFolds(place) {
  place.addEventListener("click", ({ target }) => {
    const fold = target instanceof Element && target.closest("[data-opens]");
    if (fold instanceof HTMLElement) openPart(fold.dataset.opens ?? "");
  });
}

/**
 * Show the errors of fields in collapsed parts, which have to be drawn first.
 * @param {Readonly<Record<string, string>>} errors by field key
 */
function showErrorsIn(errors) {
  Object.assign(drawing.errors, errors);
  drawing.opening.push(...Object.keys(errors).map(fieldId));
  redraw();
}

/**
 * Show the form of an opened workflow.
 * @param {string} name
 */
export function visit(name) {
  say("");
  drawing.leads = true;
  goTo(`?workflow=${encodeURIComponent(name)}`);
  redraw();
}

/**
 * Offer to undo the next replacement of a form's values.
 * @param {Replacing} what
 * @param {string} [workflow]
 * @param {string} [name] of the preset
 */
export const replacing = (what, workflow = formName(), name = "") =>
  offerUndo({ what, name, workflow, fill: (values) => refill(workflow, values, null) });

/**
 * Store values as if the user had typed them, and redraw the form with them.
 * @param {string} workflow
 * @param {Record<string, unknown>} values
 * @param {Replacing | null} [what] the values come from; the user can undo it. null: from the user
 * @param {string} [name] of the preset
 */
export function refill(workflow, values, what = "values", name = "") {
  if (what) replacing(what, workflow, name);
  say("");
  clearErrors(); // Gradio may keep the elements
  drawing.former = { ...filled.now.values, ...typed(workflow) };
  keepTyped(workflow, values);
  const address = `?workflow=${encodeURIComponent(workflow)}`;
  if (location.search !== address) goTo(address); // values in the address would take precedence
  drawing.filling += 1;
  drawing.values = "given";
  redraw();
}

/**
 * Put values into the current form and keep its other values.
 * @param {Record<string, unknown>} values
 */
export function addValues(values) {
  const name = formName();
  refill(name, { ...typed(name), ...linked(location.search), ...values }, null);
}

/**
 * Show a workflow's form with these values.
 * @param {string} workflow
 * @param {Record<string, unknown>} values
 * @param {Replacing} [what] the values come from
 */
export function visitWith(workflow, values, what) {
  drawing.leads = true;
  refill(workflow, values, what);
}

/**
 * Remember the picture of a template as the example of the workflow that was opened from it.
 * @param {string} workflow
 * @param {string} address
 */
export function keepCover(workflow, address) {
  const covers = Object.entries({ ...read(localStorage, COVERS, {}), [workflow]: address });
  write(localStorage, COVERS, Object.fromEntries(covers.slice(-MOST_COVERS)));
}

/**
 * Record that this page is removing a workflow, so that its form isn't redrawn only to show that it is gone.
 * @param {string} name "" if the removal failed
 */
export function expectGone(name) {
  drawing.gone = name;
}

/** Show the form of the workflow used last, in place of a removed one. */
export function visitLast() {
  say("");
  drawing.leads = true;
  correctAddress(location.pathname);
  redraw();
}

/** Start waiting for a form to be drawn, or stop waiting. */
export function expectForm(expected = true) {
  drawing.since = expected ? performance.now() : 0;
  const isOther = () =>
    drawing.values !== "" || (Boolean(addressed() && formName()) && addressed() !== formName());
  if (expected) awaitForm(isOther);
  else formCame();
}

/** Start waiting for values that the app is asked for, or stop waiting: they won't come. */
export function expectValues(expected = true) {
  drawing.values = expected ? "asked" : "";
  drawing.pressWaits &&= expected;
  expectForm(expected);
}

/** Return whether a form is being drawn that will replace the visible one. */
export const isDrawing = () =>
  drawing.since > 0 && performance.now() - drawing.since < DRAWN_WITHIN;

/** Return whether Generate has to wait for the form that is being drawn, and remember the press. */
export function waitsForForm() {
  drawing.pressWaits = isDrawing();
  return drawing.pressWaits;
}

/** Return the workflow whose form is on the page, "" if no form is. */
export const formName = () => $("#heading [data-workflow]")?.dataset.workflow ?? "";

/**
 * Register a newly drawn form.
 * @param {string} name the workflow's name
 * @param {string} blocked why it can't run, "" if it can
 * @param {boolean} lacks whether nodes or models are missing
 * @param {Record<string, import("./values.js").Rule>} rules of its numbers and seeds, by field key
 * @param {Record<string, unknown>} values the values that it shows
 * @param {Record<string, unknown>} authors the author's values
 * @param {readonly import("../state.js").Idea[]} ideas
 * @param {import("../state.js").Example} cover
 * @param {import("../state.js").Made} makes
 * @param {import("../making/counts.js").ImagesField | null} images
 * @param {Record<string, string>} errors to show on its fields, by field key
 * @param {Record<string, unknown>} held the values that Generate sends before the user changes any
 * @param {readonly string[]} fields ids of the main fields, which Gradio draws after the heading
 */
export async function drawn(
  name,
  blocked,
  lacks,
  rules,
  values,
  authors,
  ideas,
  cover,
  makes,
  images,
  errors,
  held,
  fields,
) {
  if (![null, name].includes(addressed())) {
    if (!isDrawing()) redraw(); // an older answer has replaced the wanted form
    return;
  }
  if (drawing.values === "given") drawing.values = "";
  expectForm(drawing.soon > 0 || drawing.values !== "");
  drawing.gone = "";
  setRules(rules, showErrorsIn);
  counts.set({ images });
  const given = Object.entries(linked(location.search));
  const own = typed(name);
  const { sent, former } = drawing;
  const late = Object.entries(own).filter(([key, one]) => one !== sent[key] && one !== former[key]);
  drawing.former = {};
  if (given.some(([key, value]) => key in own && String(own[key]) !== value))
    replacing("link", name);
  filled.set({ name, values, authors, held, used: countedFrom(held, isSeed) });
  write(localStorage, RECENT, withRecent(read(localStorage, RECENT, []), name, MOST_RECENT));
  const { pathname } = new URL(`${root}/`);
  const options = `path=${pathname}; max-age=31536000; samesite=lax`;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API needs HTTPS
  document.cookie = `comfyforms-last=${encodeURIComponent(name)}; ${options}`; // for the next first view
  // Name the workflow in the address, so that Back returns to it and not to the workflow used last by then.
  if (addressed() === null) {
    const address = new URL(location.href);
    address.searchParams.set("workflow", name);
    history.replaceState({}, "", address);
  }
  const example = cover.url ? cover : { ...cover, url: read(localStorage, COVERS, {})[name] ?? "" };
  setForm({ form: name, blocked, lacks, ideas, cover: example, makes });
  showErrorsSoon(errors);
  lead();
  await fieldsDrawn(fields);
  if (formName() !== name) return;
  leadInto();
  for (const [key, value] of late) retype(key, value);
  page.set({ formless: false });
  endFirstView();
  if (!drawing.pressWaits || isDrawing()) return;
  drawing.pressWaits = false;
  $("#generate")?.click();
}

/** Lead to the part that the user has opened, or to the errors in it. */
async function leadInto() {
  const { opening, errors } = drawing;
  Object.assign(drawing, { opening: [], errors: {} });
  const keys = Object.keys(errors);
  if (!opening.length) return;
  await fieldsDrawn(keys.map(fieldId));
  if (keys.length) showErrors(errors);
  else focusPart(opening[0] ?? "");
}

/**
 * Put back what the user typed while the form was being drawn, which its older values have replaced.
 * @param {string} key
 * @param {unknown} value
 */
function retype(key, value) {
  const field = document.getElementById(fieldId(key));
  const box = field && $("textarea, input[type=number]", field);
  const isText = typeof value === "string" || typeof value === "number";
  if (box && isText) typeInto(/** @type {HTMLTextAreaElement} */ (box), String(value));
}

/**
 * Set the form, and show its own result if it is another workflow's.
 * @param {Partial<PageState> & { form: string }} form
 */
function setForm(form) {
  const now = { ...page.now, ...form };
  const own = page.now.form === now.form ? {} : ownResult(now);
  page.set({ ...form, ...own });
  if ("shown" in own) rememberRuns(); // otherwise the removed run would be back after a reload
  engage();
}

/** Scroll to the top of an opened form, which shows what its server lacks, and focus the title for keyboard users. */
function lead() {
  if (!drawing.leads) return;
  drawing.leads = false;
  page.set({ tab: "form" });
  scrollTo(0, 0);
  const title = $("#heading h1");
  if (!title) return;
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
}

/** Handle a form that couldn't be drawn. @param {boolean} willPass the server is unreachable: try again later */
export function notDrawn(willPass) {
  expectValues(false);
  setForm({ form: addressed() ?? page.now.form, formless: true, ideas: [], cover: NO_EXAMPLE });
  endFirstView();
  lead();
  if (!willPass) return;
  setTimeout(() => {
    if ($("#no-form")) location.reload();
  }, TRY_AGAIN);
}

/**
 * Add a field for a node that accepts many files. Python draws the field because its key is among the values.
 * @param {string} key
 */
export function grow(key) {
  const name = formName();
  keepTyped(name, { ...typed(name), [key]: null });
  redraw();
}

/**
 * Redraw after workflows in the folder have changed: only the list if the form's workflow isn't one of them.
 * @param {readonly string[]} names
 */
export function folderChanged(names) {
  const name = formName();
  const isGoing = drawing.gone !== "" && (name || addressed()) === drawing.gone;
  redraw(isGoing || (name !== "" && !names.includes(name)));
}

/**
 * Store the user's choice.
 * @param {boolean} wish whether runs continue after the page is closed
 */
export function setKeepsGoing(wish) {
  write(localStorage, KEEPS_GOING, wish);
  return [];
}

/**
 * Store a changed field's value, except the author's: a field that the user hasn't changed follows the author and the
 * servers.
 * @param {string} name the workflow's name
 * @param {readonly HeldField[]} fields
 * @param {readonly unknown[]} values
 */
export function keep(name, fields, values) {
  const before = typed(name);
  const now = keptValues(fields, values);
  const authors = filled.now.name === name ? filled.now.authors : {};
  if (filled.now.name === name) {
    const isOther = clearMended(fields, now, filled.now.values);
    // A change of the form dismisses a refusal. If fields have errors, it stays until the last of them is fixed.
    if (isOther && page.now.notice?.phase === "refused" && !$(".has-error")) say("");
    filled.set({
      values: { ...filled.now.values, ...now },
      held: { ...filled.now.held, ...now },
    });
  }
  // The values in the address would override the stored ones on reload, so store them, too.
  const query = new URLSearchParams(location.search);
  const isLinked =
    query.get("workflow") === name && Object.keys(linked(location.search)).length > 0;
  const shown = isLinked && filled.now.name === name ? filled.now.held : {};
  const own = Object.entries({ ...before, ...shown, ...now }).filter(
    ([key, value]) => typeof value === "object" || value !== authors[key],
  );
  keepTyped(name, Object.fromEntries(own));
  if (isLinked) correctAddress(withoutValues(location.search));
  return [];
}

/**
 * Copy a link to the form with its values. Until the user changes something, the values in the address override those
 * typed earlier.
 * @param {string} name
 */
export async function copyLink(name) {
  const link = linkTo(location.href, name, { ...valuesOf(name), ...linked(location.search) });
  const { copyOrTell, showDone } = await import("./copying.js");
  const isCopied = await copyOrTell(message("This couldn't be copied."), link);
  if (isCopied) showDone($("#form-menu .note"), message("Link copied"));
}
