// @ts-check
// Footer with a button for the keyboard shortcuts, and the language menu. On a phone it is in the header's menu, otherwise
// in the account's menu, if there is one.

import { $, element } from "../dom.js";
import { filled } from "../form/filled.js";
import { keepTyped, typed } from "../form/typed.js";
import { message } from "../messages.js";
import { mountLanguages } from "./language_menu.js";

/** @param {HTMLElement} place */
export function mountFooter(place) {
  $(".keys", place)?.addEventListener("click", async () => (await import("./keys.js")).showKeys());
  mountLanguages(place, forgetExamples);
  const colophon = $(".colophon", place);
  const language = element("label", "of-language", element("span", "", message("Language")));
  language.append($("select", place) ?? "");
  const phone = matchMedia("(max-width: 600px)");
  const settle = () => {
    const menu = $(phone.matches ? "#header-list" : ".account-menu");
    (menu ?? place).append(colophon ?? "");
    const look = phone.matches ? null : $(".account-menu .look");
    if (look) look.after(language);
    else (menu ?? colophon)?.append(language);
    colophon?.toggleAttribute("open", menu !== null);
  };
  phone.addEventListener("change", settle);
  settle();
}

/** Forget the texts of the form that the user hasn't changed. They come again in the other language. */
function forgetExamples() {
  const { name, authors } = filled.now;
  const own = Object.entries(typed(name)).filter(([key, value]) => value !== authors[key]);
  if (name) keepTyped(name, Object.fromEntries(own));
}
