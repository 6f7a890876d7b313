// The player of film and sound: source, memory, quality, sound only, and what to say when nothing plays.

import { captions } from "./lib/captions.js";
import { source } from "./lib/engine.js";
import { lines } from "./lib/lines.js";
import { read, write } from "./lib/memory.js";
import { counted } from "./lib/plays.js";
import { clock, find, fromAccount, keep, tell } from "./lib/progress.js";
import { wave } from "./lib/wave.js";

const data = JSON.parse(document.getElementById("player-data").textContent);
const root = document.querySelector("[data-player]");
const video = root.querySelector("video");
const actions = document.querySelector("[data-player-actions]");
const note = root.querySelector("[data-player-note]");

// The controls take a phone's processor a while to make, and who only reads the page needs none: they come with the first
// touch, hover or key, or when something plays. Until then one plain button starts the film.
const begin = root.querySelector("[data-start]");
async function controls() {
  await import("./lib/controls.js");
  previews();
  const focused = document.activeElement === begin;
  begin.hidden = video.played.length > 0 || root.classList.contains("has-wave");
  if (focused && begin.hidden) root.querySelector("media-control-bar media-play-button").focus();
}
for (const name of ["pointerover", "pointerdown", "focusin"]) root.addEventListener(name, controls, { once: true });
video.addEventListener("playing", controls);
begin.addEventListener("click", () => video.play().catch(() => {}));

const words = captions(video, root);
for (const choice of actions?.querySelectorAll("select[data-captions]") ?? []) {
  const name = choice.dataset.captions;
  choice.value = words.look[name];
  choice.addEventListener("change", () => words.choose({ [name]: choice.value, off: false }));
}

const SPARING = "wenlan:sparing";
const TOLD = "wenlan:sparing-told";
const END = 15; // seconds before the end that count as finished
const REPORT = 15_000; // milliseconds between reports to the account

function say(text, action, label = data.words.retry) {
  note.textContent = text;
  if (action) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "chip", textContent: label });
    button.addEventListener("click", action);
    note.append(" ", button);
  }
  note.hidden = !text;
}

// Where to begin: what the address asks, else the newer of device and account, unless that was the end.
async function startingPoint() {
  if (data.start) return { at: data.start, resumed: false };
  const mine = find(data.lesson);
  const account = (await fromAccount()).find((item) => item.lesson === data.lesson);
  const newest = account && (!mine || Date.parse(account.updated_at) > mine.at) ? account : mine;
  if (!newest || newest.finished || newest.position < 5) return { at: 0, resumed: false };
  return { at: newest.position, resumed: true };
}

function failed() {
  root.dataset.failed = "";
  say(data.words.failed, () => {
    delete root.dataset.failed;
    say("");
    load({ at: video.currentTime }).then(() => video.play()).catch(() => {});
  });
}

const engine = source(video, data, { lost: () => say(data.words.lost), failed });
let soundOnly = false;
const chosen = read(SPARING, null);
let sparing = chosen ?? Boolean(navigator.connection?.saveData); // as the device is set, until the viewer says otherwise

/** Small pictures above the seek bar; nothing of them is fetched while data is saved. */
function previews() {
  const track = video.querySelector('track[label="thumbnails"]')?.track;
  if (track) track.mode = sparing ? "disabled" : "hidden";
}

async function load(options) {
  // What is kept on the device (lib/kept.js) has gaps that a browser's own HLS reads over; a script asks for what it needs.
  const here = "kept" in document.documentElement.dataset;
  await engine.open({ sound: soundOnly, sparing: sparing && !here, ...options, ...(here && { script: true }) });
  root.dataset.engine = engine.name;
}

addEventListener("offline", () => say(data.words.lost));
for (const [thing, name] of [[self, "online"], [video, "playing"]]) {
  thing.addEventListener(name, () => {
    if (!("failed" in root.dataset) && note.textContent === data.words.lost && navigator.onLine) say("");
  });
}
// A new source begins at the usual speed unless it is told otherwise.
video.addEventListener("ratechange", () => (video.defaultPlaybackRate = video.playbackRate));

const levels = root.querySelector("[data-wave]");
if (levels) wave(levels, video, data.waveform, data.duration, data.words.place);

// Memory ------------------------------------------------------------------------------------------
let restarted = false;

function entry() {
  const duration = Number.isFinite(video.duration) ? video.duration : data.duration;
  const position = Math.floor(video.currentTime);
  return {
    lesson: data.lesson, course: data.course, title: data.title, url: data.url, cover: data.cover, kind: data.kind,
    institution: data.institution, position, duration, finished: video.ended || (duration > 60 && position > duration - END),
    restarted,
  };
}

let reported = 0;
function remember(last = false) {
  if (!video.played.length) return;
  const now = entry();
  keep(now);
  if (last || Date.now() - reported > REPORT) {
    reported = Date.now();
    tell(now, { last });
  }
}
video.addEventListener("timeupdate", () => remember());
counted(video, data.lesson);
video.addEventListener("pause", () => remember(true));
video.addEventListener("ended", () => {
  remember(true);
  if (!data.next) return;
  const goOn = () => {
    sessionStorage.setItem("wenlan:go-on", "yes");
    location.assign(data.next);
  };
  // A film may end from what was loaded while the network is away: the browser's error page would be all that follows.
  if (navigator.onLine) goOn();
  else addEventListener("online", goOn, { once: true });
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") remember(true);
});

for (const list of document.querySelectorAll("[data-transcript], [data-chapters]")) lines(list, video);

// What stands below the picture -------------------------------------------------------------------
const restart = actions?.querySelector("[data-restart]");
restart?.addEventListener("click", () => {
  restarted = true;
  video.currentTime = 0;
  restart.hidden = true;
  say("");
  video.play().catch(() => {});
});

// The sound alone is another list, so that nothing of the picture is fetched; the place and the speed stay.
const quality = actions?.querySelector("[data-quality]");
const soundButton = actions?.querySelector("[data-audio-only]");
soundButton?.addEventListener("click", () => {
  soundOnly = !soundOnly;
  root.classList.toggle("sound-only", soundOnly);
  soundButton.setAttribute("aria-pressed", String(soundOnly));
  if (quality) quality.querySelector("select").disabled = soundOnly;
  load({ at: video.currentTime });
});

const spare = actions?.querySelector("[data-sparing]");
const showSparing = () => {
  if (!spare) return;
  spare.checked = sparing;
  actions.querySelector("[data-options]").classList.toggle("is-sparing", sparing);
};
function spareData(wanted) {
  sparing = wanted;
  write(SPARING, sparing);
  showSparing();
  previews();
  return load({ at: video.currentTime });
}
showSparing();
spare?.addEventListener("change", () => spareData(spare.checked));

/** Once on a device: that the film is small because the device is set to save data, and the way out. */
function tellSparing() {
  if (!sparing || chosen !== null || read(TOLD, false)) return false;
  write(TOLD, true);
  const all = () => {
    say("");
    spareData(false);
  };
  say(data.words.sparing, all, data.words.all);
  const seen = () => note.textContent.startsWith(data.words.sparing) && say("");
  video.addEventListener("playing", () => setTimeout(seen, 10_000), { once: true });
  return true;
}

if (quality && !self.MediaSource && !self.ManagedMediaSource) quality.hidden = true;
else if (quality) {
  const select = quality.querySelector("select");
  const apply = () => {
    if (!engine.hls) return;
    const height = Number(select.value);
    engine.hls.currentLevel = height ? engine.hls.levels.findIndex((level) => Math.min(level.height, level.width) === height) : -1;
  };
  select.addEventListener("change", async () => {
    if (engine.hls) return apply();
    await load({ at: video.currentTime, script: true }); // only hls.js lets a viewer choose
    engine.hls?.once("hlsManifestParsed", apply);
  });
}

// The settings close as menus do; "?" shows the keys wherever nothing is typed.
const options = actions?.querySelector("[data-options]");
const keys = actions?.querySelector("[data-keys-sheet]");
if (options) {
  document.addEventListener("click", (event) => options.contains(event.target) || (options.open = false));
  options.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !options.open) return;
    options.open = false;
    options.querySelector("summary").focus();
  });
  options.querySelector("[data-keys]").addEventListener("click", () => keys.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.key === "?" && !event.target.closest("input, select, textarea") && !keys.open) keys.showModal();
  });
}

// media-chrome hears keys while it has the focus; who has just opened the page has it nowhere. Digits go to tenths of the film.
const controller = root.querySelector("media-controller");
const seek = (by) => (video.currentTime = Math.max(0, Math.min(video.duration || 0, video.currentTime + by)));
const onPage = {
  k: () => (video.paused ? video.play().catch(() => {}) : video.pause()),
  m: () => (video.muted = !video.muted),
  f: () => (document.fullscreenElement ? document.exitFullscreen() : controller.requestFullscreen?.()),
  ArrowLeft: () => seek(-10),
  ArrowRight: () => seek(10),
};
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const onBody = event.target === document.body;
  const act = /^[0-9]$/.test(event.key) ? () => (video.currentTime = (Number(event.key) / 10) * (video.duration || 0)) : onBody && onPage[event.key];
  if (!act || !(onBody || event.target === controller)) return;
  event.preventDefault();
  act();
});

// The lock screen and media keys ------------------------------------------------------------------
if ("mediaSession" in navigator) {
  const session = navigator.mediaSession;
  session.metadata = new MediaMetadata({
    title: data.title, artist: data.institution, album: data.course, artwork: [{ src: data.artwork }],
  });
  const move = (to) => {
    video.currentTime = Math.max(0, to);
  };
  const acts = {
    play: () => video.play().catch(() => {}),
    pause: () => video.pause(),
    seekbackward: (asked) => move(video.currentTime - (asked.seekOffset ?? 10)),
    seekforward: (asked) => move(video.currentTime + (asked.seekOffset ?? 10)),
    seekto: (asked) => move(asked.seekTime),
    ...(data.next && { nexttrack: () => location.assign(data.next) }),
  };
  for (const [name, act] of Object.entries(acts)) {
    try {
      session.setActionHandler(name, act);
    } catch {
      // an older browser does not know this action; the others still work
    }
  }
  for (const name of ["loadedmetadata", "seeked", "ratechange", "play", "pause"]) {
    video.addEventListener(name, () => {
      session.playbackState = video.paused ? "paused" : "playing";
      if (!Number.isFinite(video.duration) || !session.setPositionState) return;
      session.setPositionState({ duration: video.duration, playbackRate: video.playbackRate, position: Math.min(video.currentTime, video.duration) });
    });
  }
}

const forced = new URLSearchParams(location.search).get("engine") === "hls.js";
startingPoint().then(async ({ at, resumed }) => {
  await load({ at, script: forced });
  if (!tellSparing() && resumed) {
    say(data.words.resumed.replace("{time}", clock(at)));
    video.addEventListener("playing", () => setTimeout(() => say(""), 4000), { once: true });
  }
  if (at && restart) restart.hidden = false;
  const goOn = sessionStorage.getItem("wenlan:go-on");
  sessionStorage.removeItem("wenlan:go-on");
  if (data.start || goOn) video.play().catch(() => {}); // a link to a moment; browsers may still ask for a click
});
