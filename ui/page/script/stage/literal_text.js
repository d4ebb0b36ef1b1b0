// @ts-check
// A text as it is typed where alternatives are drawn: comfy/prompt/wildcards.py::literal_text.

const SIGN = /(\\*)([{}|])/g;
const COMMENT_BEGINS = /\/(?=[/*])/g;

/**
 * The text that stands for this one alone, braces, `//` and all.
 * @param {string} text
 */
export function literalText(text) {
  if (!/\{|\\[}|]|\/[/*]/.test(text)) return text;
  const signs = text.replace(SIGN, (_, backslashes, sign) =>
    // Each backslash before a sign takes the one after it for itself.
    backslashes.length % 2 ? `${backslashes}\\{\\${sign}}` : `${backslashes}\\${sign}`,
  );
  return signs.replace(COMMENT_BEGINS, "/{}");
}
