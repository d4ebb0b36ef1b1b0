// @ts-check
// Texts about batches. Pure.

import { labeled, message } from "../messages.js";

/** @import { BatchDoc } from "../documents.js" */
/** @import { BatchRow } from "./rows.js" */

const NUMBER = /^-?[\d.,]+(e[+-]?\d+)?$/; // a number without a label means nothing

/** @type {Readonly<Partial<Record<BatchDoc["state"], string>>>} */
const STATES = {
  paused: message("Paused"),
  stopped: message("Stopped"),
};

/**
 * The batch's state and progress, such as "Paused: 3 of 9 done, 1 failed" or "9 of 9 done".
 * @param {Pick<BatchDoc, "state" | "done" | "failed" | "rows">} batch
 */
export function progressWords({ state, done, failed, rows }) {
  const value = failed
    ? message("{done} of {count} done, {failed} failed", { done, count: rows, failed })
    : message("{done} of {count} done", { done, count: rows });
  const name = STATES[state];
  return name ? labeled(name, value) : value;
}

/**
 * Return why a batch makes no progress: its own reason, or the ComfyUI server’s while it is running.
 * @param {Pick<BatchDoc, "state" | "why">} batch
 * @param {string} serverAway
 */
export const whyWords = ({ state, why }, serverAway) =>
  why || (state === "running" ? serverAway : "");

/**
 * Return a batch's title: its workflow, and the varied field with its first values, or the fields if there are several.
 * @param {Pick<BatchDoc, "title" | "varied" | "first_values">} batch
 */
export function titleWords({ title, varied, first_values: values }) {
  const [label = "", ...others] = varied;
  const one = [label, values[0]].filter(Boolean).join(" ");
  return joined([title, others.length ? varied.join(" × ") : one].filter(Boolean));
}

/** @param {BatchRow["state"]} state */
export function stateWords(state) {
  switch (state) {
    case "waiting":
      return message("Waiting");
    case "running":
      return message("Running");
    case "done":
      return message("Done");
    case "failed":
      return message("Failed");
    case "stopped":
      return message("Stopped");
  }
}

/** @param {Pick<BatchDoc, "done" | "failed" | "rows">} batch */
export const fractionOfBatch = ({ done, failed, rows }) => (rows ? (done + failed) / rows : 0);

/**
 * Return what distinguishes a result from others of its batch: the row's own values in column order, except those that
 * are empty or as in the form, or its number.
 * @param {Pick<BatchRow, "number"> & { page: Pick<BatchRow["page"], "cells" | "unset"> }} row
 * @param {readonly string[]} labels the columns' labels
 */
export function captionLines({ number, page: { cells, unset } }, labels) {
  const words = cells.map((value, at) => (NUMBER.test(value) ? `${labels[at]} ${value}` : value));
  const own = words.filter((_, at) => cells[at]?.trim() && !unset.includes(at));
  return own.length ? own : [message("Row {number}", { number })];
}

/** Join texts. The no-break space keeps the dot from starting a line. @param {readonly string[]} texts */
export const joined = (texts) => texts.join("\u00a0· ");
