// @ts-check
// Sign-in page. It is shown at the requested URL, so reloading after the sign-in opens that page.

import { mountLanguages } from "../components/language_menu.js";
import { $, root } from "../dom.js";
import { message } from "../messages.js";

const SILENT = [message("Can't reach ComfyForms."), message("Try again.")].join(" ");
const WORKING = message("Signing in…");
const REFUSED = 400; // a wrong password

const form = /** @type {HTMLFormElement | null} */ ($("#sign-in")); // null if the app has no password sign-in
const username = /** @type {HTMLInputElement} */ ($("#username"));
const password = /** @type {HTMLInputElement} */ ($("#password"));
const why = /** @type {HTMLElement} */ ($("#why"));
const elsewhere = /** @type {HTMLAnchorElement | null} */ ($("#openid"));
const submit = /** @type {HTMLButtonElement} */ ($("#sign-in [type=submit]"));
const reveal = /** @type {HTMLButtonElement | null} */ ($("#reveal"));
const called = submit?.textContent ?? "";
const here = location.href.slice(root.length);
// Reloading such an address would repeat the provider's callback or the form submission.
const isOfSignIn = here.startsWith("/login");

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
  submit.textContent = WORKING;
  why.textContent = "";
  const answer = await fetch(`${root}/login`, {
    method: "POST",
    body: new FormData(form ?? undefined),
  }).catch(() => null);
  if (answer?.ok) {
    if (isOfSignIn) location.replace(`${root}/`);
    else location.reload();
    return;
  }
  why.textContent = await reasonOf(answer);
  submit.ariaDisabled = null;
  submit.textContent = called;
  if (answer?.status !== REFUSED) return;
  password.value = "";
  password.focus();
}

if (elsewhere) {
  if (!isOfSignIn) elsewhere.search = `${new URLSearchParams({ to: here })}`;
  // Identity providers refuse to load in a frame, such as in a Hugging Face Space.
  if (window.top !== window) elsewhere.target = "_blank";
}
form?.addEventListener("submit", signIn);
reveal?.removeAttribute("hidden");
reveal?.addEventListener("click", () => {
  const isShown = password.type === "text";
  password.type = isShown ? "password" : "text";
  reveal.ariaPressed = String(!isShown);
});
mountLanguages(/** @type {Element} */ ($("header")));
// In a frame, the focus would scroll the page around it.
if (form && window.top === window) (username.value ? password : username).focus();
