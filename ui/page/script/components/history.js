// @ts-check
// The list of finished runs as a Gradio component (ui/page/run_lists.py): its value holds the runs, its events report the
// chosen run and the search text.

import { $ } from "../dom.js";
import { draggedRun, letDrag } from "../form/dragging.js";
import { History } from "../history/list.js";
import { daysOf } from "../history/past.js";

/** @import { Events, Live } from "../history/list.js" */

/**
 * Interface that Gradio passes to the component.
 * @typedef {Events & { props: { value: any }, watch: (name: string, changed: () => void) => void, viewer: string }} Component
 */

/**
 * Create an empty component in its place.
 * @param {HTMLElement} place
 * @param {Component} component
 * @param {Live | null} [live]
 */
export function historyIn(place, component, live = null) {
  const history = new History(/** @type {HTMLElement} */ ($(".history", place)), component, live);
  letDrag(history.list, draggedRun);
  return history;
}

/**
 * Mount the component with the runs from Python.
 * @param {HTMLElement} place
 * @param {Component} component
 */
export function mount(place, component) {
  const history = historyIn(place, component);
  const tell = () => {
    const runs = component.props.value || [];
    history.show(runs, daysOf(runs));
  };
  component.watch("value", tell);
  tell();
}
