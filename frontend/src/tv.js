// The television: four arrows, Enter and Back reach everything; the focus is remembered for each page.

import { captions } from "./lib/captions.js";
import { element } from "./lib/cards.js";
import { source } from "./lib/engine.js";
import { favourite, favourites } from "./lib/favourites.js";
import { counted } from "./lib/plays.js";
import { clock, everywhere, find, forget, keep, tell } from "./lib/progress.js";
import { focus, nearest, targets } from "./lib/space.js";
import { plates } from "./lib/viewer.js";

const BACK = new Set(["Backspace", "GoBack", "BrowserBack", "Escape", "XF86Back"]);
const STEPS = ["", "small", "medium", "large", "huge"]; // of the captions; the first is none
const ARROWS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);
const memory = `wenlan:tv:${location.pathname}`;
const left = sessionStorage.getItem(memory); // what had the focus when this page was left
const player = document.querySelector("[data-tv-player]");
let touched = false; // whether a key was pressed on this page

function back() {
  const up = document.querySelector("[data-back]")?.dataset.back;
  if (up) location.assign(up);
}

function remembered() {
  const all = targets();
  return document.querySelector("[data-first]") ?? (left && all.find((one) => one.getAttribute("href") === left)) ??
    all.find((one) => one.closest("main")) ?? all[0];
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  touched = true;
  if (looking?.dialog.open) return lookKey(event);
  if (player && playerKey(event)) return event.preventDefault();
  const writing = event.target.matches("input:not([type=checkbox])");
  if (writing && (event.key === "ArrowLeft" || event.key === "ArrowRight")) return; // within the word
  if (ARROWS.has(event.key)) {
    event.preventDefault();
    const here = document.activeElement;
    focus(here && here !== document.body ? nearest(here, event.key) : remembered());
  } else if (BACK.has(event.key) && !(writing && event.key === "Backspace")) {
    event.preventDefault();
    back();
  }
});
document.addEventListener("focusin", (event) => {
  const href = event.target.getAttribute("href");
  if (href) sessionStorage.setItem(memory, href);
});

// A gallery's plates open inside the page: left and right turn them, up and down enlarge, Enter and Back return.
const gallery = document.querySelector("[data-gallery]");
const opened = gallery && plates(gallery, focus);
const looking = opened?.viewer;
opened?.links.forEach((link, index) => link.addEventListener("click", (event) => {
  event.preventDefault();
  looking.show(index);
}));

function lookKey(event) {
  const closer = { ArrowUp: "+", ArrowDown: "-" }[event.key];
  const moving = looking.dialog.querySelector(".zoomed");
  if (BACK.has(event.key) || (event.key === "Enter" && !moving)) {
    event.preventDefault();
    looking.dialog.close();
  } else if (event.key === "Enter") {
    event.preventDefault();
    looking.dialog.dispatchEvent(new KeyboardEvent("keydown", { key: "0", bubbles: true }));
  } else if (closer && !moving) {
    event.preventDefault();
    looking.dialog.dispatchEvent(new KeyboardEvent("keydown", { key: closer, bubbles: true }));
  }
}

// A pad that answers without loading the page would need its own list; loading keeps one truth, and the focus stays on the key.
const pad = document.querySelector(".tv-keys");
pad?.addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]");
  if (key) sessionStorage.setItem("wenlan:tv:key", key.dataset.key);
});
const pressed = pad && sessionStorage.getItem("wenlan:tv:key");
sessionStorage.removeItem("wenlan:tv:key");

function card({ url, cover, course, title, badge = "" }) {
  const link = Object.assign(element("a", "tv-card"), { href: url.replace(/^\/courses\//, "/tv/") });
  const frame = element("span", "cover");
  frame.append(Object.assign(document.createElement("img"), { src: cover, alt: "" }));
  if (badge) frame.append(element("span", "badge", badge));
  link.append(frame, element("span", "tv-title", course), element("span", "tv-meta", title));
  return link;
}

function fill(row, items) {
  if (!items.length) return;
  row.querySelector(".tv-line").replaceChildren(...items.map(card));
  row.hidden = false;
  // A row that comes late moves what is below it: the focus stays in sight, or begins at what was being watched.
  if (!touched) focus(remembered());
  else if (document.activeElement !== document.body) focus(document.activeElement);
}

const star = document.querySelector("[data-favourite]");
if (star) favourite(star);

const going = document.querySelector("[data-continue]");
if (going) {
  everywhere().then((items) => {
    const open = items.filter((item) => !item.finished && item.kind !== "reading").slice(0, 12);
    fill(going, open.map((item) => ({ ...item, badge: clock(item.position) })));
    return favourites();
  }).then((items) => fill(
    document.querySelector("[data-favourites]"),
    items.slice(0, 40).map(({ title, institution, ...item }) => ({ ...item, course: title, title: institution })),
  ));
}
document.querySelector("form[data-sign-out]")?.addEventListener("submit", forget);

// A code for the phone: asked every few seconds what became of it, so the set goes on by itself.
const linking = document.querySelector("[data-link]");
if (linking) {
  const { link, token, refused, expired } = linking.dataset;
  const told = linking.querySelector("[data-told]");
  const ask = async () => {
    const headers = { "X-CSRFToken": token };
    const answer = await fetch(link, { method: "POST", headers }).then((said) => said.json()).catch(() => ({ state: "waiting" }));
    if (answer.state === "approved") location.replace(answer.next);
    else if (answer.state === "waiting") setTimeout(ask, 2000);
    else told.textContent = answer.state === "refused" ? refused : expired;
  };
  setTimeout(ask, 2000);
}

// The player --------------------------------------------------------------------------------------
let quietTimer;
let video;

function wake() {
  player.classList.remove("quiet");
  clearTimeout(quietTimer);
  if (!video.paused) quietTimer = setTimeout(() => player.classList.add("quiet"), 5000);
}

function playerKey(event) {
  const asleep = player.classList.contains("quiet");
  wake();
  if (event.key === "MediaPlayPause" || event.key === " ") {
    toggle();
    return true;
  }
  if (!asleep) return false;
  // While the controls are hidden, left and right seek and Enter pauses, as on any set.
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    video.currentTime += event.key === "ArrowLeft" ? -10 : 10;
    return true;
  }
  if (event.key === "Enter") {
    toggle();
    return true;
  }
  return ARROWS.has(event.key);
}

function toggle() {
  if (video.paused) video.play().catch(() => {});
  else video.pause();
}

async function startPlayer() {
  const data = JSON.parse(document.getElementById("player-data").textContent);
  const note = player.querySelector(".tv-note");
  const bar = player.querySelector(".tv-bar i");
  const now = player.querySelector("[data-now]");
  const button = player.querySelector("[data-act=play]");
  let restarted = false;
  video = player.querySelector("video");
  const places = await everywhere();
  const known = places.find((item) => String(item.lesson) === String(data.lesson)) ?? find(data.lesson);
  const start = known && !known.finished && known.position > 5 ? known.position : 0;
  const tellOf = (words) => () => {
    note.textContent = words;
    note.hidden = false;
    wake();
  };
  await source(video, data, { lost: tellOf(data.words.lost), failed: tellOf(data.words.failed) }).open({ at: start });
  video.addEventListener("playing", () => (note.hidden = true));
  const words = captions(video, player);
  // Buttons and words take one line or several, by language; captions stand above them.
  const overlay = player.querySelector(".tv-overlay");
  new ResizeObserver(() => player.style.setProperty("--controls", `${overlay.offsetHeight}px`)).observe(overlay);
  const stepper = player.querySelector("[data-act=captions]");
  const step = () => (words.look.off ? 0 : STEPS.indexOf(words.look.size));
  const tongue = player.querySelector("[data-act=language]");
  const told = () => {
    if (stepper) stepper.querySelector("b").textContent = stepper.dataset.steps.split("|")[step()];
    if (tongue) tongue.querySelector("b").textContent = words.chosen().label;
  };
  told();
  const acts = {
    play: toggle,
    back: () => (video.currentTime -= 10),
    forward: () => (video.currentTime += 30),
    restart: () => {
      restarted = true;
      video.currentTime = 0;
      video.play().catch(() => {});
    },
    captions: () => {
      const size = STEPS[(step() + 1) % STEPS.length];
      words.choose(size ? { size, off: false } : { off: true });
      told();
    },
    language: () => {
      const next = words.tracks[(words.tracks.indexOf(words.chosen()) + 1) % words.tracks.length];
      words.choose({ language: next.srclang, off: false });
      told();
    },
  };
  player.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-act]");
    if (pressed) acts[pressed.dataset.act](pressed);
  });
  const entry = () => ({
    lesson: data.lesson, course: data.course, title: data.title, url: data.url, cover: data.cover, kind: data.kind, institution: data.institution,
    position: Math.floor(video.currentTime), duration: video.duration || data.duration, restarted,
    finished: video.ended || (video.duration > 60 && video.currentTime > video.duration - 15),
  });
  counted(video, data.lesson);
  let reported = Date.now();
  const remember = (last) => {
    if (!video.played.length) return;
    keep(entry());
    if (last || Date.now() - reported > 15_000) {
      reported = Date.now();
      tell(entry(), { last });
    }
  };
  video.addEventListener("timeupdate", () => {
    now.textContent = clock(video.currentTime);
    bar.style.width = `${(100 * video.currentTime) / (video.duration || 1)}%`;
    remember(false);
  });
  for (const name of ["play", "pause"]) video.addEventListener(name, () => {
    button.textContent = video.paused ? button.dataset.play : button.dataset.pause;
    wake();
    if (video.paused) remember(true);
  });
  video.addEventListener("ended", () => {
    remember(true);
    if (data.next) location.assign(data.next);
    else wake();
  });
  document.addEventListener("visibilitychange", () => document.hidden && remember(true));
  video.play().catch(() => {}); // sets without autoplay wait for the play button, which has the focus
}

if (player) startPlayer();
focus(pressed ? pad.querySelector(`[data-key="${pressed}"]`) : remembered());
