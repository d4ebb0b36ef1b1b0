// @ts-check
// Keys of the app's data in the browser's storage, with functions to read and write it.

/** Runs whose end this browser hasn't shown. */
export const RUNS = "comfyforms.runs";
/** Runs whose end this tab shows. */
export const READ = "comfyforms.read";
/** Prefix of a workflow's name: the input in its form, per tab and the latest of all tabs. */
export const VALUES = "comfyforms.values.";
/** Workflows whose forms were shown recently, latest first. */
export const RECENT = "comfyforms.recent";
/** Addresses of the templates' pictures, by the workflow that was opened from each, latest last. */
export const COVERS = "comfyforms.covers";
/** Models that were used recently, latest first, by folder. */
export const RECENT_MODELS = "comfyforms.recent_models";
/** Models that the user marked, latest first, by folder. */
export const FAVOURITE_MODELS = "comfyforms.favourite_models";
/** Prefix of a workflow's name: the texts sent from its fields. */
export const SENT_TEXTS = "comfyforms.texts.";
/** Prefix of a workflow's name: the runs whose texts the user has put into its fields. */
export const TEXT_SOURCES = "comfyforms.text_sources.";
/** Prefix of a workflow's name: the prompt that came with a result. The next result's prompt may replace it. */
export const BROUGHT = "comfyforms.brought.";
/** Prefix of a workflow's name: the input in its Vary dialog, per tab. */
export const VARIED = "comfyforms.varied.";
/** Workflows whose forms the user has filled in recently, latest first. */
export const TYPED = "comfyforms.typed";
/** Presses of Generate that the app hasn't answered, per tab. */
export const PRESSES = "comfyforms.presses";
/** Prefix of a workflow's name: unsaved changes of its form. */
export const EDITED = "comfyforms.edited.";
/** Workflow whose form is being edited in this tab. */
export const EDITING = "comfyforms.editing";
/** Whether runs continue when the user closes the page. */
export const KEEPS_GOING = "comfyforms.keeps_going";
/** Whether to notify the user when a run ends while the page is hidden. */
export const NOTIFIES = "comfyforms.notifies";
/** Whether the page has offered to tell the user when a run ends. */
export const BELL_OFFERED = "comfyforms.bell_offered";
/** Whether to play a sound when a run ends. */
export const SOUNDS = "comfyforms.sounds";
/** Whether the page uses the dark theme. */
export const SHADE = "comfyforms.shade";
/** Whether the history shows its search, filters and selection. */
export const FINDS = "comfyforms.finds";
/** Whether the history's tiles are large. */
export const LARGE_TILES = "comfyforms.large_tiles";
/** Address of the form whose result this tab showed last in one column, null if it showed the form. */
export const AT_RESULT = "comfyforms.at_result";
/** The date up to which the user has read about expiring results, in seconds since 1970. */
export const EXPIRY_READ = "comfyforms.expiry_read";
/** Whether a batch is shown as a table, a gallery or a grid. */
export const BATCH_VIEW = "comfyforms.batch_view";
/** Batches with a card in this tab. */
export const BATCHES = "comfyforms.batches";
/** Whether the history lists stopped and failed runs. */
export const FRUITLESS = "comfyforms.fruitless";
/** Whether the user has turned a 3D model. */
export const TURNED = "comfyforms.turned";
/** Id of the administrator's notice that the user has closed. */
export const CLOSED_NOTICE = "comfyforms.closed_notice";
/** Text of the brand's notice that the user has closed. */
export const CLOSED_BRAND_NOTICE = "comfyforms.closed_brand_notice";
/** Reason for the page's last reload, and its user at the time. */
export const RELOADED = "comfyforms.reloaded";
/** The file that this tab is uploading, and its field. */
export const UPLOADING = "comfyforms.uploading";

/**
 * @param {Storage} store
 * @param {string} key
 * @param {any} otherwise default value
 * @returns {any}
 */
export function read(store, key, otherwise) {
  try {
    return JSON.parse(store.getItem(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {Storage} store @param {string} key @param {unknown} value */
export function write(store, key, value) {
  try {
    store.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows may have no storage.
  }
}
