// @ts-check
// The edited form as a list of rows, and its conversion from and to the settings of the API. Pure.

/** @import * as documents from "../documents.js" */
/** @import { EditorOutput } from "../documents.js" */

/**
 * Settings of one field. A missing property isn't set: the form's own value applies.
 * @typedef {{ label?: string, help?: string, default?: unknown, min?: number, max?: number, step?: number,
 *   widget?: string, choices?: unknown[], required?: boolean, also?: string[], closest?: boolean }} OwnSettings
 * @typedef {OwnSettings & { key: string, group?: string, hidden?: boolean }} FieldSettings
 *
 * @typedef {{ node: string, label?: string }} OutputSettings
 * @typedef {"auto" | "advanced" | "hidden"} Others
 * @typedef {string | Record<string, unknown>} Idea
 *
 * Settings of a form, as in its TOML file; see the route `/workflows/{name}/editor`.
 * @typedef {{ title?: string, description?: string, order?: number, others?: Others, cover?: string, ideas?: Idea[],
 *   outputs?: OutputSettings[], fields: FieldSettings[] }} Settings
 *
 * @typedef {Omit<documents.EditorDoc, "settings" | "draft" | "original" | "automatic"> & { settings: Settings,
 *   draft: { settings: Settings, at: number, by: string } | null, original: Settings | null, automatic: Settings }} EditorDoc
 *
 * A field in the editor. `place`: "main", "advanced", "hidden", or the author's own heading. `implied`: the settings
 * don't list the field; the form shows it there by itself.
 * @typedef {{ key: string, place: string, set: OwnSettings, implied: boolean }} Row
 *
 * The edited form. Rows are in the order of the form. `outputs`: null if all are shown under their own names. `headings`:
 * the author's own headings, including those without fields.
 * @typedef {{ title: string, description: string, order: number | null, others: Others, cover: string, ideas: Idea[],
 *   outputs: OutputSettings[] | null, rows: Row[], headings: string[] }} Model
 */

/** Places that aren't the author's own headings. */
const FIXED = ["main", "advanced", "hidden"];

/** @param {string} place */
export const isHeading = (place) => !FIXED.includes(place);

/** @param {FieldSettings} field @returns {string} */
const placeOf = ({ group, hidden }) => (hidden ? "hidden" : (group ?? "main"));

/** @param {FieldSettings} field @returns {OwnSettings} */
function setOf({ key: _, group: __, hidden: ___, ...set }) {
  return set;
}

/**
 * Return where a field goes that the settings don't list.
 * @param {Others} others
 * @param {string} place where the form without settings shows it
 */
const impliedPlace = (others, place) => {
  if (others === "hidden" || place === "hidden") return "hidden";
  return others === "auto" ? place : "advanced";
};

/**
 * Return the edited form of these settings.
 * @param {Settings} settings
 * @param {readonly FieldSettings[]} automatic the fields of the form without settings, in order
 * @returns {Model}
 */
export function modelOf(settings, automatic) {
  const listed = settings.fields.map((field) => ({
    key: field.key,
    place: placeOf(field),
    set: setOf(field),
    implied: false,
  }));
  const taken = new Set(settings.fields.flatMap(({ key, also }) => [key, ...(also ?? [])]));
  const others = settings.others ?? "advanced";
  const rest = automatic
    .filter(({ key }) => !taken.has(key))
    .map((field) => ({
      key: field.key,
      place: impliedPlace(listed.length ? others : "auto", placeOf(field)),
      set: field.also?.length ? { also: field.also } : {},
      implied: true,
    }));
  return inOrder({
    title: settings.title ?? "",
    description: settings.description ?? "",
    order: settings.order ?? null,
    others,
    cover: settings.cover ?? "",
    ideas: settings.ideas ?? [],
    outputs: settings.outputs?.length ? settings.outputs : null,
    rows: [...listed, ...rest],
    headings: [],
  });
}

/** Return all places in the form's order. @param {Pick<Model, "headings">} model */
export const placesOf = ({ headings }) => ["main", ...headings, "advanced", "hidden"];

/**
 * Sort the rows by place, and add missing headings.
 * @param {Model} model
 * @returns {Model}
 */
function inOrder(model) {
  const used = model.rows.map(({ place }) => place).filter(isHeading);
  const headings = [...new Set([...model.headings, ...used])];
  const places = placesOf({ headings });
  const rows = places.flatMap((place) => model.rows.filter((row) => row.place === place));
  return { ...model, rows, headings };
}

/**
 * Return the settings of the edited form. Lists only what the form wouldn't show by itself in the same way.
 * @param {Model} model
 * @param {readonly FieldSettings[]} automatic
 * @returns {Settings}
 */
export function settingsOf(model, automatic) {
  /** @type {Settings} */
  const settings = { fields: listedRows(model, automatic).map(fieldOf) };
  if (model.title.trim()) settings.title = model.title.trim();
  if (model.description.trim()) settings.description = model.description.trim();
  if (model.order !== null) settings.order = model.order;
  if (model.cover) settings.cover = model.cover;
  const ideas = model.ideas.filter((idea) => typeof idea !== "string" || idea.trim());
  if (ideas.length) settings.ideas = ideas;
  if (model.outputs) settings.outputs = model.outputs;
  if (model.others !== "advanced") settings.others = model.others;
  return settings;
}

/**
 * Return the rows that the settings have to list. If any row isn't implied, these are the rows before it in its place
 * and the main ones, because unlisted fields come after the listed ones.
 * @param {Model} model
 * @param {readonly FieldSettings[]} automatic
 */
function listedRows(model, automatic) {
  if (model.rows.every(({ implied }) => implied)) return [];
  const shown = new Map(automatic.map((field, at) => [field.key, { at, place: placeOf(field) }]));
  const of = (/** @type {string} */ place) => model.rows.filter((row) => row.place === place);
  const advanced = of("advanced");
  let end = advanced.length;
  let before = Number.POSITIVE_INFINITY;
  for (; end > 0; end -= 1) {
    const row = advanced[end - 1];
    const own = row?.implied ? shown.get(row.key) : undefined;
    if (!own || own.at > before || own.place === "main") break;
    before = own.at;
  }
  const visible = model.rows.filter((row) => !["advanced", "hidden"].includes(row.place));
  const hidden = of("hidden").filter(({ implied }) => !implied);
  return [...visible, ...advanced.slice(0, end), ...hidden];
}

/** @param {Row} row @returns {FieldSettings} */
function fieldOf({ key, place, set }) {
  if (place === "hidden") return { key, ...set, hidden: true };
  return place === "main" ? { key, ...set } : { key, ...set, group: place };
}

/**
 * Return whether two settings say the same, regardless of the order of their properties.
 * @param {unknown} one
 * @param {unknown} other
 */
export const isSame = (one, other) => canonical(one) === canonical(other);

/** @param {unknown} value */
const canonical = (value) =>
  JSON.stringify(value, (_, part) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(
          Object.entries(part)
            .filter(([, one]) => one !== undefined)
            .sort(([one], [other]) => (one < other ? -1 : 1)),
        )
      : part,
  );

/** @param {Model} model @param {string} key */
export const rowOf = (model, key) => model.rows.find((row) => row.key === key) ?? null;

/**
 * Change settings of a field; undefined removes one.
 * @param {Model} model
 * @param {string} key
 * @param {OwnSettings} changes
 * @returns {Model}
 */
export function withSet(model, key, changes) {
  const rows = model.rows.map((row) => {
    if (row.key !== key) return row;
    const set = Object.entries({ ...row.set, ...changes }).filter(([, one]) => one !== undefined);
    return { ...row, set: Object.fromEntries(set), implied: false };
  });
  return { ...model, rows };
}

/**
 * Move a field one position up or down. At the end of a place it goes to the next one, but not to the hidden fields.
 * @param {Model} model
 * @param {string} key
 * @param {-1 | 1} step
 * @returns {Model} the same object if the field can't move
 */
export function fieldMoved(model, key, step) {
  const row = rowOf(model, key);
  if (!row || row.place === "hidden") return model;
  const inPlace = model.rows.filter(({ place }) => place === row.place);
  const beside = inPlace[inPlace.indexOf(row) + step];
  if (beside) return movedTo(model, key, row.place, beside.key, step > 0);
  const places = placesOf(model).filter((place) => place !== "hidden");
  const place = places[places.indexOf(row.place) + step];
  if (!place) return model;
  const there = model.rows.filter((one) => one.place === place);
  const next = step > 0 ? there[0] : there.at(-1);
  return movedTo(model, key, place, next?.key ?? null, step < 0);
}

/**
 * Return the widths that the form shows together with a height, as one size: the height's key by the width's key.
 * @param {Pick<Model, "rows">} model
 * @param {(key: string) => boolean} isWhole whether an input takes a whole number
 * @returns {ReadonlyMap<string, string>}
 */
export function sizePairs({ rows }, isWhole) {
  const places = new Map(rows.map(({ key, place }) => [key, place]));
  return new Map(
    rows.flatMap(({ key, place }) => {
      const height = key.replace(/^([^.]+)\.width$/, "$1.height");
      const isPair = height !== key && places.get(height) === place;
      return isPair && isWhole(key) && isWhole(height) ? [[key, height]] : [];
    }),
  );
}

/**
 * Put each height behind its width, as the form shows them.
 * @param {Model} model
 * @param {ReadonlyMap<string, string>} pairs
 * @returns {Model}
 */
const joined = (model, pairs) =>
  [...pairs].reduce((now, [width, height]) => {
    const at = now.rows.findIndex(({ key }) => key === width);
    if (now.rows[at + 1]?.key === height) return now;
    return movedTo(now, height, now.rows[at]?.place ?? "main", width, true);
  }, model);

/**
 * Move a field one position up or down, like `fieldMoved`. A size counts as one field.
 * @param {Model} model
 * @param {string} key
 * @param {-1 | 1} step
 * @param {ReadonlyMap<string, string>} pairs
 * @returns {Model} the same object if the field can't move
 */
export function rowMoved(model, key, step, pairs) {
  const heights = new Set(pairs.values());
  const shown = (/** @type {Model} */ { rows }) =>
    JSON.stringify(rows.filter((row) => !heights.has(row.key)).map((row) => [row.key, row.place]));
  for (let now = model; ; ) {
    const next = fieldMoved(now, key, step);
    if (next === now) return model;
    if (shown(next) !== shown(model)) return joined(next, pairs);
    now = next;
  }
}

/**
 * Move a field to a place, before or after another field there; without one, to its end.
 * @param {Model} model
 * @param {string} key
 * @param {string} place
 * @param {string | null} [beside]
 * @param {boolean} [isAfter]
 * @returns {Model}
 */
export function movedTo(model, key, place, beside = null, isAfter = false) {
  const row = rowOf(model, key);
  if (!row || beside === key) return model;
  const rows = model.rows.filter((one) => one !== row);
  const at = rows.findIndex((one) => one.key === beside);
  const to = at < 0 ? rows.length : at + (isAfter ? 1 : 0);
  rows.splice(to, 0, { ...row, place, implied: false });
  return inOrder({ ...model, rows });
}

/**
 * Show inputs that the form doesn't show yet as main fields, or hide fields.
 * @param {Model} model
 * @param {string} key
 * @param {boolean} isShown
 * @returns {Model}
 */
export function withInput(model, key, isShown) {
  if (rowOf(model, key)) return movedTo(model, key, isShown ? "main" : "hidden");
  if (!isShown) return model;
  const row = { key, place: "main", set: {}, implied: false };
  return inOrder({ ...model, rows: [...model.rows, row] });
}

/**
 * Set where the form shows fields without settings.
 * @param {Model} model
 * @param {Others} others
 * @param {readonly FieldSettings[]} automatic
 * @returns {Model}
 */
export function withOthers(model, others, automatic) {
  const shown = new Map(automatic.map((field) => [field.key, placeOf(field)]));
  const rows = model.rows.map((row) =>
    row.implied ? { ...row, place: impliedPlace(others, shown.get(row.key) ?? "hidden") } : row,
  );
  return inOrder({ ...model, others, rows });
}

/**
 * Add a heading, rename it, or remove it: then its fields go to Advanced.
 * @param {Model} model
 * @param {string} heading "" adds one
 * @param {string} name "" removes it
 * @returns {Model}
 */
export function withHeading(model, heading, name) {
  const text = name.trim();
  if (text && (!isHeading(text) || (text !== heading && model.headings.includes(text))))
    return model;
  if (!heading) return text ? { ...model, headings: [...model.headings, text] } : model;
  const headings = model.headings.flatMap((one) =>
    one === heading ? (text ? [text] : []) : [one],
  );
  const rows = model.rows.map((row) =>
    row.place === heading ? { ...row, place: text || "advanced", implied: false } : row,
  );
  return inOrder({ ...model, headings, rows });
}

/**
 * Show an output's results or not, and name it.
 * @param {Model} model
 * @param {readonly EditorOutput[]} all every output of the workflow
 * @param {string} node
 * @param {{ isShown?: boolean, label?: string }} changes
 * @returns {Model}
 */
export function withOutput(model, all, node, { isShown, label }) {
  /** @type {readonly OutputSettings[]} */
  const shown = model.outputs ?? all.filter((one) => one.is_shown).map(({ node }) => ({ node }));
  const known = new Map(shown.map((one) => [one.node, one]));
  /** @type {OutputSettings} */
  const own = { ...(known.get(node) ?? { node }) };
  if (label !== undefined) {
    if (label.trim()) own.label = label.trim();
    else delete own.label;
  }
  if (isShown === false) known.delete(node);
  else if (isShown || known.has(node)) known.set(node, own);
  const outputs = all.flatMap((one) => known.get(one.node) ?? []);
  const isPlain = outputs.length === all.length && outputs.every((one) => !one.label);
  return { ...model, outputs: isPlain || !outputs.length ? null : outputs };
}

/**
 * Remove a field's own settings, except for the inputs that it also sets.
 * @param {Model} model
 * @param {string} key
 * @returns {Model}
 */
export function withReset(model, key) {
  const rows = model.rows.map((row) =>
    row.key === key ? { ...row, set: row.set.also ? { also: row.set.also } : {} } : row,
  );
  return { ...model, rows };
}
