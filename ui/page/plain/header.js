// @ts-check
// The header of the small pages: the theme switch, the language and signing out.
// The app's own page stores the theme under the same key (storage.js).

const SHADE = "comfyforms.shade";
const { dataset } = document.documentElement;
const shade = /** @type {HTMLButtonElement} */ (document.getElementById("shade"));

/** @param {string} address */
async function signOut(address) {
  const answer = await fetch(address, { method: "POST" }).catch(() => null);
  const silent = document.querySelector("#user-menu [role=alert]");
  silent?.toggleAttribute("hidden", answer?.ok);
  if (!answer?.ok) return;
  const told = await answer.json().catch(() => null); // has the identity provider's sign-out page
  if (told?.next) location.assign(told.next);
  else location.reload();
}

shade.hidden = false;
const isDark = () =>
  dataset.isDark ? dataset.isDark === "true" : matchMedia("(prefers-color-scheme: dark)").matches;
/** Name the theme that the user can switch to. */
function nameShade() {
  const words = (isDark() ? shade.dataset.lightTheme : shade.dataset.darkTheme) ?? "";
  if (shade.dataset.icon) {
    shade.title = shade.ariaLabel = words;
    shade.dataset.icon = isDark() ? "sun" : "moon";
  } else shade.textContent = words;
}
nameShade();
shade.addEventListener("click", () => {
  const wish = String(!isDark());
  dataset.isDark = wish;
  nameShade();
  try {
    localStorage.setItem(SHADE, wish);
  } catch {
    // the choice lasts as long as the page
  }
});
const language = /** @type {HTMLSelectElement | null} */ (
  document.querySelector("#user-menu .language")
);
if (language) {
  language.value = dataset.language ?? "";
  language.parentElement?.removeAttribute("hidden");
  language.addEventListener("change", async () => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ tag: language.value });
    const answer = await fetch("language", { method: "POST", headers, body }).catch(() => null);
    if (answer?.ok) location.reload();
    else language.value = dataset.language ?? "";
  });
}
for (const button of /** @type {NodeListOf<HTMLElement>} */ (
  document.querySelectorAll("[data-ends]")
)) {
  button.hidden = false;
  button.addEventListener("click", () => signOut(button.dataset.ends ?? ""));
}
