// Collects all text that users read or hear on a page. Tests of languages inject this script into the page.
// It is a script, not a module, so that the browser can run it unchanged.

(() => {
  const HEARD = ["aria-label", "title", "placeholder", "alt", "aria-valuetext"];
  const SILENT = "script, style, noscript, template, code, [aria-hidden=true], [lang]:not(html)";

  const isShown = (one) =>
    one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) ||
    one.closest(".spoken, .sr-only");

  const place = (one) => one.closest("[id]:not([id='']):not([id^=html-])")?.id ?? "";

  function* read() {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const one = texts.currentNode.parentElement;
      if (one && !one.closest(SILENT) && isShown(one))
        yield [texts.currentNode.textContent, `<${one.localName}> in #${place(one)}`];
    }
    for (const one of document.querySelectorAll(HEARD.map((name) => `[${name}]`).join())) {
      if (one.closest("script, style, template, [lang]:not(html)") || !isShown(one)) continue;
      for (const name of HEARD)
        if (one.hasAttribute(name))
          yield [one.getAttribute(name), `${name} of <${one.localName}> in #${place(one)}`];
    }
    yield [document.title, "title of the tab"];
  }

  /** Return a text without its parts in brackets. A bracket may open or close in another node. */
  const left = (text) => {
    let rest = text;
    for (let before = ""; before !== rest; ) {
      before = rest;
      rest = rest.replace(/⟦[^⟦⟧]*⟧/g, " ");
    }
    return rest.replace(/^.*⟧/s, "").replace(/⟦.*$/s, "").replaceAll(/\s+/g, " ").trim();
  };

  /** `plain` returns the untranslated texts, which are outside of brackets, and their places. */
  globalThis.words = {
    plain: () =>
      [...read()]
        .map(([text, where]) => [left(text ?? ""), where])
        .filter(([rest]) => /\p{L}{2}/u.test(rest)),
  };
})();
