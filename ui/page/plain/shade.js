// @ts-check
// The theme switch of the small pages, and the open tab of the administration on phones. The app's own page stores the
// theme under the same key (storage.js).

const SHADE = "comfyforms.shade";
const { dataset } = document.documentElement;
const shade = /** @type {HTMLButtonElement | null} */ (document.getElementById("shade"));

document
  .querySelector(".tabs [aria-current]")
  ?.scrollIntoView({ block: "nearest", inline: "center" });
if (shade) {
  shade.hidden = false;
  shade.addEventListener("click", () => {
    const { isDark: chosen } = dataset;
    const isDark = chosen ? chosen === "true" : matchMedia("(prefers-color-scheme: dark)").matches;
    dataset.isDark = String(!isDark);
    try {
      localStorage.setItem(SHADE, String(!isDark));
    } catch {
      // the choice lasts as long as the page
    }
  });
}
