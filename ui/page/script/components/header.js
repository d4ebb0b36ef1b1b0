// @ts-check
// The header: what is said of the image server, light and dark.

import { $, announce, tell } from "../dom.js";
import { isDark, setDark } from "../gradio.js";
import { message, plural } from "../messages.js";
import { page } from "../state.js";
import { read, SHADE, write } from "../storage.js";

const BACK = message("ComfyUI is back.");
const BACK_SHOWN = 6000;

/**
 * What is said of the image server: how many wait for it, that it is away, and for a moment that it is back. While the
 * app itself is away nobody knows any of it.
 * @param {HTMLElement} place
 */
export function mountServer(place) {
  const state = $(".server-state", place);
  const waits = $(".waiting", place);
  const server = $("#server");
  if (!state || !waits || !server) return;
  let forgetting = 0;
  let told = "";
  page.subscribe((now) => {
    server.classList.toggle("unknown", Boolean(now.away));
    const count = now.away ? 0 : now.waiting;
    const words = plural("{count} waiting", "{count} waiting", { count });
    const demo = $(".demo-mark")?.textContent;
    tell(waits, count ? (demo ? `${demo} · ${words}` : `${words} ·`) : "");
    // What waits is told beside that, too: whoever presses Generate sees that it was heard.
    if (now.serverAway) tell(state, count ? `${now.serverAway} · ${words}` : now.serverAway);
    if (now.serverAway === told) return;
    told = now.serverAway;
    clearTimeout(forgetting);
    if (!now.serverAway) state.textContent = BACK;
    if (!place.checkVisibility()) announce(state.textContent); // folded away
    server.classList.toggle("away", Boolean(now.serverAway));
    if (now.serverAway) return;
    forgetting = window.setTimeout(() => {
      state.textContent = "";
    }, BACK_SHOWN);
  });
}

/**
 * The button that unfolds the rest of the header on a phone.
 * @param {HTMLElement} place
 */
export function mountMenu(place) {
  const opener = $("button", place);
  opener?.addEventListener("click", () => {
    opener.ariaExpanded = String($("#topbar")?.classList.toggle("unfolded"));
  });
}

/** @param {HTMLElement} place */
export function mountShade(place) {
  const dark = read(localStorage, SHADE, null);
  if (dark !== null) setDark(dark);
  $("button", place)?.addEventListener("click", () => {
    const wish = !isDark();
    setDark(wish);
    write(localStorage, SHADE, wish);
  });
}
