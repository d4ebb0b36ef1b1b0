// @ts-check
// The sign-in page. Its address is the one that was asked for: loading it again leads there.

import { mountLanguages } from "../components/language_menu.js";
import { $, root } from "../dom.js";
import { message } from "../messages.js";

const SILENT = message("The app does not answer. Try again.");
const REFUSED = 400; // a wrong password

const form = /** @type {HTMLFormElement | null} */ ($("#sign-in")); // where there are passwords
const username = /** @type {HTMLInputElement} */ ($("#username"));
const password = /** @type {HTMLInputElement} */ ($("#password"));
const why = /** @type {HTMLElement} */ ($("#why"));
const submit = /** @type {HTMLButtonElement} */ ($("#sign-in button"));

/** @param {Response | null} answer */
async function reasonOf(answer) {
  const told = await answer?.json().catch(() => null);
  return told?.error ?? SILENT;
}

/** @param {SubmitEvent} event */
async function signIn(event) {
  event.preventDefault();
  if (submit.ariaDisabled === "true") return;
  submit.ariaDisabled = "true";
  why.textContent = "";
  const answer = await fetch(`${root}/login`, {
    method: "POST",
    body: new FormData(form ?? undefined),
  }).catch(() => null);
  if (answer?.ok) {
    // Where the form was sent without this script, that is what this address would do again.
    if (location.pathname.endsWith("/login")) location.replace(`${root}/`);
    else location.reload();
    return;
  }
  why.textContent = await reasonOf(answer);
  submit.ariaDisabled = null;
  if (answer?.status !== REFUSED) return;
  password.value = "";
  password.focus();
}

form?.addEventListener("submit", signIn);
mountLanguages(/** @type {Element} */ ($("footer")));
if (form) (username.value ? password : username).focus();
