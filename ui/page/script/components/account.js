// @ts-check
// Name of the signed-in user in the header, with a menu. On a phone, its entries are in the header's menu.

import { $, button, element, root, tell } from "../dom.js";
import { userName } from "../gradio.js";
import { message } from "../messages.js";
import { ask } from "../requests.js";
import { page } from "../state.js";
import { themeWords } from "./header.js";

const GAP = 6; // pixels
const MARGIN = 8;

/**
 * Sign out. The app notifies every tab of this browser, which then shows the sign-in page.
 * @param {string} [where] "/everywhere" signs out all browsers
 */
async function signOut(where = "") {
  page.set({ signingOut: true }); // unlike other tabs, don't go to the sign-in page first
  /** @type {{ next?: string } | null} */
  const told = await ask(`/logout${where}`);
  // The identity provider's own sign-out page.
  if (told?.next) location.assign(told.next);
  else if (told) location.reload();
  else page.set({ signingOut: false });
}

/** @param {string} address @param {string} text */
function link(address, text) {
  const made = element("a", "choice", text);
  made.href = address;
  return made;
}

/** @param {HTMLElement} place */
export function mountAccount(place) {
  const opener = /** @type {HTMLButtonElement | null} */ ($("button", place));
  const name = $(".name", place);
  if (!opener || !name) return;
  name.textContent = userName();
  const menu = element("div", "account-menu");
  menu.popover = "auto";
  const operator = link(`${root}/operator`, message("Administration"));
  const signsOut = [
    button(message("Sign out"), () => signOut(), "choice divides"),
    button(message("Sign out everywhere"), () => signOut("/everywhere"), "choice"),
  ];
  signsOut.forEach((one, at) => {
    one.dataset.ends = at ? "/logout/everywhere" : "/logout";
  });
  const switchTheme = () => {
    $("#shade button")?.click();
    tell(look, themeWords());
  };
  const look = button("", switchTheme, "choice look");
  const openBell = async () => (await import("./bell.js")).openBell();
  menu.append(
    element("p", "", message("Signed in as {name}", { name: userName() })),
    element("p", "storage"),
    link(`${root}/account`, message("Your account")),
    operator,
    button(message("When done…"), openBell, "choice divides"),
    look,
    ...signsOut,
  );
  place.append(menu);
  opener.title = userName();
  opener.popoverTargetElement = menu;
  const prepare = async (/** @type {Event} */ event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "open") return;
    tell(look, themeWords());
    operator.hidden = !$("#operates"); // Python draws it only for administrators
    for (const one of signsOut) one.hidden = !$("#signs-out"); // drawn only if signing out has an effect
    const { bottom, right } = opener.getBoundingClientRect();
    const most = innerWidth - menu.offsetWidth - MARGIN;
    const left = Math.max(MARGIN, Math.min(right - menu.offsetWidth, most));
    Object.assign(menu.style, { top: `${bottom + GAP}px`, left: `${left}px` });
    const { storageLine } = await import("../history/expiry.js");
    $(".storage", menu)?.replaceWith(storageLine());
  };
  menu.addEventListener("toggle", prepare);
  $("#header-list")?.addEventListener("toggle", prepare);
}
