// Tells the site how a lesson is watched, and of nobody: a random number that lives as long as the page, the seconds watched
// at least once, and which twentieths of the film they lie in. What cannot be told now is told by a later page.

import { read, write } from "./memory.js";

const PLAYS = "wenlan:plays";
const MOST = 50; // that wait for the network
const PARTS = 20;
const BARELY = 5; // seconds that do not count
const EVERY = 30_000; // milliseconds
const DAY = 24 * 3600_000; // after which the site forgets the number, and would count the page again

const number = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const send = (play) => navigator.sendBeacon("/api/v1/plays", new Blob([JSON.stringify(play)], { type: "application/json" }));

export function counted(video, lesson) {
  const play = number();
  let told = 0;

  function heard() {
    const length = video.duration;
    if (!(length > 0) || length === Infinity) return null;
    let seconds = 0;
    let parts = 0;
    for (let index = 0; index < video.played.length; index += 1) {
      const [start, end] = [video.played.start(index), video.played.end(index)];
      seconds += end - start;
      for (let part = 0; part < PARTS; part += 1) {
        const middle = ((part + 0.5) * length) / PARTS;
        if (start <= middle && middle <= end) parts |= 1 << part;
      }
    }
    return { number: play, lesson, seconds: Math.round(seconds), parts };
  }

  function tell() {
    if (performance.now() > DAY) return;
    const now = heard();
    if (!now || now.seconds < BARELY || now.seconds === told) return;
    told = now.seconds;
    if (!navigator.onLine || !send(now)) write(PLAYS, [...read(PLAYS, []).filter((one) => one.number !== play), now].slice(-MOST));
  }

  for (const name of ["pause", "ended"]) video.addEventListener(name, tell);
  addEventListener("pagehide", tell);
  document.addEventListener("visibilitychange", tell);
  setInterval(tell, EVERY);
  if (navigator.onLine) {
    const waiting = read(PLAYS, []);
    write(PLAYS, waiting.filter((one) => !send({ ...one, late: true })));
  }
}
