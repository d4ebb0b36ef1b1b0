// @ts-check
// Form controls of the editor, which report each change.

import { h, pushButton } from "../view.js";

/** @import { Content, Drawing, Props } from "../view.js" */

/**
 * Put a label above a control, and more below it.
 * @param {string} id
 * @param {string} label
 * @param {Drawing} control
 * @param {...Content} more
 */
export const labelled = (id, label, { tag, props, content }, ...more) =>
  h(
    "div.entry.stack",
    { key: id },
    h("label", { htmlFor: id }, label),
    { tag, props: { ...props, id }, content },
    more,
  );

/** @param {string} value @param {(text: string) => void} changed @param {Props} [props] with `rows`, it has several lines */
export const textBox = (value, changed, props = {}) =>
  h(props.rows ? "textarea" : "input", {
    ...(props.rows ? {} : { type: "text" }),
    value,
    oninput: ({ currentTarget }) => changed(currentTarget.value),
    ...props,
  });

/**
 * Describe a box for a number that may stay empty.
 * @param {number | null | undefined} value
 * @param {(number: number | undefined) => void} changed
 * @param {number | null} [usual] shown while the box is empty
 */
export const numberBox = (value, changed, usual) =>
  h("input", {
    type: "number",
    step: "any",
    value: String(value ?? ""),
    placeholder: String(usual ?? ""),
    oninput: ({ currentTarget: box }) =>
      box.validity.badInput || changed(box.value === "" ? undefined : box.valueAsNumber),
  });

/**
 * @param {readonly (readonly [value: string, label: string])[]} choices
 * @param {string} value
 * @param {(value: string) => void} changed
 */
export const selectBox = (choices, value, changed) =>
  h(
    "select",
    { value, onchange: ({ currentTarget }) => changed(currentTarget.value) },
    choices.map(([one, label]) => h("option", { key: one, value: one }, label)),
  );

/**
 * @param {string} label
 * @param {boolean} isOn
 * @param {(isOn: boolean) => void} changed
 * @param {Props} [props] of the box
 * @param {...Content} more behind the label
 */
export const checkBox = (label, isOn, changed, props, ...more) =>
  h(
    "label.check.in-line",
    { key: label },
    h("input", {
      type: "checkbox",
      checked: isOn,
      onchange: ({ currentTarget }) => changed(currentTarget.checked),
      ...props,
    }),
    h("span", label),
    more,
  );

/** @param {string} icon @param {string} label @param {() => void} does @param {Props} [props] */
export const signButton = (icon, label, does, props) =>
  pushButton("", does, {
    className: "sign",
    "data-icon": icon,
    ariaLabel: label,
    title: label,
    ...props,
  });

/** @param {string} words @param {() => void} does @param {Props} [props] */
export const quietButton = (words, does, props) =>
  pushButton(words, does, { className: "quiet", ...props });

/** Describe a part of the editor that unfolds. @param {string} title @param {Props} props @param {...Content} body */
export const part = (title, props, ...body) =>
  h("details.part", props, h("summary", title), h("div", body));
