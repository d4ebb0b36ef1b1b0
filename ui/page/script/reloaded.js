// @ts-check
// The page loads itself again, and says why.

import { userName } from "./gradio.js";
import { message } from "./messages.js";
import { say } from "./state.js";
import { RELOADED, read, write } from "./storage.js";

/** @param {{ isPutAside?: boolean }} [why] `isPutAside`: the app no longer knows the form */
export function reload({ isPutAside = false } = {}) {
  write(sessionStorage, RELOADED, { user: userName(), isPutAside });
  location.reload();
}

/** The app knows no form of another person's either: whose page it is comes before all else. */
export function tellReloaded() {
  const { user, isPutAside } = read(sessionStorage, RELOADED, {});
  write(sessionStorage, RELOADED, null);
  if (user === undefined) return;
  const name = userName();
  if (name && user && user !== name)
    say(
      message("This browser is signed in as {name} now.", { name }),
      message("What {other} typed comes back when {other} signs in again.", { other: user }),
    );
  else if (isPutAside)
    say(
      message("This page was closed to make room for others."),
      message("It's back, and your input is still there. Try again."),
    );
}
