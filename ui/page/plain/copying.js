// @ts-check
// Copies a new token, or the command beside a button. If the browser forbids that, the text stays selected.

/** @param {HTMLElement} button */
async function copy(button) {
  const beside = button.closest("li")?.querySelector("code");
  const shown = document.getElementById("token") ?? /** @type {HTMLElement} */ (beside);
  getSelection()?.selectAllChildren(shown);
  const isWritten = await navigator.clipboard?.writeText(shown.textContent ?? "").then(
    () => true,
    () => false,
  );
  // Browsers offer no clipboard over plain HTTP; the old command copies the selection.
  if (isWritten || document.execCommand("copy")) button.textContent = button.dataset.copied ?? "";
}

for (const button of document.querySelectorAll("[data-copied]"))
  button.addEventListener("click", () => copy(/** @type {HTMLElement} */ (button)));
