// The service worker: without a network, one page that says so and goes on by itself when there is one again. Everything
// else goes to the network as if there were none of this. SHELL comes before this text: {version, page, files}.

/* global SHELL */
const CACHE = `wenlan-shell-${SHELL.version}`;

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
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => kept(SHELL.page)));
  else if (SHELL.files.includes(pathname)) event.respondWith(kept(pathname).then((found) => (found.ok ? found : fetch(request))));
});

async function kept(address) {
  return (await caches.match(address, { cacheName: CACHE })) ?? Response.error();
}
