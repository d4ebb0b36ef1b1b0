// @ts-check
// The lists of workflows on the main page, with recently used ones, thumbnails, and marks on those that can't run: the
// chooser in the header, and the start page.

import { Chooser } from "../components/chooser.js";
import { $ } from "../dom.js";
import { message } from "../messages.js";
import { API, get } from "../requests.js";
import { StartPage } from "../start_page/start_page.js";
import { RECENT, read } from "../storage.js";
import { mayStart, openTemplates } from "../templates/open.js";
import { addressed, notDrawn } from "./form.js";

/** @import { WorkflowsDoc } from "../documents.js" */
/** @import { Choice } from "./choices.js" */

const BLOCKED = message("Can't run here");
const FROM_TEMPLATE = message("Start from a template…");

const recent = () => read(localStorage, RECENT, /** @type {string[]} */ ([]));

/**
 * Set up the component (ui/page/workflow_chooser.py). Thumbnails and notes are requested only when a list is shown, because the app may have to build
 * all forms for them.
 * @param {HTMLElement} place
 * @param {{ props: { value: any }, watch: (name: string, changed: () => void) => void,
 *   select: (what: object) => void }} component its value: the choices and the open workflow; then the chosen one
 */
export function mount(place, component) {
  let isOffered = false;
  const chooser = new Chooser(
    /** @type {HTMLElement} */ ($(".chooser", place)),
    async () => {
      if (!isOffered && mayStart()) {
        isOffered = true;
        chooser.offer(FROM_TEMPLATE, openTemplates);
      }
      chooser.recent = recent();
      const more = await readPages();
      if (more) chooser.tell(more);
    },
    (name) => {
      component.props.value = name;
      component.select({});
    },
  );
  const start = new StartPage((name) => {
    start.hide();
    chooser.choose(name);
  });
  const tell = async () => {
    if (!component.props.value?.choices) return;
    /** @type {{ choices: readonly Choice[], name: string | null }} */
    const { choices, name } = component.props.value;
    chooser.show(choices, name ?? "");
    if (name || !choices.length || addressed() !== null) return start.hide();
    notDrawn(false);
    start.show(choices, recent());
    const more = await readPages();
    if (more && start.isShown) start.show(choices.map(more), recent());
  };
  component.watch("value", tell);
  tell();
}

/** Return a function that adds thumbnails and notes to choices; null if the app doesn't answer. */
async function readPages() {
  /** @type {WorkflowsDoc | null} */
  const known = await get(`${API}/workflows?with_page=true`);
  if (!known) return null;
  const pages = new Map(known.workflows.map(({ name, page }) => [name, page]));
  return (/** @type {Choice} */ choice) => ({
    ...choice,
    thumb: pages.get(choice.name)?.thumb ?? "",
    note: pages.get(choice.name)?.blocked ? BLOCKED : "",
  });
}
