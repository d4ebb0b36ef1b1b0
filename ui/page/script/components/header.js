// @ts-check
// Header: state of the ComfyUI server, phone menu, light and dark theme.

import { $, all, announce, closeButton, tell } from "../dom.js";
import { isDark, setDark } from "../gradio.js";
import { message, plural } from "../messages.js";
import { walkChoices } from "../results/pop_menu.js";
import { FirstLetters } from "../stage/first_letters.js";
import { page } from "../state.js";
import { CLOSED_BRAND_NOTICE, read, SHADE, write } from "../storage.js";

const BACK = message("ComfyUI is back.");
const PAUSED = message("Paused by the administrator");
const BACK_SHOWN = 6000;
const GAP = 6; // pixels between the menu and its button

/**
 * Show the number of waiting runs, how many of several ComfyUI servers take runs, whether ComfyUI can't be reached or is
 * paused, and briefly that it is back. All of this is unknown while the page can't reach the app.
 * @param {HTMLElement} place
 */
export function mountServer(place) {
  const state = $(".server-state", place);
  const waits = $(".waiting", place);
  const server = $("#server");
  const name = $(".server-name", place); // the demo has none
  if (!state || !waits || !server) return;
  const named = name?.textContent ?? "";
  let forgetting = 0;
  let told = "";
  page.subscribe((now) => {
    server.classList.toggle("unknown", Boolean(now.away));
    const count = now.away ? 0 : now.waiting;
    const words = plural("{count} waiting", "{count} waiting", { count });
    tell(waits, count ? (name ? `${words} ·` : words) : "");
    // Add the number of waiting runs, so that the user sees that Generate had an effect.
    const { count: all, available } = now.servers;
    const some = message("{available} of {count} servers available", { count: all, available });
    if (name) tell(name, available < all && all > 1 ? some : named);
    const stopped = now.serverAway || (now.paused ? PAUSED : "");
    if (stopped) tell(state, count ? `${stopped} · ${words}` : stopped);
    if (stopped === told) return;
    const wasPaused = told === PAUSED;
    told = stopped;
    clearTimeout(forgetting);
    if (!stopped) state.textContent = wasPaused ? "" : BACK;
    if (!place.checkVisibility()) announce(state.textContent ?? ""); // hidden in the phone menu
    server.classList.toggle("away", Boolean(stopped));
    if (stopped) return;
    forgetting = window.setTimeout(() => {
      state.textContent = "";
    }, BACK_SHOWN);
  });
}

/**
 * Mount the button that opens the rest of the header as a menu on a phone.
 * @param {HTMLElement} place
 */
export function mountMenu(place) {
  const opener = /** @type {HTMLButtonElement | null} */ ($("button", place));
  const menu = $("#header-list");
  if (!opener || !menu) return;
  menu.popover = "auto";
  opener.popoverTargetElement = menu;
  menu.addEventListener("beforetoggle", (event) => {
    opener.ariaExpanded = String(/** @type {ToggleEvent} */ (event).newState === "open");
    menu.style.setProperty("--below", `${opener.getBoundingClientRect().bottom + GAP}px`);
  });
  const top = (/** @type {Element} */ one) => one.getBoundingClientRect().top;
  const choices = () =>
    all("a, button, summary, select", menu)
      .filter((one) => one.checkVisibility())
      .sort((one, other) => top(one) - top(other)); // the styles order them
  menu.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "open") return;
    choices()
      .find((one) => one.localName !== "summary")
      ?.focus();
  });
  const letters = new FirstLetters();
  menu.addEventListener("keydown", (event) => {
    if (opener.checkVisibility() && !$("select:focus", menu))
      walkChoices(event, choices(), letters);
  });
  // A wide window shows the items in the header.
  matchMedia("(max-width: 600px)").addEventListener("change", () => menu.hidePopover());
}

/**
 * Let the user close the brand's notice until its text changes. The first view reads the same key.
 * @param {HTMLElement} place
 */
export function mountBrandNotice(place) {
  const text = place.textContent?.trim() ?? "";
  const hide = () => $("#brand-notice")?.setAttribute("hidden", "");
  const dismiss = () => {
    write(localStorage, CLOSED_BRAND_NOTICE, text);
    hide();
  };
  if (read(localStorage, CLOSED_BRAND_NOTICE, "") === text) hide();
  const line = $("p", place);
  line?.classList.add("in-line", "apart");
  line?.append(closeButton(dismiss, "bare", message("Dismiss")));
}

/** Return the name of the theme that the user can switch to. */
export const themeWords = () => (isDark() ? message("Light theme") : message("Dark theme"));

/** @param {HTMLElement} place */
export function mountShade(place) {
  const dark = read(localStorage, SHADE, null);
  if (dark !== null) setDark(dark);
  const control = $("button", place);
  const words = $("span", place);
  if (!control || !words) return;
  const name = () => {
    control.ariaLabel = themeWords();
    tell(words, control.ariaLabel);
  };
  name();
  control.addEventListener("click", () => {
    const wish = !isDark();
    setDark(wish);
    write(localStorage, SHADE, wish);
    name();
  });
}
