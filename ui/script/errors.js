// Sentences about values, each painted on its field.

const fieldId = (key) => "field-" + key.replace(/[^\p{L}\p{N}]/gu, "-");

function clearErrors() {
  for (const note of document.querySelectorAll(".field-error")) note.remove();
  for (const field of document.querySelectorAll(".has-error")) {
    field.classList.remove("has-error");
    for (const input of field.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }
}

// Paint a sentence on its field; where to put the focus is returned.
function showError(field, sentence) {
  unfold(field);
  const note = element("p", "field-error", sentence);
  note.id = field.id + "-error";
  field.classList.add("has-error");
  field.append(note);
  const input = $("input, textarea", field);
  input?.setAttribute("aria-invalid", "true");
  input?.setAttribute("aria-describedby", note.id);
  return input ?? field;
}

// Paint each sentence on its field; what has no field on the page is returned.
function showErrors(errors) {
  clearErrors();
  const homeless = [];
  let first = null;
  for (const [key, sentence] of Object.entries(errors)) {
    const field = document.getElementById(fieldId(key));
    if (!field) { homeless.push(sentence); continue; }
    const input = showError(field, sentence);
    first ??= input;
  }
  // At once, and again when a section that had to be unfolded has been laid out.
  const lead = () => { first?.focus({ preventScroll: true }); first?.scrollIntoView({ block: "center" }); };
  lead();
  setTimeout(lead, 400);
  return homeless;
}

function unfold(field) {
  const section = field.closest(".section");
  const label = section && $("button.label-wrap", section);
  if (label && !label.classList.contains("open")) label.click();
}
