// @ts-check
// What Gradio and the app provide for batches: the fields of the current form, and the component that contains the UI.

import { message } from "../messages.js";

/** @import { Field, GivenFile } from "./spec.js" */

/**
 * `place`: the element to draw in, so that the component's styles apply. `upload`: uploads a file to the app. `open`:
 * shows the sheet of a batch; when it closes, `opener` or the batch's card gets the focus back.
 * @typedef {{ place: HTMLElement, upload: (file: File) => Promise<Pick<GivenFile, "path" | "url"> | undefined>,
 *   open: (batch: string, opener?: HTMLElement | null) => void }} Component
 */

/**
 * `fields`: of the form of `workflow`. `why`: why the app refused the file being uploaded, or ""; null between uploads.
 * @type {{ fields: readonly Field[], workflow: string, component: Component | null, why: string | null }}
 */
const given = { fields: [], workflow: "", component: null, why: null };

const NOT_KEPT = message("This file couldn't be uploaded.");

/**
 * @param {readonly (Omit<Field, "choices"> & { choices: number })[]} fields the current form's fields that can be varied
 * @param {readonly Field["choices"][]} lists their lists of choices
 * @param {string} workflow
 */
export function setFields(fields, lists, workflow) {
  const all = fields.map((field) => ({ ...field, choices: lists[field.choices] ?? [] }));
  Object.assign(given, { fields: all, workflow });
}

/** Return the fields that can be varied, in the form's order. */
export const fieldsToVary = () => given.fields;

/** Return the workflow whose form has these fields. */
export const variedForm = () => given.workflow;

/** @param {Component} component */
export function setComponent(component) {
  given.component = component;
}

/** Return the component, or null while the page is loading. */
export const theComponent = () => given.component;

/**
 * Record that the app has refused a file.
 * @param {string} why
 * @returns {boolean} whether the file was uploaded by `keepFile`
 */
export function refuseVaried(why) {
  if (given.why === null) return false;
  given.why = why;
  return true;
}

/**
 * Upload a file to the app. Upload one file at a time, because a refusal doesn't name its file.
 * @param {File} file
 * @returns {Promise<{ kept: GivenFile | null, why: string }>} `why`: the reason if the upload failed
 */
export async function keepFile(file) {
  given.why = "";
  const told = await given.component?.upload(file).catch(() => undefined);
  const { why } = given;
  given.why = null;
  if (!told?.path) return { kept: null, why: why || NOT_KEPT };
  return { kept: { ...told, orig_name: file.name }, why: "" };
}
