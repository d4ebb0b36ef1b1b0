// Run documents for tests. Tests pass the values for the page beside the others.

const PAGE = {
  stage: [
    "about",
    "advice",
    "detail",
    "elapsed",
    "again",
    "blind",
    "files",
    "labelled",
    "failed_field",
  ].concat(
    ["details", "caption", "form_gone", "before", "favourite", "made_from", "used_for"],
    ["can_be_chain", "part_of", "chain", "chain_seeds", "batch"],
  ),
  queue: ["about", "said", "movable", "again", "due_in"],
  tile: ["what", "asked", "results", "thumb", "kind", "clip", "sound", "favourite", "file"],
};

/**
 * @param {"stage" | "queue" | "tile"} part
 * @returns {(told: Record<string, unknown>) => any} a function that moves the values of this part into `page`
 */
const docOf = (part) => (told) => {
  const split = (/** @type {boolean} */ isOfPage) =>
    Object.fromEntries(
      Object.entries(told).filter(([key]) => PAGE[part].includes(key) === isOfPage),
    );
  return { ...split(false), page: split(true) };
};

export const staged = docOf("stage");
export const queuedDoc = docOf("queue");
export const tileDoc = docOf("tile");
