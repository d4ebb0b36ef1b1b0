// @ts-check
// Copies a token that was just made; where a browser does not allow that, it is selected instead.

const button = /** @type {HTMLElement} */ (document.getElementById("copy"));
const token = /** @type {HTMLElement} */ (document.getElementById("token"));

async function copy() {
  getSelection()?.selectAllChildren(token);
  try {
    await navigator.clipboard.writeText(token.textContent ?? "");
  } catch {
    return;
  }
  button.textContent = button.dataset.copied ?? "";
}

button.addEventListener("click", copy);
