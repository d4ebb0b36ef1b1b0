// @ts-check
// Checking and starting a batch: API requests with the form's values and the values that vary.

import { clearErrors, settleNumbers } from "../form/field_errors.js";
import { isDrawing } from "../form/form.js";
import { keepSentTexts } from "../form/sent_texts.js";
import { message } from "../messages.js";
import { json, request } from "../requests.js";
import { agreesToPay, asksToPay } from "../runs/payment.js";
import { apiOf, sentForm } from "../runs/start.js";

/** @import { Spec } from "../batches/spec.js" */
/** @import { BatchCheckDoc } from "../documents.js" */

/**
 * The batch's id, or the reasons why it wasn't started.
 * @typedef {{ batch: string, problems: string[] }} Answer
 */

const NOT_STARTED = [message("Something went wrong."), message("Try again.")].join(" ");

/**
 * Ask the app to check a batch. `why`: the error message if the check failed, otherwise "". `isSilent`:
 * the app didn't answer.
 * @param {{ workflow: string, spec: Spec, values: Record<string, string> }} batch
 * @returns {Promise<{ check: BatchCheckDoc | null, why: string, isSilent: boolean }>}
 */
export async function checked({ workflow, spec, values }) {
  const address = apiOf(workflow, "batches/check");
  const { told, why, hint, isSilent } = await request(address, json({ ...spec, values }));
  return { check: told, why: [why, hint].filter(Boolean).join(" "), isSilent };
}

/**
 * Start a batch with the form's values.
 * @param {string} workflow
 * @param {Spec} spec
 * @returns {Promise<Answer>}
 */
export async function start(workflow, spec) {
  if (isDrawing()) return { batch: "", problems: [NOT_STARTED] };
  settleNumbers();
  keepSentTexts();
  clearErrors();
  const body = { ...spec, ...sentForm(), watched: true };
  const address = apiOf(workflow, "batches");
  let answer = await request(address, json(body));
  if (asksToPay(answer.problem)) {
    if (!(await agreesToPay(answer.why))) return { batch: "", problems: [] };
    answer = await request(address, json({ ...body, confirm_paid: true }));
  }
  const { told, problem, why, hint } = answer;
  if (told) return { batch: told.id, problems: [] };
  const sentences = problem?.problems?.map(({ sentence }) => sentence) ?? [];
  return { batch: "", problems: sentences.length ? sentences : [`${why} ${hint}`.trim()] };
}
