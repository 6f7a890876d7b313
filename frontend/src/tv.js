// The television: four arrows, Enter and Back reach everything; the focus is remembered for each page.

import { source } from "./lib/engine.js";
import { clock, everywhere, find, keep, tell } from "./lib/progress.js";
import { focus, nearest, targets } from "./lib/space.js";
import { plates } from "./lib/viewer.js";

const BACK = new Set(["Backspace", "GoBack", "BrowserBack", "Escape", "XF86Back"]);
const ARROWS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);
const memory = `wenlan:tv:${location.pathname}`;
const player = document.querySelector("[data-tv-player]");

function back() {
  const up = document.querySelector("[data-back]")?.dataset.back;
  if (up) location.assign(up);
}

function remembered() {
  const all = targets();
  const last = sessionStorage.getItem(memory);
  return document.querySelector("[data-first]") ?? (last && all.find((one) => one.getAttribute("href") === last)) ??
    all.find((one) => one.closest("main")) ?? all[0];
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
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

const going = document.querySelector("[data-continue]");
if (going) {
  everywhere().then((items) => {
    const shown = items.filter((item) => !item.finished && item.kind !== "reading").slice(0, 12);
    if (!shown.length) return;
    going.querySelector(".tv-line").replaceChildren(...shown.map((item) => {
      const link = document.createElement("a");
      link.className = "tv-card";
      link.href = item.url.replace(/^\/courses\//, "/tv/");
      const cover = document.createElement("span");
      cover.className = "cover";
      const image = document.createElement("img");
      Object.assign(image, { src: item.cover, alt: "" });
      const badge = document.createElement("span");
      badge.className = "badge";
      badge.textContent = clock(item.position);
      cover.append(image, badge);
      const title = document.createElement("span");
      title.className = "tv-title";
      title.textContent = item.course;
      const meta = document.createElement("span");
      meta.className = "tv-meta";
      meta.textContent = item.title;
      link.append(cover, title, meta);
      return link;
    }));
    going.hidden = false;
  });
}

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
  const sizes = ["110%", "140%", "180%"];
  let restarted = false;
  let size = 0;
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
  const tracks = () => [...video.textTracks].filter((track) => track.kind === "captions");
  if (tracks()[0]) tracks()[0].mode = "showing";
  const acts = {
    play: toggle,
    back: () => (video.currentTime -= 10),
    forward: () => (video.currentTime += 30),
    restart: () => {
      restarted = true;
      video.currentTime = 0;
      video.play().catch(() => {});
    },
    captions: (pressed) => {
      const on = tracks()[0].mode !== "showing";
      tracks()[0].mode = on ? "showing" : "hidden";
      pressed.setAttribute("aria-pressed", String(on));
    },
    size: () => player.style.setProperty("--cue", sizes[(size = (size + 1) % sizes.length)]),
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
  let told = Date.now();
  const remember = (last) => {
    if (!video.played.length) return;
    keep(entry());
    if (last || Date.now() - told > 15_000) {
      told = Date.now();
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
