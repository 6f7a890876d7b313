// Looking closely at pictures: one after the other, moved and enlarged by mouse, finger, wheel and keys. A picture that is
// larger than its largest file comes in tiles, and only those in sight are fetched.

const STEP = 1.6; // a press of + or −
const PAN = 80; // pixels an arrow key moves an enlarged picture
const CLOSEST = 4; // how much larger than the whole a picture without tiles may get

function element(name, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  return made;
}

/** A dialog over `pictures` ({src, name, zoom: {tile, levels, url} or null}); `words`: [closer, farther, before, after, close].
 * Returns {show(index), dialog}; `onClose` is told which picture was seen last. */
export function viewer(pictures, words, onClose) {
  const dialog = element("dialog", "viewer");
  const canvas = element("div", "canvas");
  const sheet = element("div", "sheet");
  const image = element("img");
  const footer = element("footer");
  const caption = element("p");
  caption.setAttribute("role", "status");
  sheet.append(image);
  canvas.append(sheet);
  const [closerWord, fartherWord, beforeWord, afterWord, closeWord] = words;
  const button = (text, act) => {
    const made = element("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };
  const closer = button(closerWord, () => zoomBy(STEP));
  const farther = button(fartherWord, () => zoomBy(1 / STEP));
  footer.append(button(beforeWord, () => show(shown - 1)), button(afterWord, () => show(shown + 1)), caption, farther, closer, button(closeWord, () => dialog.close()));
  dialog.append(canvas, footer);
  document.body.append(dialog);

  let shown = 0;
  let full = { width: 1, height: 1 }; // the picture's own pixels
  let scale = 1; // pixels of the screen for one of the picture
  let at = { x: 0, y: 0 }; // its corner on the canvas
  const tiles = new Map();

  const zoom = () => pictures[shown].zoom;
  const fit = () => Math.min(canvas.clientWidth / full.width, canvas.clientHeight / full.height, zoom() ? Infinity : 1);
  const enlarged = () => scale > fit() * 1.01;

  /** Draws the sheet where it is; a side that is smaller than the canvas stays in the middle. */
  function place() {
    const least = fit();
    scale = Math.min(Math.max(scale, least), Math.max(least * CLOSEST, 2 / devicePixelRatio));
    const inside = (room, length, corner) => (length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, corner)));
    const width = full.width * scale;
    const height = full.height * scale;
    at = { x: inside(canvas.clientWidth, width, at.x), y: inside(canvas.clientHeight, height, at.y) };
    Object.assign(sheet.style, { left: `${at.x}px`, top: `${at.y}px`, width: `${width}px`, height: `${height}px` });
    canvas.classList.toggle("zoomed", enlarged());
    farther.disabled = !enlarged();
    if (zoom() && width * devicePixelRatio > image.naturalWidth) lay();
  }

  /** Puts the tiles in sight onto the sheet, of the smallest level that is sharp. */
  function lay() {
    const { tile, levels, url } = zoom();
    const wanted = full.width * scale * devicePixelRatio;
    const depth = Math.max(0, levels.findIndex((level) => level.width >= wanted * 0.99));
    const number = levels[depth].width >= wanted * 0.99 ? depth : levels.length - 1;
    const level = levels[number];
    const size = (tile / level.width) * full.width * scale;
    const seen = (corner, room, count) => [Math.max(0, Math.floor(-corner / size)), Math.min(count - 1, Math.floor((room - corner) / size))];
    const [left, right] = seen(at.x, canvas.clientWidth, level.columns);
    const [top, bottom] = seen(at.y, canvas.clientHeight, level.rows);
    for (const [key, one] of tiles) if (!key.startsWith(`${number} `)) one.remove(), tiles.delete(key);
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const key = `${number} ${column} ${row}`;
        if (tiles.has(key)) continue;
        const one = element("img");
        const width = Math.min(tile, level.width - column * tile);
        const height = Math.min(tile, level.height - row * tile);
        const part = (length, whole) => `${(100 * length) / whole}%`;
        Object.assign(one.style, {
          left: part(column * tile, level.width), top: part(row * tile, level.height), width: part(width, level.width), height: part(height, level.height),
        });
        one.alt = "";
        one.src = url.replace("{level}", number).replace("{column}", column).replace("{row}", row);
        one.addEventListener("error", () => one.remove()); // the whole picture lies beneath
        tiles.set(key, one);
        sheet.append(one);
      }
    }
  }

  /** Enlarges by `factor` so that the point (x, y) of the canvas stays under the finger. */
  function zoomBy(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const before = scale;
    scale *= factor;
    scale = Math.min(Math.max(scale, fit()), Math.max(fit() * CLOSEST, 2 / devicePixelRatio));
    at = { x: x - ((x - at.x) * scale) / before, y: y - ((y - at.y) * scale) / before };
    place();
  }

  function whole() {
    const top = zoom()?.levels.at(-1);
    full = { width: top?.width ?? image.naturalWidth, height: top?.height ?? image.naturalHeight };
    scale = fit();
    place();
  }

  function show(index) {
    shown = (index + pictures.length) % pictures.length;
    for (const one of tiles.values()) one.remove();
    tiles.clear();
    const { src, name } = pictures[shown];
    image.alt = name;
    image.src = src;
    caption.textContent = `${name}  ${shown + 1} / ${pictures.length}`;
    if (!dialog.open) dialog.showModal();
    if (image.complete && image.naturalWidth) whole();
  }

  image.addEventListener("load", whole);
  image.draggable = false;
  new ResizeObserver(() => dialog.open && image.naturalWidth && place()).observe(canvas);
  dialog.addEventListener("close", () => onClose?.(shown));

  // Keys: arrows turn the pages of a whole picture and move an enlarged one.
  const moves = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN] };
  dialog.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (event.key === "+" || event.key === "=") zoomBy(STEP);
    else if (event.key === "-") zoomBy(1 / STEP);
    else if (event.key === "0") whole();
    else if (move && enlarged()) {
      at = { x: at.x + move[0], y: at.y + move[1] };
      place();
    } else if (event.key === "ArrowLeft") show(shown - 1);
    else if (event.key === "ArrowRight") show(shown + 1);
    else return;
    event.preventDefault();
  });

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    zoomBy(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });

  // One finger moves, two enlarge; a flick over a whole picture turns to the next, a tap enlarges.
  const fingers = new Map();
  let began;
  const middle = () => {
    const box = canvas.getBoundingClientRect();
    const points = [...fingers.values()];
    const mean = (side) => points.reduce((sum, point) => sum + point[side], 0) / points.length;
    return { x: mean("x") - box.left, y: mean("y") - box.top, apart: points.length > 1 ? Math.hypot(points[0].x - points[1].x, points[0].y - points[1].y) : 0 };
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    began = { ...middle(), pinched: fingers.size > 1 };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = middle();
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = middle();
    if (fingers.size > 1 && before.apart) zoomBy(after.apart / before.apart, after.x, after.y);
    if (!enlarged()) return;
    at = { x: at.x + after.x - before.x, y: at.y + after.y - before.y };
    place();
  });
  const lift = (event) => {
    if (!fingers.has(event.pointerId)) return;
    const end = middle();
    fingers.delete(event.pointerId);
    if (fingers.size || began.pinched || event.type === "pointercancel") return;
    const far = end.x - began.x;
    if (Math.hypot(far, end.y - began.y) < 6) enlarged() ? whole() : zoomBy(STEP * STEP, end.x, end.y);
    else if (!enlarged() && Math.abs(far) > 60) show(shown + (far < 0 ? 1 : -1));
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  return { show, dialog };
}

/** Pictures and words as a page's list of plates gives them. */
export function plates(list, onClose) {
  const links = [...list.querySelectorAll("a[data-number]")];
  const zooms = JSON.parse(document.getElementById("gallery-zooms")?.textContent ?? "{}");
  const pictures = links.map((link) => ({ src: link.href, name: link.textContent.trim(), zoom: zooms[link.dataset.number] ?? null }));
  return { links, viewer: viewer(pictures, list.dataset.words.split("|"), (index) => onClose?.(links[index])) };
}
