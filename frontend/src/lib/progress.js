// Where a reader stands in each lesson: kept on the device, and in the account when there is one, where both come together.
// A place is never overwritten by a place at the very beginning: opening a lesson for two seconds loses nothing.

import { read, remove, write } from "./memory.js";

const PLACES = "wenlan:progress";
const OWNER = "wenlan:owner"; // the account that what is remembered belongs to
export const FAVOURITES = "wenlan:favourites";
const LIMIT = 200;
const MOST = 500; // favourites that are told at a time
const BARELY = 5; // seconds that do not count as having begun

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const token = () => meta("csrf-token");
export const signedIn = () => token() !== "";

/** Asks the API; undefined when it cannot be reached or says no. */
export async function ask(method, path, body, options = {}) {
  try {
    const answer = await fetch(`/api/v1/${path}`, {
      method,
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": token() },
      body: body && JSON.stringify(body),
      ...options,
    });
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined;
  }
}

function store(entries) {
  write(PLACES, Object.fromEntries(Object.entries(entries).sort((a, b) => b[1].at - a[1].at).slice(0, LIMIT)));
}

export const onDevice = () => Object.values(read(PLACES)).sort((a, b) => b.at - a.at);
export const find = (lesson) => read(PLACES)[lesson];

/** What one reader leaves behind is not shown to the next on the same device. */
export function forget() {
  for (const name of [PLACES, FAVOURITES, OWNER]) remove(name);
}

/**
 * Puts on the account's shelf what only the device knows: after signing in, and what was watched without a network. What
 * another account left here is forgotten first. Done once a page, however many ask. Comes back when the account has it, or
 * cannot be reached: then the next page tries again. A favourite for which the account has no room stays on the device.
 */
let settled;
export const settle = () => (settled ??= bring());

async function bring() {
  if (!signedIn()) return;
  const me = meta("learner");
  const owner = read(OWNER, me);
  if (owner !== me) forget();
  write(OWNER, me);
  const untold = onDevice().filter(({ at, told, lesson, position }) => !(told >= at) && lesson > 0 && position >= 0);
  const favourites = Object.values(read(FAVOURITES)).sort((a, b) => b.at - a.at).slice(0, MOST).map(({ course }) => course);
  if (!untold.length && !favourites.length) return;
  const places = untold.map(({ lesson, position, finished, at }) => ({
    lesson: Number(lesson), position, finished: Boolean(finished), at: new Date(at).toISOString(),
  }));
  const answer = await ask("POST", "shelf", { places, favourites });
  if (!answer) return;
  for (const entry of untold) markTold(entry);
  const brought = new Set(favourites.filter((course) => !answer.left.includes(course)));
  write(FAVOURITES, Object.fromEntries(Object.entries(read(FAVOURITES)).filter(([, { course }]) => !brought.has(course))));
}

function markTold({ lesson, at }) {
  const entries = read(PLACES);
  if (!entries[lesson]) return;
  entries[lesson].told = at;
  store(entries);
}

/** Keeps a place. `entry`: {lesson, course, title, url, cover, institution, position, duration, finished}; seconds or pages. */
export function keep(entry) {
  const entries = read(PLACES);
  const known = entries[entry.lesson];
  if (known && entry.position < BARELY && known.position > entry.position && !entry.restarted) return;
  entries[entry.lesson] = { ...known, ...entry, at: Date.now() };
  store(entries);
}

/** The account's places, newest first; an empty list without an account or without a network. */
export async function fromAccount() {
  if (!signedIn()) return [];
  const items = (await ask("GET", "progress?limit=50"))?.items ?? [];
  return items.map(({ title, lesson_title, ...item }) => ({ ...item, course: title, title: lesson_title }));
}

/** Tells the account. `last` sends in a way that survives the page being closed. What does not arrive is told by settle. */
export async function tell(entry, { last = false } = {}) {
  if (!signedIn() || (entry.position < BARELY && !entry.restarted)) return;
  const at = find(entry.lesson)?.at;
  const place = { position: entry.position, finished: Boolean(entry.finished), restart: Boolean(entry.restarted) };
  if (await ask("PUT", `progress/${entry.lesson}`, place, { keepalive: last })) markTold({ lesson: entry.lesson, at });
}

/** Device and account merged: for each lesson the newer of the two. */
export async function everywhere() {
  await settle();
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
