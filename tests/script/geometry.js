// Reports layout problems as sentences. `tests/browser/nightly/walk` injects this script into the page.
// It is a script, not a module, so that the browser can run it unchanged.

(() => {
  const NEAR = 1.5; // pixels of tolerance for rounding
  const FINGER = 40;
  const CONTROLS =
    "button, a[href], input:not([type=hidden], [type=file]), select, textarea, summary, audio";

  /** @param {string} selector */
  const all = (selector) => [...document.querySelectorAll(selector)].filter(visible);
  const visible = (one) =>
    one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
    !one.closest(".spoken, .sr-only, [inert]");

  const named = (one) => {
    const words = (one.ariaLabel || one.textContent || one.value || "").trim().slice(0, 40);
    const place = one.closest("[id]:not([id='']):not([id^=html-])")?.id;
    return `<${one.localName}> “${words.replaceAll(/\s+/g, " ")}” in #${place}`;
  };

  const whole = ({ left, top, right, bottom }) => ({ left, top, right, bottom });
  const area = ({ left, top, right, bottom }) =>
    Math.max(0, right - left) * Math.max(0, bottom - top);
  const common = (a, b) => ({
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  });
  const within = (inner, outer) =>
    inner.left >= outer.left - NEAR &&
    inner.top >= outer.top - NEAR &&
    inner.right <= outer.right + NEAR &&
    inner.bottom <= outer.bottom + NEAR;

  /** Return whether an element cuts off its content. One without a box of its own (`display: contents`) can't. */
  const clipping = ({ display, overflowX, overflowY }) =>
    display !== "contents" && (overflowX !== "visible" || overflowY !== "visible");

  /** Yield the ancestors that clip an element, with their styles and boxes. */
  function* clips(one) {
    for (let at = one; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (clipping(style)) yield { at, style, box: whole(at.getBoundingClientRect()) };
      if (style.position === "fixed") return;
    }
  }

  const seen = (one, box) => [...clips(one)].reduce((rest, clip) => common(rest, clip.box), box);

  /** Return an element's overlay, or the body. An overlay may cover the page, but its own parts must not overlap. */
  const layer = (one) => {
    for (let at = one; at; at = at.parentElement)
      if (
        at.matches(":modal, :popover-open, [role=menu], [role=listbox], .viewport") ||
        ["fixed", "sticky"].includes(getComputedStyle(at).position)
      )
        return at;
    return document.body;
  };

  function texts() {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const one = node.parentElement;
      if (!node.data.trim() || one.closest("script, style, option, textarea") || !visible(one))
        continue;
      range.selectNodeContents(node);
      const boxes = [...range.getClientRects()].filter(({ width }) => width > 0);
      if (boxes.length) found.push({ one, boxes });
    }
    return found;
  }

  function overlapping() {
    const parts = texts().flatMap(({ one, boxes }) =>
      boxes.map((box) => ({ one, box: whole(box) })),
    );
    for (const one of all(CONTROLS)) parts.push({ one, box: whole(one.getBoundingClientRect()) });
    const drawn = parts
      .map(({ one, box }) => ({ one, box: seen(one, box), layer: layer(one) }))
      .filter(({ box }) => area(box) > 16);
    const found = new Set();
    for (const [at, a] of drawn.entries())
      for (const b of drawn.slice(at + 1)) {
        if (a.layer !== b.layer || a.one.contains(b.one) || b.one.contains(a.one)) continue;
        // A number box has its label and the reset button inside. The number is at its other end.
        if (a.one.localName === "input" && a.one.matches(".size .changed:has(> .put-back) *"))
          if (b.one.matches(".put-back")) continue;
        const both = common(a.box, b.box);
        if (both.right - both.left > 2 && both.bottom - both.top > 3)
          found.add(`${named(a.one)} and ${named(b.one)} overlap`);
      }
    return [...found];
  }

  const pen = document.createElement("canvas").getContext("2d");
  /** Return the width of a text in an element's font. */
  const widthOf = (text, one) => {
    pen.font = getComputedStyle(one).font;
    return pen.measureText(text).width;
  };
  const CROSS = 0.875; // em, the clear button of a search field, which takes its room even before the user types
  const roomIn = (one) => {
    const { paddingLeft, paddingRight, fontSize } = getComputedStyle(one);
    const cross = one.type === "search" ? CROSS * Number.parseFloat(fontSize) : 0;
    return (
      one.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight) - cross
    );
  };

  function cutOff() {
    const found = [];
    for (const { one, boxes } of texts()) {
      // The full text is available elsewhere, or where the pointer is.
      if (one.closest("[title], .media, .info-text")) continue;
      for (const { at, style, box } of clips(one)) {
        const scrolls = /auto|scroll/.test(style.overflowX + style.overflowY);
        if (scrolls) break;
        if (area(box) < 16) break;
        if (!boxes.every((text) => within(text, box)))
          found.push(`the text of ${named(one)} is cut off by ${named(at)}`);
      }
    }
    for (const one of all("input[type=number]"))
      if (one.scrollWidth > one.clientWidth + NEAR) found.push(`${named(one)} is too narrow`);
    // The text in these controls isn't a text node, and the browser cuts it off without a trace in the DOM.
    for (const one of all("select, input[placeholder]")) {
      const text = one.selectedOptions?.[0]?.text ?? (one.value ? "" : one.placeholder);
      if (widthOf(text, one) > roomIn(one) + NEAR)
        found.push(`“${text}” is cut off by ${named(one)}`);
    }
    return found;
  }

  function tooSmall() {
    const found = [];
    // A slider may be thin: the user can drag it along its whole length, and it has a number field beside it.
    for (const one of all(`${CONTROLS}, [role=option], [role=menuitem], [role=button]`)) {
      if (one.matches("[type=range]") || getComputedStyle(one).pointerEvents === "none") continue;
      const boxes = [one, ...(one.labels ?? [])].map((part) => part.getBoundingClientRect());
      // A pseudo-element can extend the area around the control.
      const around = getComputedStyle(one, "::before");
      const more = around.position === "absolute" ? around : {};
      const width = Math.max(Number.parseFloat(more.width) || 0, ...boxes.map((box) => box.width));
      const height = Math.max(
        Number.parseFloat(more.height) || 0,
        ...boxes.map((box) => box.height),
      );
      const inText = one.matches("a") && getComputedStyle(one).display === "inline";
      if (!inText && Math.min(width, height) < FINGER - 0.5 && area(seen(one, boxes[0])) > 0)
        found.push(`${named(one)} is ${Math.round(width)} × ${Math.round(height)} px`);
    }
    return found;
  }

  function outside() {
    const found = [];
    if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
    const [box, viewport] = ["#stage .box", "#stage .viewport"].map((one) => all(one)[0]);
    if (!box || !viewport) return found;
    const inner = all("#stage .media > *");
    for (const [one, place] of [[viewport, box], ...inner.map((one) => [one, viewport])])
      if (!within(one.getBoundingClientRect(), place.getBoundingClientRect()))
        found.push(`${named(one)} is outside of ${named(place)}`);
    return found;
  }

  /** Return the ancestor that clips an element's focus ring at every scroll position, or null. */
  function cutsRing(one) {
    const { outlineStyle, outlineWidth, outlineOffset } = getComputedStyle(one);
    if (outlineStyle === "none") return null;
    const reach = Number.parseFloat(outlineWidth) + Number.parseFloat(outlineOffset) - 1;
    let { left, top, right, bottom } = one.getBoundingClientRect();
    let { position } = getComputedStyle(one);
    for (let at = one.parentElement; at && position !== "fixed"; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (position === "absolute" && style.position === "static") continue;
      position = style.position;
      if (!clipping(style)) continue;
      const edge = at.getBoundingClientRect();
      const [x, y] = [
        at.scrollLeft - edge.left - at.clientLeft,
        at.scrollTop - edge.top - at.clientTop,
      ];
      if (left + x < reach || top + y < reach) return at;
      if (right + x > at.scrollWidth - reach || bottom + y > at.scrollHeight - reach) return at;
      // Ancestors further out can't clip parts that are scrolled out of view here.
      [left, right] = [Math.max(left, edge.left + reach), Math.min(right, edge.right - reach)];
      [top, bottom] = [Math.max(top, edge.top + reach), Math.min(bottom, edge.bottom - reach)];
    }
    return null;
  }

  /** Find elements that are covered at their center, or whose ring is cut, while they have the focus. */
  function hiddenFocus() {
    const found = [];
    const had = document.activeElement;
    const scrolled = scrollY;
    for (const one of all(`${CONTROLS}, video, [tabindex='0']`)) {
      if (one.disabled || one.tabIndex < 0) continue;
      one.focus();
      if (document.activeElement !== one) continue;
      const { left, top, right, bottom } = one.getBoundingClientRect();
      const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      const own = [one, ...(one.labels ?? [])];
      if (!hit || !own.some((part) => part.contains(hit) || hit.contains(part)))
        found.push(`${named(one)} has the focus behind ${hit ? named(hit) : "the window's edge"}`);
      const by = cutsRing(one);
      if (by) found.push(`the focus ring of ${named(one)} is cut by ${named(by)}`);
    }
    had instanceof HTMLElement
      ? had.focus({ preventScroll: true })
      : document.activeElement?.blur();
    scrollTo(0, scrolled);
    return found;
  }

  globalThis.geometry = {
    /** @param {{ focus: boolean }} options */
    wrong: ({ focus }) => [
      ...outside(),
      ...overlapping(),
      ...cutOff(),
      ...(innerWidth < 500 ? tooSmall() : []),
      ...(focus ? hiddenFocus() : []),
    ],
    tooSmall,
    /** Return the positions of elements relative to the first one. */
    places: (selectors) => {
      const boxes = selectors.map((one) => document.querySelector(one)?.getBoundingClientRect());
      const round = (at, from) => Math.round(at - from);
      return boxes.map((box) => box && [round(box.x, boxes[0].x), round(box.y, boxes[0].y)]);
    },
    /** Return whether the viewport covers the whole window. */
    covers: () => {
      const corners = [2, innerWidth - 3].flatMap((x) => [2, innerHeight - 3].map((y) => [x, y]));
      return corners.every(([x, y]) =>
        document.elementFromPoint(x, y)?.closest("#stage .viewport"),
      );
    },
  };
})();
