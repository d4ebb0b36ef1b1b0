// @ts-check
// Draws elements from descriptions, and changes only what differs from the last drawing: elements keep the focus, the
// cursor and their scroll position. An element in a description is used as it is.

/**
 * @typedef {{ [on: `on${string}`]: ((event: any) => any) | undefined, [name: string]: any }} Props
 * @typedef {{ tag: string, props: Props, content: readonly Content[] }} Drawing
 * @typedef {Drawing | Node | string | null | false | undefined | readonly any[]} Content
 */

/** The drawing that an element shows. @type {WeakMap<Node, Drawing>} */
const shown = new WeakMap();

/**
 * Describe an element by its tag and classes, as in `li.line.flow`, its properties, handlers and attributes, and its
 * content. The property `key` tells it from its siblings, and `made` is called with each new element.
 * @type {{ (name: string, props: Props, ...content: Content[]): Drawing, (name: string, ...content: Content[]): Drawing }}
 */
export const h = (/** @type {string} */ name, /** @type {any[]} */ ...content) => {
  const [tag = "", ...classes] = name.split(".");
  const [first] = content;
  const isProps = first?.constructor === Object && !("tag" in first);
  const props = { className: classes.join(" "), ...(isProps ? content.shift() : {}) };
  return { tag, props, content };
};

/** Describe a button. @param {Content} words @param {() => unknown} does @param {Props} [props] @returns {Drawing} */
export const pushButton = (words, does, { className = "button", ...props } = {}) =>
  h(
    "button",
    {
      type: "button",
      className,
      onclick: ({ currentTarget: { ariaDisabled } }) => ariaDisabled !== "true" && does(),
      ...props,
    },
    words,
  );

/** Show this content in an element, and nothing else. @param {Element} place @param {...Content} content */
export function draw(place, ...content) {
  const wanted = /** @type {(Drawing | Node | string)[]} */ (content.flat(9).filter(Boolean));
  const old = [...place.childNodes];
  const nodes = wanted.map((one) => {
    if (one instanceof Node) return one;
    const at = old.findIndex((node) => canShow(node, one));
    const [node] = at < 0 ? [] : old.splice(at, 1);
    if (typeof one !== "string")
      return update(/** @type {any} */ (node) ?? document.createElement(one.tag), one);
    if (node instanceof Text && node.data !== one) node.data = one;
    return node ?? new Text(one);
  });
  for (const node of old) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, at) => {
    if (place.childNodes[at] !== node) place.insertBefore(node, place.childNodes[at] ?? null);
  });
}

/** Whether a drawn node can show a description. @param {Node} node @param {Drawing | string} one */
function canShow(node, one) {
  if (typeof one === "string") return node instanceof Text;
  const last = shown.get(node);
  return last?.tag === one.tag && last.props.key === one.props.key;
}

/** Let an element show a drawing. @param {HTMLElement} node @param {Drawing} drawing */
function update(node, drawing) {
  const before = shown.get(node);
  const [last, now] = [before?.props ?? {}, drawing.props];
  shown.set(node, drawing);
  for (const name of new Set([...Object.keys(last), ...Object.keys(now)]))
    if (last[name] !== now[name]) setProperty(node, name, now[name]);
  if (drawing.content.length || before?.content.length) draw(node, ...drawing.content);
  const control = /** @type {HTMLInputElement} */ (node);
  const isTyped = node === document.activeElement && now.value === last.value;
  // Not while the user types in it: the app's text may differ in its blanks.
  if (
    "value" in now &&
    !isTyped &&
    node !== globalThis.event?.target &&
    control.value !== now.value
  )
    control.value = now.value;
  if ("checked" in now) control.checked = now.checked;
  if (!before) now.made?.(node);
  return node;
}

/** Set a property, or an attribute of this name if there is no property. @param {any} node @param {string} name @param {any} value */
function setProperty(node, name, value) {
  if (["key", "made", "value", "checked"].includes(name)) return;
  const isMissing = value === undefined || value === null;
  if (name in node) {
    const isText = typeof node[name] === "string" && !name.startsWith("aria");
    node[name] = isMissing && isText ? "" : (value ?? null);
  } else if (isMissing) node.removeAttribute(name);
  else node.setAttribute(name, value);
}
