// @ts-check
// Changes to a whole mask: growing, shrinking and feathering. A mask is one byte per pixel, 255 where it is strongest,
// row by row. Soft values stay soft. Pure.

const DIAGONAL = 0.293; // share of the distance that diagonal steps cover, so that a point grows into an octagon
const OPAQUE = 255;

/**
 * Return a mask that reaches further by some pixels in all directions.
 * @param {Uint8ClampedArray} mask
 * @param {number} width of the image
 * @param {number} pixels
 */
export function grownMask(mask, width, pixels) {
  // Diagonal steps alone would leave out every other pixel, so at least one straight step follows.
  const slanted = Math.min(Math.round(pixels * DIAGONAL), Math.floor((pixels - 1) / 2));
  const straight = pixels - 2 * slanted;
  // On diagonals, values pass through places outside the image.
  const [wide, high] = [width + 2 * slanted, mask.length / width + 2 * slanted];
  const grown = new Uint8ClampedArray(wide * high);
  for (let y = 0; y * width < mask.length; y += 1)
    grown.set(mask.subarray(y * width, (y + 1) * width), (y + slanted) * wide + slanted);
  for (const [x, y, reach] of [
    [1, 0, straight],
    [0, 1, straight],
    [1, 1, slanted],
    [-1, 1, slanted],
  ])
    spread(grown, wide, high, { x: x ?? 0, y: y ?? 0 }, reach ?? 0);
  return mask.map((_, at) => {
    const y = Math.floor(at / width);
    return grown[(y + slanted) * wide + slanted + at - y * width] ?? 0;
  });
}

/**
 * Return a mask that reaches less far by some pixels. It doesn't recede from the image's edges.
 * @param {Uint8ClampedArray} mask
 * @param {number} width of the image
 * @param {number} pixels
 */
export const shrunkMask = (mask, width, pixels) =>
  inverted(grownMask(inverted(mask), width, pixels));

/**
 * Return a mask whose edges fade over about this many pixels on both sides. At the image's edges it doesn't fade.
 * @param {Uint8ClampedArray} mask
 * @param {number} width of the image
 * @param {number} pixels
 */
export function featheredMask(mask, width, pixels) {
  const height = mask.length / width;
  const reach = Math.max(1, Math.round(pixels / 2));
  const values = Float32Array.from(mask);
  const other = new Float32Array(mask.length);
  // Three box blurs are close to a Gaussian one.
  for (let pass = 0; pass < 3; pass += 1) {
    blur(values, other, { lines: height, stride: width, length: width, step: 1 }, reach);
    blur(other, values, { lines: width, stride: 1, length: height, step: width }, reach);
  }
  return Uint8ClampedArray.from(values, Math.round);
}

/** @param {Uint8ClampedArray} mask */
const inverted = (mask) => mask.map((value) => OPAQUE - value);

/**
 * Give each pixel the largest value within reach along one direction, and against it.
 * @param {Uint8ClampedArray} mask
 * @param {number} width
 * @param {number} height
 * @param {{ x: number, y: number }} way one pixel per axis at most
 * @param {number} reach
 */
function spread(mask, width, height, way, reach) {
  for (const sign of [1, -1]) {
    // Each step doubles the distance that the values have covered.
    for (let covered = 0; covered < reach; ) {
      const by = Math.min(covered + 1, reach - covered);
      take(mask, width, height, { x: way.x * by * sign, y: way.y * by * sign });
      covered += by;
    }
  }
}

/**
 * Give each pixel the larger of its own value and the value at an offset. The order makes sure that the other
 * pixel still has its old value.
 * @param {Uint8ClampedArray} mask
 * @param {number} width
 * @param {number} height
 * @param {{ x: number, y: number }} by
 */
function take(mask, width, height, { x, y }) {
  const offset = y * width + x;
  const [left, right] = [Math.max(0, -x), Math.min(width, width - x)];
  const [top, bottom] = [Math.max(0, -y), Math.min(height, height - y)];
  for (let line = 0; line < bottom - top; line += 1) {
    const start = (offset > 0 ? top + line : bottom - 1 - line) * width;
    for (let column = 0; column < right - left; column += 1) {
      const at = start + (offset > 0 ? left + column : right - 1 - column);
      const value = mask[at + offset] ?? 0;
      if (value > (mask[at] ?? 0)) mask[at] = value;
    }
  }
}

/**
 * Write the mean of the values within reach on each line of pixels. Beyond a line's ends, its last value continues.
 * @param {Float32Array} from
 * @param {Float32Array} to
 * @param {{ lines: number, stride: number, length: number, step: number }} layout `stride`: between lines; `step`:
 *   between the pixels of a line
 * @param {number} reach
 */
function blur(from, to, { lines, stride, length, step }, reach) {
  const share = 1 / (2 * reach + 1);
  for (let line = 0; line < lines; line += 1) {
    const start = line * stride;
    const last = start + (length - 1) * step;
    const first = from[start] ?? 0;
    let sum = first * reach;
    for (let at = 0; at <= reach; at += 1) sum += from[Math.min(start + at * step, last)] ?? 0;
    for (let at = 0; at < length; at += 1) {
      to[start + at * step] = sum * share;
      const leaving = at < reach ? first : (from[start + (at - reach) * step] ?? 0);
      sum += (from[Math.min(start + (at + reach + 1) * step, last)] ?? 0) - leaving;
    }
  }
}
