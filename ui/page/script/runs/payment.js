// @ts-check
// Asks the user before a workflow's first paid run.

import { confirm } from "../confirm.js";
import { message } from "../messages.js";

/** @import { Problem } from "../requests.js" */

const NOT_CONFIRMED = ":payment-not-confirmed";

/**
 * Return whether the app wants to know that the user agrees to pay.
 * @param {Problem | null} problem
 */
export const asksToPay = (problem) => problem?.type?.endsWith(NOT_CONFIRMED) ?? false;

/**
 * Ask the user to pay. The app remembers a yes for the workflow.
 * @param {string} why the nodes and their prices
 * @returns {Promise<boolean>} whether the user agrees
 */
export const agreesToPay = (why) =>
  new Promise((resolve) => {
    const about = [why, message("You are asked once for each workflow.")].join(" ");
    const [yes, no] = [() => resolve(true), () => resolve(false)];
    confirm(message("Use paid credits?"), about, message("Pay and start"), yes, no);
  });
