// @ts-check
// Copies a command. If the browser forbids that, the command is selected.

/** @param {HTMLElement} button */
async function copy(button) {
  const text = button.dataset.copy ?? "";
  const shown = button.closest("li")?.querySelector("code");
  if (shown) getSelection()?.selectAllChildren(shown);
  const isWritten = await navigator.clipboard?.writeText(text).then(
    () => true,
    () => false,
  );
  // Browsers offer no clipboard over plain HTTP; the old command copies the selection.
  if (isWritten || document.execCommand("copy")) button.textContent = button.dataset.copied ?? "";
}

for (const button of document.querySelectorAll("[data-copy]"))
  button.addEventListener("click", () => copy(/** @type {HTMLElement} */ (button)));
