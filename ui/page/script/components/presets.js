// @ts-check
// Button below a form that opens its menu of presets.

import { element } from "../dom.js";
import { message } from "../messages.js";

/** @param {HTMLElement} place @param {string} workflow */
export function mountPresets(place, workflow) {
  const body = element("div", "body");
  const summary = element("summary", "bare", message("Presets"));
  summary.dataset.icon = "bookmark";
  const opener = element("details", "", summary);
  body.hidden = true;
  /** @type {import("./preset_menu.js").PresetMenu | null} */
  let menu = null;
  opener.addEventListener("toggle", async () => {
    body.hidden = true;
    if (!opener.open) return;
    const { PresetMenu } = await import("./preset_menu.js");
    menu ??= new PresetMenu(body, workflow);
    body.hidden = !opener.open;
    await menu.open();
    body.scrollIntoView({ block: "nearest" });
  });
  const tools = place.closest("#tools"); // which show icons only
  tools?.addEventListener("pointerover", ({ target }) => {
    const tool = target instanceof Element ? target.closest(".bare") : null;
    tool?.setAttribute("title", tool.textContent?.trim() ?? "");
  });
  place.classList.add("menu");
  place.replaceChildren(opener, body);
}
