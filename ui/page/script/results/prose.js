// @ts-check
// Results that are texts: rendered from Markdown, or as they are. Everything is built from elements and texts, never from
// HTML.

import { element } from "../dom.js";
import { parseMarkdown } from "./markdown.js";

/** @import { Block, Inline } from "./markdown.js" */

const TAGS = /** @type {const} */ ({ strong: "strong", em: "em", del: "del", link: "a" });
const HEADINGS = /** @type {const} */ (["h3", "h4", "h5", "h6"]);

/**
 * Return a text as an element that can be scrolled with the keyboard.
 * @param {string} text
 * @param {string} label the element's accessible name
 */
export function proseOf(text, label) {
  const place = element("div", "result-text");
  place.tabIndex = 0;
  place.role = "region";
  place.ariaLabel = label;
  place.draggable = false;
  const column = element("div", "column");
  const blocks = parseMarkdown(text);
  if (blocks) column.append(...blocks.map(drawn));
  else column.append(element("p", "", text));
  place.append(column);
  return place;
}

/** @param {Block} block @returns {HTMLElement} */
function drawn(block) {
  switch (block.type) {
    case "heading":
      return filled(
        element(HEADINGS[Math.min(block.level, HEADINGS.length) - 1] ?? "h6"),
        block.parts,
      );
    case "paragraph":
      return filled(element("p"), block.parts);
    case "code":
      return element("pre", "", element("code", "", block.text));
    case "list": {
      const list = element(block.start === null ? "ul" : "ol");
      if (list instanceof HTMLOListElement && block.start !== null) list.start = block.start;
      list.append(...block.items.map(itemOf));
      return list;
    }
    case "quote":
      return element("blockquote", "", ...block.blocks.map(drawn));
    case "table":
      return tableOf(block.head, block.rows);
    default:
      return element("hr");
  }
}

/** @param {Block[]} blocks */
function itemOf(blocks) {
  const item = element("li");
  const [first, ...rest] = blocks;
  if (first?.type === "paragraph") filled(item, first.parts);
  else if (first) item.append(drawn(first));
  item.append(...rest.map(drawn));
  return item;
}

/** @param {Inline[][]} head @param {Inline[][][]} rows */
function tableOf(head, rows) {
  const table = element("table");
  const top = table.createTHead().insertRow();
  for (const parts of head) {
    const cell = filled(element("th"), parts);
    cell.scope = "col";
    top.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows)
    body.insertRow().append(...row.map((parts) => filled(element("td"), parts)));
  return table;
}

/**
 * @template {HTMLElement} T
 * @param {T} place
 * @param {Inline[]} parts
 */
function filled(place, parts) {
  place.append(...parts.map((part) => (typeof part === "string" ? part : partOf(part))));
  return place;
}

/** @param {Exclude<Inline, string>} part */
function partOf(part) {
  if (part.type === "code") return element("code", "", part.text);
  const place = element(TAGS[part.type]);
  if (place instanceof HTMLAnchorElement) {
    place.href = part.href;
    place.target = "_blank";
    place.rel = "noopener noreferrer nofollow";
  }
  return filled(place, part.parts);
}
