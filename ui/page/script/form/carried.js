// @ts-check
// Detection of workflows embedded in images. comfy/workflow/extract.py reads them on the server. Pure.

const HEAD = 1000; // bytes: ComfyUI writes its metadata at the start of a PNG
const IN_PNG = /(tEXt|iTXt|zTXt)(prompt|workflow)\0/;
const END = 1_000_000; // bytes at either end of any other image, which contain its EXIF data and comments
const ELSEWHERE = /(prompt|workflow)"?\s*:\s*"?\{/i;

/** @param {Blob} file @returns whether an image contains a ComfyUI workflow or prompt */
export async function carriesWorkflow(file) {
  if (file.type === "image/png") return IN_PNG.test(await file.slice(0, HEAD).text());
  if (!file.type.startsWith("image/")) return false;
  const ends = file.size > 2 * END ? [file.slice(0, END), file.slice(-END)] : [file];
  // Some programs write UTF-16. Without its zero bytes, the pattern matches.
  return ELSEWHERE.test((await new Blob(ends).text()).replaceAll("\0", ""));
}
