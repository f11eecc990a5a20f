/** Two models on one picture: which objects both see. */

const OVERLAP = 0.5;

/** Intersection over union of two boxes [x, y, width, height]. */
export function overlap(one, other) {
  const wide = Math.min(one[0] + one[2], other[0] + other[2]) - Math.max(one[0], other[0]);
  const high = Math.min(one[1] + one[3], other[1] + other[3]) - Math.max(one[1], other[1]);
  if (wide <= 0 || high <= 0) return 0;
  return (wide * high) / (one[2] * one[3] + other[2] * other[3] - wide * high);
}

/**
 * Pairs of objects of one class that overlap by half or more, best score first, each object in one pair at most.
 * Returns a Map from an object to its partner, both ways.
 */
export function pairs(first, second) {
  const partners = new Map();
  for (const one of [...first].sort((a, b) => b.score - a.score)) {
    let best = null, most = OVERLAP;
    for (const other of second) {
      if (partners.has(other) || other.name !== one.name) continue;
      const share = overlap(one.box, other.box);
      if (share >= most) [best, most] = [other, share];
    }
    if (best) partners.set(one, best).set(best, one);
  }
  return partners;
}
