// @ts-check
// What a batch would be, and starting it: the form's values go to the app as they do with Generate, with what is to be varied beside them.

import { $ } from "../dom.js";
import { clearErrors, settleNumbers } from "../form/field_errors.js";
import { isDrawing } from "../form/form.js";
import { keepSentTexts } from "../form/sent_texts.js";
import { message } from "../messages.js";
import { json, request } from "../requests.js";
import { textSources } from "../stage/text_sources.js";
import { page } from "../state.js";

/** @import { Check, Spec } from "../batches/spec.js" */

/**
 * What Python says: the id of the batch, or why there is none.
 * @typedef {{ batch: string, problems: string[] }} Answer
 */

const SILENT = message("Can't reach ComfyForms. Try again.");
const NOT_STARTED = message("Something went wrong. Try again.");

/** `tell` whoever waits for it. @type {{ spec: Spec | null, tell: ((answer: Answer) => void) | null }} */
const starting = { spec: null, tell: null };

/**
 * What a batch would be; `why` that cannot be told, "" where it can.
 * @param {{ workflow: string, spec: Spec, values: Record<string, string> }} batch
 * @returns {Promise<{ check: Check | null, why: string }>}
 */
export async function checked(batch) {
  const { told, why, hint } = await request("/batches/check", json(batch));
  return { check: told, why: [why, hint].filter(Boolean).join(" ") };
}

/**
 * @param {Spec} spec
 * @returns {Promise<Answer>}
 */
export async function start(spec) {
  if (isDrawing()) return { batch: "", problems: [NOT_STARTED] };
  settleNumbers();
  keepSentTexts();
  clearErrors();
  return new Promise((resolve) => {
    const end = page.subscribe(({ away }) => {
      if (away) batchAnswered({ batch: "", problems: [SILENT] });
    });
    const tell = (/** @type {Answer} */ answer) => {
      end();
      resolve(answer);
    };
    Object.assign(starting, { spec, tell });
    $("#start-batch")?.click();
  });
}

/**
 * The inputs of the call.
 * @param {readonly unknown[]} values of all components, what is varied first
 */
export const withSpec = ([, ...values]) => [
  { spec: starting.spec, text_sources: textSources() },
  ...values,
];

/** @param {Answer | null} answer */
export function batchAnswered(answer) {
  const { tell } = starting;
  Object.assign(starting, { spec: null, tell: null });
  tell?.(answer ?? { batch: "", problems: [NOT_STARTED] });
  return [];
}

/**
 * The call itself was refused.
 * @param {string} why
 * @returns {boolean} whether it was one that starts a batch
 */
export function refuseStart(why) {
  if (!starting.tell) return false;
  batchAnswered({ batch: "", problems: [why || NOT_STARTED] });
  return true;
}
