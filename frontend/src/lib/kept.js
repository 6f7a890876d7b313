// Lessons kept on the device. A package holds every size of a film one behind another in one file; kept is the one that suits a
// phone, as pieces of that file under their own addresses, so the page and the player need to know nothing of it: without a
// network the service worker answers from here (sw.js). What was begun and interrupted goes on where it stopped.

import { read, write } from "./memory.js";
import { markup } from "./trusted.js";

const KEPT = "wenlan:kept";
const CACHE = "wenlan-kept-"; // and the path of the lesson
const PIECE = 4 << 20; // bytes asked for at a time
const STAYS = "data-stays-here"; // on the page of what may not leave the site
const SHORT = 480; // short side, in pixels, of the largest picture that is kept

export const lessons = () => Object.values(read(KEPT)).sort((a, b) => b.at - a.at);
export const find = (url) => read(KEPT)[url];

/** A lesson that was let go of meanwhile is not noted again; a new one brings its `url`. */
function note(url, changes) {
  const all = read(KEPT);
  if (!all[url] && !changes.url) return;
  write(KEPT, { ...all, [url]: { ...all[url], ...changes } });
}

export async function drop(url) {
  await caches.delete(CACHE + url);
  const { [url]: _, ...others } = read(KEPT);
  write(KEPT, others);
}

/** Bytes that the browser lets the site still keep; Infinity when it does not say. */
export async function room() {
  const { quota, usage } = (await navigator.storage?.estimate?.()) ?? {};
  return quota ? quota - usage : Infinity;
}

/** Without cookies: what is kept for everyone who uses the device names nobody. */
async function ask(url, options) {
  const answer = await fetch(url, { credentials: "omit", ...options });
  if (!answer.ok) throw Object.assign(new Error(`${url}: ${answer.status}`), { status: answer.status });
  return answer;
}

const text = async (url) => (await ask(url)).text();
const attribute = (line, name) => line.match(new RegExp(`[:,]${name}="?([^",]*)"?`))?.[1] ?? "";

/** The list (RFC 8216) that offers one size of `master`, and the addresses of its playlists. */
export function oneSize(master) {
  const lines = master.split("\n");
  const sizes = lines.flatMap((line, index) => {
    if (!line.startsWith("#EXT-X-STREAM-INF")) return [];
    const [width, height] = attribute(line, "RESOLUTION").split("x").map(Number);
    return [{ line, list: lines[index + 1], rate: Number(attribute(line, "BANDWIDTH")), short: Math.min(width, height) || 0 }];
  }).sort((a, b) => a.rate - b.rate);
  const size = sizes.findLast(({ short }) => short > 0 && short <= SHORT) ?? sizes[0];
  const group = attribute(size.line, "AUDIO");
  const voice = lines.find((line) => line.startsWith("#EXT-X-MEDIA") && line.includes("DEFAULT=YES") && attribute(line, "GROUP-ID") === group);
  const list = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS", ...(voice ? [voice] : []), size.line, size.list, ""];
  return { list: list.join("\n"), playlists: [size.list, ...(voice ? [attribute(voice, "URI")] : [])] };
}

/** First and last byte of the file that a playlist of byte ranges is made of; a track's bytes stand together. */
export function span(playlist) {
  const ranges = [...playlist.matchAll(/(\d+)@(\d+)/g)].map(([, size, start]) => [Number(start), Number(start) + Number(size) - 1]);
  return [Math.min(...ranges.map(([first]) => first)), Math.max(...ranges.map(([, last]) => last))];
}

/**
 * What a lesson is made of: {title, course, cover, texts: {address: body}, files: [address], pieces: [{url, first, last}], bytes}.
 * `url` is the path of the lesson.
 */
async function plan(url) {
  const read = new DOMParser().parseFromString(markup(await text(url)), "text/html");
  const told = read.getElementById("player-data");
  const data = JSON.parse(told?.textContent ?? "{}");
  const star = read.querySelector("[data-favourite]").dataset;
  const made = {
    url, title: data.title || star.title, course: star.title, cover: star.cover, kind: star.kind,
    texts: {}, files: [star.cover], pieces: [],
  };
  const files = read.querySelectorAll("track[kind=captions], track[kind=chapters], video[poster], .plates img, img.page-picture, .section img");
  for (const file of files) made.files.push(file.getAttribute("src") ?? file.getAttribute("poster"));
  for (const plate of read.querySelectorAll(".plates a")) made.files.push(plate.getAttribute("href"));
  if (data.hls) Object.assign(data, await addFilm(made, data.hls));
  if (told) told.firstChild.data = JSON.stringify(data).replaceAll("<", "\\u003C"); // a script's textContent is no place for strings
  read.documentElement.dataset.kept = "";
  made.texts[url] = `<!doctype html>\n${read.documentElement.outerHTML}`;
  const pages = Number(read.querySelector("[data-reader]")?.dataset.pages ?? 0);
  for (let number = 1; number <= pages; number++) made.files.push(`${url}?page=${number}`);
  made.files = [...new Set(made.files.filter(Boolean))];
  made.bytes = made.pieces.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return made;
}

/** What the player is told instead: a list of its own, for the browser may still have the one that everybody gets. */
async function addFilm(made, hls) {
  const master = new URL(hls, location.href);
  const { list, playlists } = oneSize(await text(master));
  const own = new URL("kept.m3u8", master).pathname;
  made.texts[own] = list;
  for (const name of playlists) {
    const playlist = new URL(name, master);
    made.texts[playlist.pathname] = await text(playlist);
    const file = new URL(made.texts[playlist.pathname].match(/#EXT-X-MAP:URI="([^"]+)"/)[1], playlist).pathname;
    const [start, end] = span(made.texts[playlist.pathname]);
    for (let first = start; first <= end; first += PIECE) {
      made.pieces.push({ url: file, first, last: Math.min(first + PIECE - 1, end) });
    }
  }
  return { hls: own, av1: null };
}

/** Bytes of a lesson as it would be kept, nearly: the pages of a book are taken to be like the one that is open. */
export async function bytes(url) {
  const { bytes: film, files, texts } = await plan(url);
  const media = files.filter((file) => file.startsWith("/media/"));
  const sizes = await Promise.all(media.map(async (file) => Number((await ask(file, { method: "HEAD" })).headers.get("Content-Length"))));
  const open = sizes.reduce((sum, size) => sum + size, new Blob(Object.values(texts)).size);
  return film + open * (1 + files.filter((file) => file.includes("?page=")).length);
}

/** Bytes that a cache takes. */
async function weight(cache) {
  const answers = await Promise.all((await cache.keys()).map((request) => cache.match(request)));
  const sizes = await Promise.all(answers.map(async (answer) => (await answer.blob()).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * Keeps the lesson at the path `url`, with the scripts it may come to need (`modules`, addresses); `progress` hears the part
 * that is there, 0 to 1. Throws when the network, the space or the lesson ends; what came so far stays, and the next call goes
 * on with it.
 */
export async function keep(url, modules, progress = () => {}) {
  const wanted = await plan(url);
  const { title, course, cover, kind } = wanted;
  note(url, { url, title, course, cover, kind, done: false, at: Date.now() });
  await navigator.storage?.persist?.();
  const cache = await caches.open(CACHE + url);
  navigator.serviceWorker.controller?.postMessage("kept");
  const linked = [...document.querySelectorAll("link[rel=stylesheet], script[src]")].map((one) => new URL(one.href || one.src).pathname);
  const files = [...new Set([...wanted.files, ...linked, ...modules])];
  const steps = [
    ...Object.entries(wanted.texts).map(([address, body]) => () => cache.put(address, typed(address, body))),
    ...files.map((address) => () => addFile(cache, address)),
    ...wanted.pieces.map((piece) => () => addPiece(cache, piece)),
  ];
  try {
    for (const [index, step] of steps.entries()) {
      await step();
      progress((index + 1) / steps.length);
    }
    note(url, { done: true });
  } finally {
    note(url, { bytes: await weight(cache) });
  }
}

function typed(address, body) {
  const type = address.endsWith(".m3u8") ? "application/vnd.apple.mpegurl" : "text/html; charset=utf-8";
  return new Response(body, { headers: { "Content-Type": type } });
}

async function addFile(cache, address) {
  if (await cache.match(address)) return;
  const answer = await ask(address);
  await cache.put(address, answer.clone());
  if (!address.includes("?page=")) return;
  const page = new DOMParser().parseFromString(markup(await answer.text()), "text/html"); // a page of a book brings its pictures
  for (const picture of page.querySelectorAll("img.page-picture, .section img")) await addFile(cache, picture.getAttribute("src"));
}

async function addPiece(cache, { url, first, last }) {
  const name = `${url}?piece=${first}-${last}`;
  if (await cache.match(name)) return;
  const answer = await ask(url, { headers: { Range: `bytes=${first}-${last}` } });
  await cache.put(name, new Response(await answer.blob(), { headers: { "Content-Type": "video/mp4" } }));
}

/** Lets go of lessons that are no longer public or may not leave the site any more, and says how many; what cannot be asked
 * now is asked another time. */
export async function check() {
  let gone = 0;
  for (const { url } of lessons()) {
    const answer = await fetch(url, { credentials: "omit", cache: "no-store" }).catch(() => null);
    const stays = answer?.ok && (await answer.text()).includes(STAYS);
    if (!stays && ![404, 410].includes(answer?.status)) continue;
    await drop(url);
    gone += 1;
  }
  return gone;
}
