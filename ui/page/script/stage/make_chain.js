// @ts-check
// “Create chain…”: turns a run and the runs it was made from into a chain for all users.

import { button, dialog, element } from "../dom.js";
import { visitWith } from "../form/form.js";
import { message } from "../messages.js";
import { API, ask, json } from "../requests.js";

const LONGEST = 60;

/**
 * Ask for the chain's title. If the run can't become a chain, show why instead.
 * @param {string} run the run's id
 */
export async function makeChain(run) {
  if (await ask(`${API}/runs/${run}/chain`, undefined, "GET")) askForTitle(run);
}

/**
 * Show the dialog for the title.
 * @param {string} run the run's id
 * @param {string} typed the title of an earlier attempt
 */
function askForTitle(run, typed = "") {
  const place = dialog("make-chain", message("Create chain"));
  const about = message(
    "Create a form for all these steps, with your values and a new seed for each run. Everyone can use it.",
  );
  const form = element("form");
  form.noValidate = true; // the page shows its own error at the field, in its own language
  const missing = element("p", "field-error");
  missing.id = "make-chain-error";
  missing.role = "status";
  missing.hidden = true;
  const title = element("input");
  Object.assign(title, { type: "text", maxLength: LONGEST, required: true, value: typed });
  title.placeholder = title.ariaLabel = message("Chain title");
  const make = button(message("Create chain"), () => form.requestSubmit(), "button primary");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (make.ariaDisabled === "true") return;
    missing.hidden = title.value.trim() !== "";
    title.ariaInvalid = String(!missing.hidden);
    if (!missing.hidden) {
      missing.textContent = message("A chain needs a title.");
      title.setAttribute("aria-describedby", missing.id);
      title.focus();
      return;
    }
    make.ariaDisabled = "true";
    const again = { label: message("Try again"), does: () => askForTitle(run, title.value) };
    const told = json({ title: title.value });
    const made = await ask(`${API}/runs/${run}/chain`, told, "POST", [again]);
    place.hidePopover();
    if (made) visitWith(made.name, made.values);
  });
  const row = element("div", "row");
  row.append(title);
  const last = element("div", "row last");
  last.append(
    button(message("Cancel"), () => place.hidePopover()),
    make,
  );
  title.addEventListener("input", () => {
    missing.hidden = true;
    title.ariaInvalid = "false";
  });
  form.append(row, missing, last);
  place.append(element("p", "", about), form);
  document.body.append(place);
  place.showPopover();
  title.focus();
}
