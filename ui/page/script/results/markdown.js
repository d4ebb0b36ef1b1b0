// @ts-check
// A small Markdown parser for results that are texts. Pure: it returns blocks, and `prose.js` draws them as elements.
// HTML stays text. Images stay text, too, so that a result never loads anything from elsewhere.

/**
 * @typedef {string | { type: "strong" | "em" | "del" | "link", parts: Inline[], href: string } |
 *   { type: "code", text: string }} Inline
 *
 * @typedef {{ type: "heading", level: number, parts: Inline[] } | { type: "paragraph", parts: Inline[] } |
 *   { type: "code", text: string } | { type: "list", start: number | null, items: Block[][] } |
 *   { type: "quote", blocks: Block[] } | { type: "rule" } |
 *   { type: "table", head: Inline[][], rows: Inline[][][] }} Block `start`: the first number, null for bullets
 */

const LONGEST = 100_000; // characters; longer texts are shown as they are
const DEEPEST = 6; // levels of lists, quotes and emphasis
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6}) (.*)$/;
const RULE = /^ {0,3}([-*_])(?: {0,3}\1){2,} *$/;
const LIST_ITEM = /^( *)([-*+]|(\d{1,9})[.)]) (.*)$/;
const QUOTE = /^ {0,3}> ?/;
const TABLE_LINE = /^ *\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$/;
const LINK = /^\[([^[\]\n]{1,500})\]\(([^\s()]{1,2000})\)/;
const ADDRESS = /^https?:\/\/[^\s<>"'`*]{1,2000}/;
const SAFE = /^(?:https?:\/\/|mailto:)/i;
/** @type {readonly (readonly [string, "strong" | "em" | "del"])[]} */
const MARKS = [
  ["**", "strong"],
  ["~~", "del"],
  ["*", "em"],
];

/**
 * Return the blocks of a text, or null if it has no markup or is too long. Such a text is shown as it is.
 * @param {string} text
 * @returns {Block[] | null}
 */
export function parseMarkdown(text) {
  if (text.length > LONGEST) return null;
  const blocks = blocksOf(text.replaceAll("\r\n", "\n").split("\n"), 0);
  const isPlain = blocks.every(
    (block) => block.type === "paragraph" && block.parts.every((part) => typeof part === "string"),
  );
  return isPlain ? null : blocks;
}

/** @param {readonly string[]} lines @param {number} depth @returns {Block[]} */
function blocksOf(lines, depth) {
  /** @type {Block[]} */
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    const read = lines[at]?.trim() ? blockAt(lines, at, depth) : null;
    if (read) blocks.push(read.block);
    at = read ? Math.max(read.next, at + 1) : at + 1;
  }
  return blocks;
}

/** @typedef {{ block: Block, next: number }} Read a block, and the line after it */

/** @param {readonly string[]} lines @param {number} at @param {number} depth @returns {Read} */
function blockAt(lines, at, depth) {
  const line = lines[at] ?? "";
  const fence = FENCE.exec(line)?.[1];
  if (fence) return codeAt(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading)
    return {
      block: {
        type: "heading",
        level: heading[1]?.length ?? 1,
        parts: inlineOf((heading[2] ?? "").trim().replace(/ #+$/, "")),
      },
      next: at + 1,
    };
  if (RULE.test(line)) return { block: { type: "rule" }, next: at + 1 };
  if (depth < DEEPEST && QUOTE.test(line)) return quoteAt(lines, at, depth);
  if (depth < DEEPEST && LIST_ITEM.test(line)) return listAt(lines, at, depth);
  if (isTable(lines, at)) return tableAt(lines, at);
  return paragraphAt(lines, at);
}

/** @param {readonly string[]} lines @param {number} at @param {string} fence @returns {Read} */
function codeAt(lines, at, fence) {
  let end = at + 1;
  while (end < lines.length && !(lines[end] ?? "").trim().startsWith(fence)) end += 1;
  return { block: { type: "code", text: lines.slice(at + 1, end).join("\n") }, next: end + 1 };
}

/** @param {readonly string[]} lines @param {number} at @param {number} depth @returns {Read} */
function quoteAt(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end] ?? "")) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return { block: { type: "quote", blocks: blocksOf(inner, depth + 1) }, next: end };
}

/** @param {readonly string[]} lines @param {number} at @param {number} depth @returns {Read} */
function listAt(lines, at, depth) {
  const first = LIST_ITEM.exec(lines[at] ?? "");
  const number = first?.[3];
  const indent = first?.[1]?.length ?? 0;
  /** @type {string[][]} */
  const items = [];
  let next = at;
  for (; next < lines.length; next += 1) {
    const line = lines[next] ?? "";
    const item = LIST_ITEM.exec(line);
    const own = indentOf(line);
    if (item && own <= indent + 1) {
      if (own < indent || (item[3] === undefined) !== (number === undefined)) break;
      items.push([item[4] ?? ""]);
    } else if (own > indent || !endsList(lines, next)) {
      items.at(-1)?.push(line.slice(Math.min(own, indent + 2)));
    } else break;
  }
  return {
    block: {
      type: "list",
      start: number === undefined ? null : Number(number),
      items: items.map((inner) => blocksOf(inner, depth + 1)),
    },
    next,
  };
}

/**
 * Return whether a line that isn't indented ends a list: after a blank line, or as another block.
 * @param {readonly string[]} lines
 * @param {number} at
 */
function endsList(lines, at) {
  const line = lines[at] ?? "";
  if (!line.trim()) return !(lines[at + 1] ?? "").match(/^(?: {2,}\S| *(?:[-*+]|\d{1,9}[.)]) )/);
  return !lines[at - 1]?.trim() || startsBlock(line);
}

/** @param {string} line */
const indentOf = (line) => line.length - line.trimStart().length;

/** @param {string} line */
const startsBlock = (line) =>
  FENCE.test(line) ||
  HEADING.test(line) ||
  RULE.test(line) ||
  QUOTE.test(line) ||
  LIST_ITEM.test(line);

/** @param {readonly string[]} lines @param {number} at */
const isTable = (lines, at) =>
  (lines[at] ?? "").includes("|") && TABLE_LINE.test((lines[at + 1] ?? "").slice(0, 1000));

/** @param {readonly string[]} lines @param {number} at @returns {Read} */
function tableAt(lines, at) {
  let end = at + 2;
  while (end < lines.length && (lines[end] ?? "").includes("|")) end += 1;
  const head = cellsOf(lines[at] ?? "");
  const rows = lines.slice(at + 2, end).map((line) => cellsOf(line).slice(0, head.length));
  return { block: { type: "table", head, rows }, next: end };
}

/** @param {string} line */
const cellsOf = (line) =>
  line
    .trim()
    .replace(/^\|/, "")
    .replace(/\|$/, "")
    .split("|")
    .map((cell) => inlineOf(cell.trim()));

/** @param {readonly string[]} lines @param {number} at @returns {Read} */
function paragraphAt(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end]?.trim() && !startsBlock(lines[end] ?? "")) end += 1;
  const parts = inlineOf(lines.slice(at, end).join("\n"));
  return { block: { type: "paragraph", parts }, next: end };
}

/**
 * Return the parts of a text. Underscores aren't markup: prompts have names such as `__colors__`.
 * @param {string} text
 * @param {number} [depth]
 * @returns {Inline[]}
 */
export function inlineOf(text, depth = 0) {
  /** @type {Inline[]} */
  const parts = [];
  let from = 0;
  let at = 0;
  const put = (/** @type {Inline} */ part, /** @type {number} */ end) => {
    if (at > from) parts.push(text.slice(from, at));
    parts.push(part);
    from = at = end;
  };
  while (at < text.length) {
    const read = depth < DEEPEST ? partAt(text, at, depth) : null;
    if (read) put(read.part, read.end);
    else at += 1;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

/** @typedef {{ part: Inline, end: number }} ReadPart */

/** @param {string} text @param {number} at @param {number} depth @returns {ReadPart | null} */
function partAt(text, at, depth) {
  const letter = text[at];
  if (letter === "`") {
    const end = text.indexOf("`", at + 1);
    if (end < 0 || end === at + 1) return null;
    return { part: { type: "code", text: text.slice(at + 1, end) }, end: end + 1 };
  }
  if (letter === "[" || letter === "h") return linkAt(text, at, depth);
  for (const [mark, type] of letter === "*" || letter === "~" ? MARKS : []) {
    if (!text.startsWith(mark, at) || (mark === "*" && /\w/.test(text[at - 1] ?? ""))) continue;
    const start = at + mark.length;
    const end = endOf(text, mark, start);
    if (end < 0) return null;
    const parts = inlineOf(text.slice(start, end), depth + 1);
    return { part: { type, parts, href: "" }, end: end + mark.length };
  }
  return null;
}

/**
 * Return where an emphasis ends, -1 if it doesn't. It starts and ends at a letter, within a paragraph.
 * @param {string} text
 * @param {string} mark
 * @param {number} start
 */
function endOf(text, mark, start) {
  if (!text[start]?.trim() || text[start] === mark[0]) return -1;
  let end = text.indexOf(mark, start);
  while (end > 0 && (!text[end - 1]?.trim() || (mark === "*" && text[end + 1] === "*")))
    end = text.indexOf(mark, end + (text[end + 1] === "*" ? 2 : 1));
  return end;
}

/** @param {string} text @param {number} at @param {number} depth @returns {ReadPart | null} */
function linkAt(text, at, depth) {
  const rest = text.slice(at, at + 2600);
  const link = text[at - 1] === "!" ? null : LINK.exec(rest);
  if (link) {
    const [whole, words = "", href = ""] = link;
    if (!SAFE.test(href)) return null;
    return {
      part: { type: "link", parts: inlineOf(words, depth + 1), href },
      end: at + whole.length,
    };
  }
  const [found = ""] = /[\w(]/.test(text[at - 1] ?? "") ? [] : (ADDRESS.exec(rest) ?? []);
  const href = found.replace(/[.,;:!?)\]]+$/, "");
  return href ? { part: { type: "link", parts: [href], href }, end: at + href.length } : null;
}
