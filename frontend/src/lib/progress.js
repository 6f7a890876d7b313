// Where a reader stands in each lesson: kept on the device, and in the account when there is one.
// A place is never overwritten by a place at the very beginning: opening a lesson for two seconds loses nothing.

const KEY = "wenlan:progress";
const LIMIT = 200;
const BARELY = 5; // seconds that do not count as having begun

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";
export const signedIn = () => token() !== "";

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // blocked or broken storage: the page works without a memory
  }
}

function write(entries) {
  try {
    const kept = Object.entries(entries).sort((a, b) => b[1].at - a[1].at).slice(0, LIMIT);
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(kept)));
  } catch {
    // a full or blocked storage is no reason to disturb the reader
  }
}

export const onDevice = () => Object.values(read()).sort((a, b) => b.at - a.at);
export const find = (lesson) => read()[lesson];

export function clear() {
  write({});
}

/** Keeps a place. `entry`: {lesson, course, title, url, cover, institution, position, duration, finished}; seconds or pages. */
export function keep(entry) {
  const entries = read();
  const known = entries[entry.lesson];
  if (known && entry.position < BARELY && known.position > entry.position && !entry.restarted) return;
  entries[entry.lesson] = { ...known, ...entry, at: Date.now() };
  write(entries);
}

/** The account's places, newest first; an empty list without an account or without a network. */
export async function fromAccount() {
  if (!signedIn()) return [];
  try {
    const answer = await fetch("/api/v1/progress?limit=50", { headers: { Accept: "application/json" } });
    if (!answer.ok) return [];
    const { items } = await answer.json();
    return items.map(({ title, lesson_title, ...item }) => ({ ...item, course: title, title: lesson_title }));
  } catch {
    return [];
  }
}

/** Tells the account. `last` sends in a way that survives the page being closed. */
export function tell(entry, { last = false } = {}) {
  if (!signedIn() || (entry.position < BARELY && !entry.restarted)) return;
  fetch(`/api/v1/progress/${entry.lesson}`, {
    method: "PUT",
    keepalive: last,
    headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
    body: JSON.stringify({ position: entry.position, finished: Boolean(entry.finished), restart: Boolean(entry.restarted) }),
  }).catch(() => {}); // the device remembers; the next report brings it
}

/** Device and account merged: for each lesson the newer of the two. */
export async function everywhere() {
  const merged = new Map();
  for (const item of await fromAccount()) merged.set(String(item.lesson), { ...item, at: Date.parse(item.updated_at) });
  for (const item of onDevice()) {
    const other = merged.get(String(item.lesson));
    if (!other || item.at >= other.at) merged.set(String(item.lesson), { ...other, ...item });
  }
  return [...merged.values()].sort((a, b) => b.at - a.at);
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}
