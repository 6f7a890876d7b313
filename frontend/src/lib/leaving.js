// Whoever has closed the account leaves nothing on the device: places, favourites, what was uploaded, lessons kept for later.
// How the pages look, a cookie, names nobody and stays.

export async function leave() {
  for (const storage of [localStorage, sessionStorage]) {
    for (const name of Object.keys(storage)) if (/^wenlan[:.]/.test(name)) storage.removeItem(name);
  }
  if (!("caches" in window)) return;
  const kept = (await caches.keys()).filter((name) => name.startsWith("wenlan-kept-"));
  await Promise.all(kept.map((name) => caches.delete(name)));
}
