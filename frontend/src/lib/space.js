// Spatial navigation: arrow keys move the one focus to the nearest thing in that direction.

const FOCUSABLE = "a[href], button:not([disabled]), input:not([type=hidden])";
const SIDEWAYS = 3; // how much worse a step aside is than a step ahead

const visible = (element) => element.offsetParent !== null || element.getClientRects().length > 0;

export function targets(root = document) {
  return [...root.querySelectorAll(FOCUSABLE)].filter(visible);
}

function distance(from, to, key) {
  const ahead = { ArrowLeft: from.left - to.right, ArrowRight: to.left - from.right, ArrowUp: from.top - to.bottom, ArrowDown: to.top - from.bottom }[key];
  if (ahead < -Math.min(from.height, to.height, from.width, to.width) / 2) return Infinity;
  const flat = key === "ArrowLeft" || key === "ArrowRight";
  // Rows are walked along; from row to row the focus takes what is above or below it.
  if (flat && (to.bottom <= from.top || to.top >= from.bottom)) return Infinity;
  const aside = flat
    ? Math.abs(from.top + from.height / 2 - to.top - to.height / 2)
    : Math.max(0, to.left - from.right, from.left - to.right) + Math.abs(from.left - to.left) / 10;
  return Math.max(0, ahead) + SIDEWAYS * aside;
}

/** The nearest target from the focus in the direction of an arrow key, or undefined at the edge. */
export function nearest(current, key, root = document) {
  const from = current.getBoundingClientRect();
  let best;
  let least = Infinity;
  for (const candidate of targets(root)) {
    if (candidate === current) continue;
    const far = distance(from, candidate.getBoundingClientRect(), key);
    if (far < least) [best, least] = [candidate, far];
  }
  return best;
}

export function focus(element) {
  if (!element) return;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "center", inline: "nearest" });
}
