// @ts-check
// Reloads that the page starts itself, and their explanation afterward.

import { userName } from "./gradio.js";
import { message } from "./messages.js";
import { say } from "./state.js";
import { RELOADED, read, write } from "./storage.js";

/** @param {{ isPutAside?: boolean }} [why] `isPutAside`: the app has dropped the page's form */
export function reload({ isPutAside = false } = {}) {
  write(sessionStorage, RELOADED, { user: userName(), isPutAside });
  location.reload();
}

/** Explain the last reload. A new user takes precedence: the app has no form for the previous user either. */
export function tellReloaded() {
  const { user, isPutAside } = read(sessionStorage, RELOADED, {});
  write(sessionStorage, RELOADED, null);
  if (user === undefined) return;
  const name = userName();
  if (name && user && user !== name)
    say(
      message("This browser is signed in as {name} now.", { name }),
      message("The input of {other} reappears when {other} signs in again.", { other: user }),
    );
  else if (isPutAside)
    say(
      message("This page was closed to make room for others."),
      message("It's back, and your input is still there. Try again."),
    );
}
