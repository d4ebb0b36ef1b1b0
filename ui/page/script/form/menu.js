// @ts-check
// Menu at the end of a form's title: everything that users do with the form as a whole, in words.

import { $, element, root } from "../dom.js";
import { mountEdit, openEditor } from "../editor/open.js";
import { message } from "../messages.js";
import { menuButton } from "../results/pop_menu.js";
import { sentForm } from "../runs/start.js";
import { copyLink, refill } from "./form.js";

/** @import { Entry } from "../results/pop_menu.js" */

const RELOADS = message("Offers model files that were added meanwhile");

/**
 * @param {HTMLElement} place
 * @param {string} name of the workflow
 * @param {boolean} mayEdit
 * @param {boolean} hasLink whether a link to it works for other users
 * @param {readonly { label: string, address: string }[]} links of plugins
 */
export function mountFormMenu(place, name, mayEdit, hasLink, links) {
  const entries = async () => [
    ...entriesFor(name, mayEdit, hasLink),
    ...links.map(({ label, address }) => ({ label, does: () => openTab(address + ownValues()) })),
    ...($("#reset-one")
      ? [{ label: message("Reset"), divides: true, does: () => refill(name, {}, "reset") }]
      : []),
  ];
  const draft = element("span", "draft muted", message("Unsaved changes"));
  place.replaceChildren(
    element("span", "note"),
    draft,
    menuButton("", message("Form actions"), entries, "bare", "more", name),
  );
  if (mayEdit) mountEdit(place, name);
}

/** Return the form's values as the fragment of an address, which browsers don't send to the app. */
const ownValues = () => `#${encodeURIComponent(JSON.stringify(sentForm().values))}`;

/** @param {string} address */
const openTab = (address) => void window.open(root + address, "_blank", "noopener");

/** @param {string} name @param {boolean} mayEdit @param {boolean} hasLink @returns {Entry[]} */
function entriesFor(name, mayEdit, hasLink) {
  const link = { label: message("Copy link to these settings"), does: () => copyLink(name) };
  const openPresets = async () => (await import("../components/preset_menu.js")).openPresets(name);
  const openBell = async () => (await import("../components/bell.js")).openBell();
  return [
    ...(mayEdit ? [{ label: message("Edit form"), does: () => openEditor(name) }] : []),
    { label: message("Save or apply presets…"), does: openPresets },
    ...(hasLink ? [link] : []),
    { label: message("When done…"), does: openBell },
    ...pressing("reload-models", { label: message("Reload models"), title: RELOADS }),
    ...($(".colophon select") ? [{ label: message("Language"), does: showLanguages }] : []),
  ];
}

/** Lead to the language menu in the footer, which is folded below the form. */
function showLanguages() {
  $(".colophon")?.setAttribute("open", "");
  $(".colophon select")?.focus();
}

/**
 * Return the entry for one of the form's hidden buttons, which Gradio listens to, if the form has it.
 * @param {string} id
 * @param {Entry} entry
 * @returns {Entry[]}
 */
function pressing(id, entry) {
  const hidden = () => document.getElementById(id);
  return hidden() ? [{ ...entry, does: () => hidden()?.click() }] : [];
}
