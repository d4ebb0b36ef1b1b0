// @ts-check
// Entries of the menu of a result.

import { $, all, root } from "../dom.js";
import { copyOrTell } from "../form/copying.js";
import { message } from "../messages.js";
import { API, ask } from "../requests.js";
import { captionOf } from "../runs/results.js";
import { say } from "../state.js";
import { removeRun, reuseEntry, sayDone, UNMARK, zipOf } from "./actions.js";
import { canCopyImages, copyImage } from "./copy_image.js";
import { resultActions, runAction } from "./result_actions.js";

/** What can be copied of a caption. @type {Record<string, string>} */
const COPIES = { prompt: message("Copy prompt"), seed: message("Copy seed") };

/** @import { Entry } from "../results/pop_menu.js" */
/** @import { Item } from "../runs/results.js" */
/** @import { ActedOn } from "./actions.js" */
/** @import { ResultAction } from "./result_actions.js" */

/**
 * Return the entries.
 * @param {ActedOn} on
 * @param {readonly Entry[]} again ways to run again
 * @returns {Entry[]}
 */
export function moreFor({ view, item, isAll, compare, beside, twin }, again) {
  const { id, page: stage } = view;
  /** @type {Entry[]} */
  const more = all("#stage .actions button:not([role])")
    .filter((one) => !one.checkVisibility({ visibilityProperty: true })) // on a phone
    .map((one) => ({
      label: one.ariaPressed === "true" ? UNMARK : (one.ariaLabel ?? one.textContent ?? ""),
      does: () => one.click(),
    }));
  const isInRow = $("#stage .actions [data-icon=reuse]");
  if ((item || isAll) && !stage.form_gone && !isInRow) more.push(reuseEntry(view));
  if (compare) more.push({ label: message("Compare"), does: compare });
  if (beside && (item || isAll)) more.push(beside);
  if (item?.kind === "image" && item.url && canCopyImages())
    more.push({ label: message("Copy image"), does: () => copy(item) });
  for (const { part, copied } of captionOf(view, null))
    if (COPIES[part] && copied) more.push({ label: COPIES[part], does: () => copyWords(copied) });
  if (item?.kind === "image" && item.at >= 0 && item.name.endsWith(".png"))
    more.push({ label: message("Download for Civitai or A1111"), href: a1111(id, item) });
  if (twin) more.push(twin);
  if (item && stage.files.length > 1)
    more.push({ label: message("Download all"), href: zipOf(view) });
  more.push(...again);
  for (const action of item ? resultActions(item) : [])
    more.push({ label: action.label, does: () => item && act(action, item) });
  if ($("#operates") && !$("#demo"))
    more.push({ label: message("Open in ComfyUI"), does: () => edit(id) });
  const remove = (/** @type {boolean} */ byPointer) => removeRun(id, byPointer);
  const count = twin ? 1 : stage.files.length;
  const label = count > 1 ? message("Delete all {count}", { count }) : message("Delete");
  more.push({ label, does: (press) => remove(press.detail > 0), isBad: true });
  return more;
}

/** @param {string} run @param {Item} item @returns the address of the image for model sites */
const a1111 = (run, { at, name }) => `${root}/files/${run}/${at}/a1111/${encodeURIComponent(name)}`;

/**
 * Open a run in the editor of its ComfyUI server.
 * @param {string} run
 */
async function edit(run) {
  const tab = window.open("", "_blank"); // now, while the click still allows a new tab
  /** @type {{ url: string, name: string } | null} */
  const saved = await ask(`${API}/admin/runs/${run}/editor`);
  if (!saved) return tab?.close();
  if (tab) Object.assign(tab, { opener: null }).location.href = saved.url;
  say(message("Saved in ComfyUI's Workflows sidebar: {name}", { name: saved.name }), "", "");
}

/** @param {Item} item */
async function copy(item) {
  if (await copyImage(item.url)) sayDone(message("Copied"));
}

/** @param {string} words */
async function copyWords(words) {
  if (await copyOrTell(message("This couldn't be copied."), words)) sayDone(message("Copied"));
}

/** @param {ResultAction} action @param {Item} item */
async function act(action, item) {
  const words = await runAction(action, item);
  if (words) sayDone(words);
}
