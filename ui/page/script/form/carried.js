// @ts-check
// Whether an image says how it was made: comfy/workflow/extract.py reads it. Pure.

const HEAD = 1000; // bytes of a PNG, in which ComfyUI begins to say it
const IN_PNG = /(tEXt|iTXt|zTXt)(prompt|workflow)\0/;
const END = 1_000_000; // bytes at either end of any other image, where its EXIF and comments are
const ELSEWHERE = /(prompt|workflow)"?\s*:\s*"?\{/i;

/** @param {Blob} file */
export async function carriesWorkflow(file) {
  if (file.type === "image/png") return IN_PNG.test(await file.slice(0, HEAD).text());
  if (!file.type.startsWith("image/")) return false;
  const ends = file.size > 2 * END ? [file.slice(0, END), file.slice(-END)] : [file];
  // Some programs write UTF-16, of which nothing but zeros is in the way.
  return ELSEWHERE.test((await new Blob(ends).text()).replaceAll("\0", ""));
}
