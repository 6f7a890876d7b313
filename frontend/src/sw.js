// The service worker: without a network, what was kept on the device (lib/kept.js), and one page that says so and goes on by
// itself when there is one again. Everything goes to the network first. SHELL comes before this text: {version, page, files}.

/* global SHELL */
const CACHE = `wenlan-shell-${SHELL.version}`;
const KEPT = "wenlan-kept-";
const FILES = ["/media/", "/static/", "/covers/"]; // what lessons are made of
const SILENCE = 3000; // milliseconds without a word from the network, as on a train

// Who keeps nothing has nothing between the player and the network.
let anything = true;
const look = () => caches.keys().then((names) => (anything = names.some((name) => name.startsWith(KEPT))));
look();
addEventListener("message", look); // from lib/kept.js

addEventListener("install", (event) => {
  event.waitUntil(fill());
  self.skipWaiting();
});

/** Without cookies: a page that is kept for everyone who uses the device names nobody. */
async function fill() {
  const cache = await caches.open(CACHE);
  await Promise.all([SHELL.page, ...SHELL.files].map(async (address) => {
    const answer = await fetch(address, { credentials: "omit", cache: "reload" });
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    await cache.put(address, answer);
  }));
}

addEventListener("activate", (event) => {
  const older = (name) => name.startsWith("wenlan-shell-") && name !== CACHE;
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter(older).map((name) => caches.delete(name)))).then(() => self.clients.claim()),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(answer(request).catch(() => shell(SHELL.page)));
  else if (SHELL.files.includes(pathname)) event.respondWith(shell(pathname).then((found) => (found.ok ? found : fetch(request))));
  else if (anything && FILES.some((start) => pathname.startsWith(start))) event.respondWith(answer(request));
});

/** What the network says; what is kept, when it fails or is silent for a while. */
async function answer(request) {
  const network = fetch(request);
  const silence = new Promise((over) => setTimeout(over, SILENCE));
  const said = await Promise.race([network.catch(() => undefined), silence]);
  return said ?? (await kept(request)) ?? network;
}

async function shell(address) {
  return (await caches.match(address, { cacheName: CACHE })) ?? Response.error();
}

/** The answer from what is kept, or undefined. The same page opened at another second is the same page. */
async function kept(request) {
  const range = request.headers.get("Range")?.match(/^bytes=(\d+)-(\d*)$/);
  for (const name of (await caches.keys()).filter((one) => one.startsWith(KEPT))) {
    const cache = await caches.open(name);
    const found = (await cache.match(request, { ignoreVary: true })) ??
      (range ? await part(cache, request, Number(range[1]), range[2] ? Number(range[2]) : Infinity) : undefined) ??
      (request.mode === "navigate" && !request.url.includes("page=") ? await cache.match(request, { ignoreSearch: true, ignoreVary: true }) : undefined);
    if (found) return found;
  }
  return undefined;
}

/** Bytes `first` to `last` of a file that is kept in pieces (RFC 9110, 14.4); less when the pieces end before. */
async function part(cache, request, first, last) {
  const pieces = (await cache.keys(request, { ignoreSearch: true })).map((piece) => {
    const [start, end] = (new URL(piece.url).searchParams.get("piece") ?? "0--1").split("-").map(Number);
    return { piece, start, end };
  }).sort((a, b) => a.start - b.start);
  const parts = [];
  let at = first;
  for (const { piece, start, end } of pieces) {
    if (start > at || end < at || at > last) continue;
    const blob = await (await cache.match(piece)).blob();
    parts.push(blob.slice(at - start, Math.min(last, end) - start + 1));
    at = Math.min(last, end) + 1;
  }
  if (!parts.length) return undefined;
  const headers = { "Content-Type": "video/mp4", "Content-Range": `bytes ${first}-${at - 1}/*`, "Accept-Ranges": "bytes" };
  return new Response(new Blob(parts), { status: 206, headers });
}
