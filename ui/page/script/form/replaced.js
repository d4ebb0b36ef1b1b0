// @ts-check
// Line above Generate that says what has replaced the form's values, with a button that undoes that until the first change
// after a run, and whether a seed in a folded section is fixed, so that the next run isn't unexpectedly the same.

import { $, button, element, tell } from "../dom.js";
import { message } from "../messages.js";
import { fieldId, foldedKeys, isSeed } from "./field_errors.js";
import { filled } from "./filled.js";
import { typed } from "./typed.js";

/** @import { Filled } from "./filled.js" */

/** @typedef {"preset" | "reuse" | "idea" | "reset" | "result" | "prompted" | "text" | "link" | "values" | "image"} Replacing */

const UNDO = message("Undo");
const REDO = message("Redo");
const RANDOM = message("Use random seeds");

/**
 * A replacement that can be undone. `before`: the values to go back to, by field key; `hasRun`: a run has started since.
 * @typedef {{ what: Replacing, name: string, workflow: string, before: Record<string, unknown>, isUndone: boolean,
 *   hasRun: boolean, fill: (values: Record<string, unknown>) => void }} Offer
 */

/** @typedef {(values: Record<string, unknown>) => void} Add puts values into the form */
/** @type {{ offer: Offer | null, line: { place: HTMLElement, text: HTMLElement, does: HTMLElement, draws: HTMLElement, add: Add } | null }} */
const now = { offer: null, line: null };

/**
 * Offer to undo a replacement of values that is about to happen, unless the user has no values in the form yet. The line
 * appears together with the values.
 * @param {Pick<Offer, "what" | "name" | "workflow" | "fill">} replacement `name`: of the preset, or ""
 */
export function offerUndo(replacement) {
  const before = valuesOf(replacement.workflow);
  end();
  if (Object.keys(before).length)
    now.offer = { ...replacement, before, isUndone: false, hasRun: false };
}

/**
 * Return the values of a form, on the page or as the user left it.
 * @param {string} workflow
 * @returns {Record<string, unknown>}
 */
export const valuesOf = (workflow) => ({
  ...(filled.now.name === workflow ? filled.now.values : {}),
  ...typed(workflow),
});

/** Return the line. The page calls this once it is there. @param {Add} add */
export function replacedLine(add) {
  now.line ??= newLine(add);
  if (!now.offer) show(); // the form's sections are drawn late
  return now.line.place;
}

/** @param {Add} add */
function newLine(add) {
  const place = element("div");
  place.id = "replaced";
  place.hidden = true;
  const text = element("span");
  text.role = "status";
  const does = button("", undo, "quiet");
  const draws = button(RANDOM, drawSeeds, "quiet");
  place.append(text, does, draws);
  filled.subscribe(follow);
  return { place, text, does, draws, add };
}

/** Return the keys of the form's fixed seeds. */
const fixedSeeds = () =>
  Object.entries(filled.now.held).flatMap(([key, seed]) =>
    isSeed(key) && isFixed(seed) ? [key] : [],
  );

/** Return the fixed seeds in folded sections, by field key. */
function foldedSeeds() {
  const keys = foldedKeys();
  return fixedSeeds()
    .filter((key) => keys.includes(key))
    .filter((key) => !document.getElementById(fieldId(key))?.checkVisibility());
}

function show() {
  const { offer, line } = now;
  if (!line) return;
  const { place, text, does, draws } = line;
  const seeds = foldedSeeds();
  place.hidden = !offer && !seeds.length;
  does.hidden = !offer;
  draws.hidden = !seeds.length;
  does.textContent = offer?.isUndone ? REDO : UNDO;
  const digits = seeds.map((key) => filled.now.held[key]).join(", ");
  const fixed = digits && message("Seed fixed: {seed}", { seed: digits });
  tell(text, offer && !offer.isUndone ? wordsOf(offer, fixed) : fixed);
}

/** @param {Offer} offer @param {string} fixed says that a folded seed is fixed, or "" */
function wordsOf({ what, name }, fixed) {
  const words = {
    image: message("Image removed."),
    reuse: message("Settings restored."),
    values: message("Settings restored."),
    preset: message("Preset: {name}", { name }),
    idea: message("Idea filled in."),
    reset: message("Author's values restored."),
    result: message("Result added."),
    prompted: message("Result and its prompt added."),
    text: message("Text replaced."),
    link: message("Settings from the link."),
  }[what];
  return `${words}\n${fixed}`.trim();
}

/** @param {unknown} seed such as "7", "+7" if it counts, or "" if it is random */
const isFixed = (seed) => /^\d+$/.test(String(seed ?? ""));

/** Let the next run draw new seeds. */
export function drawSeeds() {
  if (now.offer) now.offer.hasRun = false;
  now.line?.add(Object.fromEntries(fixedSeeds().map((key) => [key, null])));
  $("#generate")?.focus({ preventScroll: true }); // the button disappears
}

function undo() {
  const { offer } = now;
  if (!offer) return;
  const { before } = offer;
  now.offer = {
    ...offer,
    before: valuesOf(offer.workflow),
    isUndone: !offer.isUndone,
    hasRun: false,
  };
  offer.fill(before);
  show();
}

/** Let the next change of the values end the offer. A refused press doesn't. */
export function startedRun() {
  if (now.offer) now.offer.hasRun = true;
}

function end() {
  now.offer = null;
  show();
}

/**
 * End the offer if the user has changed the values since a run, or has left the form.
 * @param {Filled} form
 * @param {Filled} before
 */
function follow({ name, values, authors }, before) {
  const { offer } = now;
  if (!offer) return show();
  const isRedrawn = authors !== before.authors;
  if (isRedrawn && name !== offer.workflow && before.name === offer.workflow) end();
  else if (isRedrawn || !offer.hasRun) {
    if (name === offer.workflow) show();
  } else if (JSON.stringify(values) !== JSON.stringify(before.values)) end();
}
