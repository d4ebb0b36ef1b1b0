// @ts-check
// What the browser keeps for this app.

/** Of these runs this browser has not seen the end. */
export const RUNS = "comfyforms.runs";
/** The end of these runs is what this tab shows. */
export const READ = "comfyforms.read";
/** Before a workflow's name: what was typed into its form, in this tab, and last in any. */
export const VALUES = "comfyforms.values.";
/** The workflows whose forms were shown last, the last one first. */
export const RECENT = "comfyforms.recent";
/** Before a workflow's name: the texts that were sent from its fields. */
export const SENT_TEXTS = "comfyforms.texts.";
/** Before a workflow's name: the runs whose texts were put into its fields. */
export const TEXT_SOURCES = "comfyforms.text_sources.";
/** Before a workflow's name: what was filled in where its values are varied, in this tab. */
export const VARIED = "comfyforms.varied.";
/** The workflows into whose forms something was typed last, the latest first. */
export const TYPED = "comfyforms.typed";
/** Whether runs go on when the page is closed. */
export const KEEPS_GOING = "comfyforms.keeps_going";
/** Whether the person is told when a run has ended that they do not see. */
export const NOTIFIES = "comfyforms.notifies";
/** Whether the page is dark. */
export const SHADE = "comfyforms.shade";
/** Whether the history's tiles are large. */
export const LARGE_TILES = "comfyforms.large_tiles";
/** Whether the rows of a batch are seen as a table or a gallery. */
export const BATCH_VIEW = "comfyforms.batch_view";
/** The batches that have a card in this tab. */
export const BATCHES = "comfyforms.batches";
/** Whether the history lists runs that came to nothing. */
export const FRUITLESS = "comfyforms.fruitless";
/** That the page has loaded itself again, whose it was then, and why. */
export const RELOADED = "comfyforms.reloaded";

/**
 * @param {Storage} store
 * @param {string} key
 * @param {any} otherwise what to take where nothing is kept
 * @returns {any}
 */
export function read(store, key, otherwise) {
  try {
    return JSON.parse(store.getItem(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/**
 * @param {Storage} store
 * @param {string} key
 * @param {unknown} value
 */
export function write(store, key, value) {
  try {
    store.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows keep nothing.
  }
}
