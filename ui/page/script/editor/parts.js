// @ts-check
// Parts of the editor other than the fields: title and description, inputs to add, ideas, cover, results, and the position
// among the workflows. Each is a function that describes it as it is now.

import { $, addressOf, announce } from "../dom.js";
import { filled } from "../form/filled.js";
import { labeled, message, plural } from "../messages.js";
import { ask, json } from "../requests.js";
import { seen } from "../runs/runs.js";
import { page } from "../state.js";
import { h, pushButton } from "../view.js";
import { editorPath, isPrivate } from "./editing.js";
import { checkBox, labelled, numberBox, part, quietButton, signButton, textBox } from "./fields.js";
import { rowOf, withInput, withOutput } from "./model.js";
import { isFilledIn } from "./row_form.js";

/** @import { FormEditor } from "./editor.js" */
/** @import { Idea, OutputSettings } from "./model.js" */

const MOST_RESULTS = 8;

/** @param {string} words */
const hint = (words) => h("p.hint.aside", words);

/** @param {string} title @param {number} count */
const titled = (title, count) => (count ? `${title} (${count})` : title);

/** The form's title and description. @param {FormEditor} editor */
export function head(editor) {
  const { model, doc } = editor;
  /** @param {"title" | "description"} name @param {number} [rows] */
  const box = (name, rows) =>
    textBox(model[name], (text) => editor.change({ ...editor.model, [name]: text }, name), {
      placeholder: doc.automatic[name] ?? "",
      rows,
    });
  return h(
    "div.top.stack",
    labelled("editor-title", message("Title"), box("title")),
    labelled("editor-description", message("Description"), box("description", 2)),
  );
}

/** The form's position among the workflows. @param {FormEditor} editor */
export function position(editor) {
  const set = (/** @type {number | undefined} */ order) =>
    editor.change({ ...editor.model, order: order ?? null }, "order");
  const box = numberBox(editor.model.order, set);
  const words = message("Position in the list of workflows");
  return !isPrivate(editor.name) && h("div.inline", labelled("editor-order", words, box));
}

/** “Add inputs”: every input of the workflow by node, with a check box and a search. @param {FormEditor} editor */
export function inputsToAdd(editor) {
  const { doc, model, search } = editor;
  const words = message("Search inputs");
  const wanted = search?.toLowerCase().split(/\s+/).filter(Boolean) ?? [];
  const also = new Set(model.rows.flatMap(({ set }) => set.also ?? []));
  let count = 0;
  const groups = (search === null ? [] : doc.inputs).map(({ title, class_type: kind, inputs }) => {
    const boxes = inputs.flatMap(({ key, label, value }) => {
      const shown = value === null || typeof value === "object" ? "" : String(value);
      const said = [label, title, kind, key, shown].join(" ").toLowerCase();
      if (!wanted.every((word) => said.includes(word))) return [];
      count += 1;
      const isOn = also.has(key) || (rowOf(model, key)?.place ?? "hidden") !== "hidden";
      const set = (/** @type {boolean} */ isNow) =>
        editor.change(withInput(editor.model, key, isNow));
      const of = h("span.of.muted.breaks", shown);
      return [{ ...checkBox(label, isOn, set, { disabled: also.has(key) }, of), key }];
    });
    return boxes.length && h("fieldset", { key: title }, h("legend", title), boxes);
  });
  return part(
    message("Add inputs"),
    {
      ontoggle: ({ currentTarget: place }) => {
        editor.find(place.open ? (editor.search ?? "") : null);
        if (place.open) $("input", place)?.focus({ preventScroll: true });
      },
    },
    doc.unknown && hint(doc.unknown),
    h("input", {
      type: "search",
      placeholder: words,
      ariaLabel: words,
      oninput: ({ currentTarget }) => editor.find(currentTarget.value),
    }),
    h(
      "p.hint.aside",
      { role: "status" },
      wanted.length > 0 && plural("{count} input found", "{count} inputs found", { count }),
    ),
    h("div.all-inputs.stack", groups),
  );
}

/** The ideas that a form offers before its first run. @param {FormEditor} editor */
export function ideasPart(editor) {
  const { ideas } = editor.model;
  /** @param {readonly Idea[]} now @param {string} [what] */
  const set = (now, what) => editor.change({ ...editor.model, ideas: [...now] }, what);
  /** @param {Idea} idea @param {number} at */
  const entry = (idea, at) => {
    const values = typeof idea === "string" ? { "": idea } : idea;
    const [key = "", ...more] = Object.keys(values).filter((one) => one !== "cover");
    const words = values[key];
    // A cover shows what the text said before.
    if (more.length || typeof words !== "string") return h("p", wordsOf(editor, values));
    const typed = (/** @type {string} */ text) =>
      set(ideas.with(at, key && text ? { [key]: text } : text), `idea ${at}`);
    return textBox(words, typed, { ariaLabel: message("Idea {number}", { number: at + 1 }) });
  };
  const remove = (/** @type {number} */ at) => {
    set(ideas.toSpliced(at, 1));
    $(".ideas > summary", editor.place)?.focus();
  };
  const lines = ideas.map((idea, at) => {
    const words = message("Remove idea {number}", { number: at + 1 });
    return h(
      "li.line.flow",
      entry(idea, at),
      signButton("close", words, () => remove(at)),
    );
  });
  const add = () => {
    const idea = ideaIn(editor);
    if (idea) set([...ideas, idea]);
    else announce(message("Fill in the form first."));
  };
  return part(
    titled(message("Ideas"), ideas.length),
    { className: "part ideas" },
    hint(message("Examples to try. Choosing one fills in the form.")),
    h("ul.ideas-list.stack", lines),
    quietButton(message("Add the values in the form"), add),
  );
}

/** @param {FormEditor} editor @param {Record<string, unknown>} idea */
function wordsOf(editor, idea) {
  const words = Object.entries(idea).map(([key, value]) => {
    const label = editor.labelOf(key) || editor.inputs.get(key)?.input.label || key;
    return labeled(label, String(value));
  });
  return words.join(" · ");
}

/**
 * Return what the form has that differs from the author's values: only the text if nothing else does.
 * @param {FormEditor} editor
 * @returns {Idea}
 */
function ideaIn({ model, inputs }) {
  const keys = model.rows.filter(({ place }) => place !== "hidden").map(({ key }) => key);
  const first = keys.find((key) => {
    const { type, widget = "" } = inputs.get(key)?.input ?? {};
    return type === "STRING" && ["text", "textarea"].includes(widget);
  });
  const { values } = filled.now;
  const text = String(values[first ?? ""] ?? "").trim();
  const others = keys.filter((key) => {
    const input = inputs.get(key)?.input;
    return key !== first && input && input.widget !== "seed" && isFilledIn(key);
  });
  const changed = [...(first && text ? [first] : []), ...others];
  return others.length ? Object.fromEntries(changed.map((key) => [key, values[key]])) : text;
}

/** The form's cover: an image beside the workflow, or a copy of one of the user's results. @param {FormEditor} editor */
export function coverPart(editor) {
  const { name, model, doc } = editor;
  const redraw = { ontoggle: () => editor.draw() };
  if (isPrivate(name))
    return part(message("Cover"), {}, hint(message("Add it to the shared workflows first.")));
  const set = (/** @type {string} */ cover) => {
    editor.change({ ...editor.model, cover });
    $(".cover[aria-pressed=true]", editor.place)?.focus();
  };
  /** Copy a result beside the workflow and use it. @param {string} run @param {number} index */
  const copy = async (run, index) => {
    /** @type {{ cover: string } | null} */
    const told = await ask(`${editorPath(name)}/cover`, json({ run, index }), "PUT");
    if (!told) return;
    doc.images = [...new Set([...doc.images, told.cover])];
    set(told.cover);
    announce(message("Cover set"));
  };
  const images = [...new Set([...doc.images, ...(model.cover ? [model.cover] : [])])];
  const choices = images.map((image) => {
    const src = addressOf(imagePath(name, image));
    const props = { className: "cover", ariaPressed: String(image === model.cover) };
    return pushButton(h("img", { src, alt: image }), () => set(image), props);
  });
  const none = { className: "cover", ariaPressed: String(!model.cover) };
  const run = seen(page.now);
  const at = run?.view?.page.files.findIndex(({ kind }) => kind === "image") ?? -1;
  const results = page.now.past.flatMap((one) => {
    if (one?.page.kind !== "image" || !one.page.thumb) return [];
    const { thumb, file, asked, what } = one.page;
    const alt = message("Use as cover: {what}", { what: asked || what });
    const image = h("img", { src: addressOf(thumb), alt, loading: "lazy" });
    return [pushButton(image, () => copy(one.id, file ?? 0), { className: "cover" })];
  });
  return part(
    message("Cover"),
    redraw,
    hint(message("An example result, shown before the first run.")),
    h(
      "div.covers",
      { role: "group", ariaLabel: message("Images beside the workflow") },
      pushButton(message("No cover"), () => set(""), none),
      choices,
    ),
    run && at >= 0 && quietButton(message("Use the result on the stage"), () => copy(run.id, at)),
    results.length > 0 && hint(message("Or one of your latest results:")),
    h(
      "div.covers",
      { role: "group", ariaLabel: message("Latest results") },
      results.slice(0, MOST_RESULTS),
    ),
  );
}

/** @param {string} workflow @param {string} image */
const imagePath = (workflow, image) =>
  `/page/covers/${workflow.split("/").map(encodeURIComponent).join("/")}?${new URLSearchParams({ image })}`;

/** The outputs of the workflow: which results are shown, and their names. @param {FormEditor} editor */
export function outputsPart(editor) {
  const { outputs } = editor.model;
  const all = editor.doc.outputs;
  /** @param {string} node @param {{ isShown?: boolean, label?: string }} changes */
  const set = (node, changes) =>
    editor.change(withOutput(editor.model, all, node, changes), `output ${node}`);
  const lines = all.map(({ node, title, is_shown }) => {
    const own = outputs?.find((/** @type {OutputSettings} */ one) => one.node === node);
    const isShown = outputs ? Boolean(own) : is_shown;
    const name = textBox(own?.label ?? "", (label) => set(node, { label }), {
      placeholder: title,
      ariaLabel: message("Name of the result “{title}”", { title }),
      disabled: !isShown,
    });
    return h(
      "li.line.flow",
      checkBox(title, isShown, (isOn) => set(node, { isShown: isOn })),
      name,
    );
  });
  const title = titled(message("Results"), all.length);
  return part(title, { hidden: !all.length }, h("ul.outputs-list.stack", lines));
}
