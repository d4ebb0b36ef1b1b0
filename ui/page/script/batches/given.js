// @ts-check
// What Gradio and the app give to batches: the fields of the form that is drawn, and the component that all is in.

import { message } from "../messages.js";

/** @import { Field, GivenFile } from "./spec.js" */

/**
 * What all is drawn in, `place`, as its styles are the component's; `upload` keeps a file with the app; `open` shows
 * the sheet of a batch; closed, it gives the focus back to `opener`, or else to the batch's card.
 * @typedef {{ place: HTMLElement, upload: (file: File) => Promise<Pick<GivenFile, "path" | "url"> | undefined>,
 *   open: (batch: string, opener?: HTMLElement | null) => void }} Component
 */

/**
 * `fields` of the form of `workflow`. `why`: what the app said of the file that is on its way, null while none is.
 * @type {{ fields: readonly Field[], workflow: string, component: Component | null, why: string | null }}
 */
const given = { fields: [], workflow: "", component: null, why: null };

const NOT_KEPT = message("This file couldn't be uploaded.");

/**
 * @param {readonly Field[]} fields of the form that is drawn
 * @param {string} workflow
 */
export function setFields(fields, workflow) {
  Object.assign(given, { fields, workflow });
}

/** The fields that can be varied, as the form has them. */
export const fieldsToVary = () => given.fields;

/** The workflow whose form has them. */
export const variedForm = () => given.workflow;

/** @param {Component} component */
export function setComponent(component) {
  given.component = component;
}

/** Null before the page is there. */
export const theComponent = () => given.component;

/**
 * The app has refused a file.
 * @param {string} why
 * @returns {boolean} whether it was one that is varied
 */
export function refuseVaried(why) {
  if (given.why === null) return false;
  given.why = why;
  return true;
}

/**
 * Keep a file with the app; one after the other, as what is refused is told of none by its name.
 * @param {File} file
 * @returns {Promise<{ kept: GivenFile | null, why: string }>} `why` it is not kept, in a sentence
 */
export async function keepFile(file) {
  given.why = "";
  const told = await given.component?.upload(file).catch(() => undefined);
  const { why } = given;
  given.why = null;
  if (!told?.path) return { kept: null, why: why || NOT_KEPT };
  return { kept: { ...told, orig_name: file.name }, why: "" };
}
