// @ts-check
// Sorts tables by the column whose heading is pressed, and filters the rows of long ones. After a form's post, the page
// has the same order, filter and place.

const LONG = 6; // rows
const TYPING = 250; // ms, until typed words are searched
/** @typedef {"none" | "ascending" | "descending"} Order */
/** @type {Record<Order, Order>} */
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
/** @type {Map<string, { column: number, order: Order, text: string }>} */
const arrangements = new Map(); // by table, so that they outlast a renewed page
const KEPT = "comfyforms.administration"; // until the answer to a form is loaded
const { compare } = new Intl.Collator(document.documentElement.lang, { numeric: true });

/** @param {HTMLTableRowElement} row @param {number} column */
function cellValue(row, column) {
  const cell = row.cells[column];
  return cell?.dataset.key ?? cell?.textContent?.trim() ?? "";
}

/** @param {HTMLTableElement} table */
function dress(table) {
  const now = arrangements.get(table.id) ?? { column: 0, order: "none", text: "" };
  arrangements.set(table.id, now);
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  const body = /** @type {HTMLTableSectionElement} */ (table.tBodies[0]);
  const rows = [...body.rows];
  const field = document.createElement("input");
  const count = document.createElement("output");

  function arrange() {
    const sign = { ascending: 1, descending: -1, none: 0 }[now.order];
    const value = (/** @type {HTMLTableRowElement} */ row) => cellValue(row, now.column);
    body.append(...rows.toSorted((a, b) => sign && sign * compare(value(a), value(b))));
    heads.forEach((head, column) => {
      if (head.scope) head.ariaSort = column === now.column ? now.order : "none";
    });
    const wanted = now.text.trim().toLowerCase();
    for (const row of rows) {
      const cells = [...row.cells].filter((cell) => cell.scope || cell.dataset.name);
      const text = cells.map((cell) => cell.textContent).join(" ");
      row.hidden = !text.toLowerCase().includes(wanted);
    }
    const shown = String(rows.filter((row) => !row.hidden).length);
    const told = table.dataset.count?.replace("{part}", shown) ?? "";
    count.textContent = wanted && told.replace("{whole}", String(rows.length));
  }

  heads.forEach((head, column) => {
    if (!head.scope || rows.length < 2) return; // buttons are below
    const button = document.createElement("button");
    Object.assign(button, { type: "button", id: `${table.id}-${column}` });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      now.order = column === now.column ? NEXT[now.order] : "ascending";
      now.column = column;
      arrange();
    });
  });
  if (rows.length >= LONG) {
    const label = table.dataset.filter ?? "";
    const id = `${table.id}-filter`;
    Object.assign(field, { type: "search", id, value: now.text, placeholder: label });
    field.ariaLabel = label;
    field.addEventListener("input", () => {
      now.text = field.value;
      arrange();
    });
    table.before(field, count);
  } else now.text = "";
  arrange();
}

function dressAll() {
  for (const table of document.querySelectorAll("table[data-filter]")) {
    dress(/** @type {HTMLTableElement} */ (table));
  }
}

function keep() {
  const kept = [location.pathname, scrollY, document.activeElement?.id, [...arrangements]];
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  } catch {
    // the page starts at its top
  }
}

/** Return what `keep` stored, once. */
function taken() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    sessionStorage.removeItem(KEPT);
    return kept;
  } catch {
    return [];
  }
}

const [path, place, focused, tables] = taken();
const isBack = path === location.pathname;
if (isBack) for (const [id, one] of tables) arrangements.set(id, one);
dressAll();
const tab = document.querySelector(".tabs [aria-current]");
tab?.scrollIntoView({ block: "nearest", inline: "center" });
// A message at the top comes first.
if (isBack && !document.querySelector("main :is([role=status], [role=alert]:not(:empty))")) {
  document.getElementById(focused)?.focus();
  scrollTo(0, place);
}
document.addEventListener("renewed", dressAll);
document.addEventListener("submit", keep);
// A question in a menu closes with it.
document.addEventListener(
  "toggle",
  ({ target, newState }) => {
    const question = /** @type {HTMLElement} */ (target);
    if (newState === "closed" && question.matches(".question"))
      /** @type {HTMLElement | null} */ (question.closest(".more"))?.hidePopover();
  },
  true,
);

const filters = /** @type {HTMLFormElement | null} */ (document.querySelector(".filters"));
let timer = 0;

/** Show the rows that the filters leave. @param {HTMLFormElement} form */
async function filter(form) {
  const chosen = () => new URLSearchParams(/** @type {any} */ (new FormData(form))).toString();
  const query = chosen();
  const address = `${form.getAttribute("action")}?${query}`; // a field is named "action"
  const answer = await fetch(address).catch(() => null);
  const fresh = new DOMParser()
    .parseFromString((await answer?.text()) ?? "", "text/html")
    .getElementById("found");
  if (query !== chosen()) return; // the user types on
  if (!fresh) return form.requestSubmit();
  document.getElementById("found")?.replaceWith(fresh);
  history.replaceState(null, "", address);
}

filters?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(filter, TYPING, filters);
});
