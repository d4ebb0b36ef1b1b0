// @ts-check
// Copies a new token. If the browser forbids that, the token stays selected.

const button = /** @type {HTMLElement} */ (document.getElementById("copy"));
const token = /** @type {HTMLElement} */ (document.getElementById("token"));

async function copy() {
  getSelection()?.selectAllChildren(token);
  const isWritten = await navigator.clipboard?.writeText(token.textContent ?? "").then(
    () => true,
    () => false,
  );
  // Browsers offer no clipboard over plain HTTP; the old command copies the selection.
  if (isWritten || document.execCommand("copy")) button.textContent = button.dataset.copied ?? "";
}

button.addEventListener("click", copy);
