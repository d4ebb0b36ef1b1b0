// @ts-check
// Escapes a text for fields with alternatives, as comfy/prompt/wildcards.py::literal_text does.

const SIGN = /(\\*)([{}|])/g;
const COMMENT_BEGINS = /\/(?=[/*])/g;

/**
 * Return the text escaped so that it stands for itself, including braces and `//`.
 * @param {string} text
 */
export function literalText(text) {
  if (!/\{|\\[}|]|\/[/*]/.test(text)) return text;
  const signs = text.replace(SIGN, (_, backslashes, sign) =>
    // A backslash before a sign escapes the next backslash, so an odd number of them needs one more.
    backslashes.length % 2 ? `${backslashes}\\{\\${sign}}` : `${backslashes}\\${sign}`,
  );
  return signs.replace(COMMENT_BEGINS, "/{}");
}
