// @ts-check
// Copies a token that was just made; where a browser does not allow that, it stays selected.

const button = /** @type {HTMLElement} */ (document.getElementById("copy"));
const token = /** @type {HTMLElement} */ (document.getElementById("token"));

async function copy() {
  getSelection()?.selectAllChildren(token);
  const isWritten = await navigator.clipboard?.writeText(token.textContent ?? "").then(
    () => true,
    () => false,
  );
  // Over plain HTTP browsers hand out no clipboard; the old way copies what is selected.
  if (isWritten || document.execCommand("copy")) button.textContent = button.dataset.copied ?? "";
}

button.addEventListener("click", copy);
