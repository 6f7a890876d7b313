// Gives a <video> its film and keeps it there: AV1 where the device plays it with ease, else H.264; the browser's own HLS
// where there is one, hls.js (loaded only then) elsewhere or when a viewer chooses a quality. What one way cannot play the
// next one tries; while the network or the server is away, it waits and comes back by itself.

const TYPE = "application/vnd.apple.mpegurl";
const NO_AV1 = "wenlan:no-av1";
const PATIENCE = [1, 2, 4, 8, 15, 30, 60]; // seconds between the attempts
const WITHOUT = 5; // seconds between the attempts while there is no network
const ACROSS = 1; // seconds that a player may land beside the place it was sent to

/** Whether `av1` ({type, width, height, bitrate}) plays smoothly, and on a battery without draining it. */
async function playsAv1(av1) {
  if (!av1 || sessionStorage.getItem(NO_AV1) || !navigator.mediaCapabilities) return false;
  const { type: contentType, width, height, bitrate } = av1;
  try {
    const able = await navigator.mediaCapabilities.decodingInfo({ type: "file", video: { contentType, width, height, bitrate, framerate: 30 } });
    return able.supported && able.smooth && (able.powerEfficient || matchMedia("(hover: hover) and (pointer: fine)").matches);
  } catch {
    return false; // a browser that does not know the question does not know the codec
  }
}

/** `data`: {hls, av1: {url, type, width, height, bitrate} or null, sound, radio, kind}. `lost` and `failed` are told when the
 * line is gone and when nothing helps. Returns {name, hls, open}. */
export function source(video, data, { lost, failed }) {
  const state = { name: "", hls: null, open };
  let ways = [];
  let at = 0;
  let tries = 0;
  let turn = 0;
  let waiting = new AbortController();
  let wanted = false; // to be playing: what cannot be decoded pauses a film that nobody paused

  /** Begins at second `at`: the film or its `sound` alone; `sparing` takes the least data there is of either; `script` forces
   * hls.js. */
  async function open({ at: start = 0, sound = false, sparing = false, script = false } = {}) {
    const heard = sound || data.kind === "audio";
    const lists = [{ list: (heard && sparing && data.radio) || (sound ? data.sound : data.hls), small: sparing }];
    if (!heard && (await playsAv1(data.av1))) lists.unshift({ list: data.av1.url, av1: true, small: sparing });
    // A browser's own HLS may read a package from its first byte, other sizes and all; a script asks for what it needs.
    const exact = script || ((sparing || sound) && self.MediaSource);
    ways = exact ? lists.map((way) => ({ ...way, script: true })) : [...lists, { ...lists.at(-1), script: true }];
    at = start;
    tries = 0;
    return begin();
  }

  async function begin() {
    waiting.abort();
    waiting = new AbortController();
    const mine = ++turn;
    const [{ list, script, small }] = ways;
    const playing = wanted;
    const goOn = () => {
      if (mine !== turn) return;
      if (Math.abs(video.currentTime - at) > ACROSS) video.currentTime = at;
      if (playing) video.play().catch(() => {});
    };
    state.hls?.destroy();
    state.hls = null;
    video.addEventListener("loadedmetadata", goOn, { once: true, signal: waiting.signal });
    if (!script && video.canPlayType(TYPE)) {
      state.name = "native";
      video.src = at ? `${list}#t=${at}` : list;
      return;
    }
    try {
      const { default: Hls } = await import("hls.js");
      if (mine === turn) withScript(Hls, list, small);
    } catch {
      if (mine === turn) away(begin); // the script itself could not be fetched
    }
  }

  function withScript(Hls, list, small) {
    state.name = "hls.js";
    if (!Hls.isSupported()) return next();
    const player = new Hls({
      startPosition: at || -1, capLevelToPlayerSize: true, enableWorker: true,
      ...(small ? { startLevel: 0, maxBufferLength: 20, maxMaxBufferLength: 30 } : { maxBufferLength: 60 }),
    });
    if (small) player.autoLevelCapping = 0;
    let mended = 0;
    let known = false;
    player.on(Hls.Events.MANIFEST_PARSED, () => (known = true));
    player.on(Hls.Events.FRAG_BUFFERED, () => (tries = 0));
    player.on(Hls.Events.ERROR, (_event, error) => {
      if (!error.fatal) return;
      const refused = error.response?.code >= 400 && error.response.code < 500;
      if (error.type === Hls.ErrorTypes.MEDIA_ERROR && mended++ < 2) player.recoverMediaError();
      else if (error.type === Hls.ErrorTypes.NETWORK_ERROR && !refused) away(known ? () => player.startLoad() : begin);
      else next();
    });
    player.loadSource(list);
    player.attachMedia(video);
    state.hls = player;
  }

  function next() {
    at = video.currentTime || at;
    const [{ av1 }] = ways;
    if (av1) sessionStorage.setItem(NO_AV1, "yes"); // the device promised more than it held
    if (ways.length === 1) return failed();
    ways.shift();
    return begin();
  }

  /** Waits for the network, or a while for the server, then does `then`. What is loaded plays on. Without a network it tries
   * again all the same: what is kept on the device answers without one. */
  function away(then) {
    at = video.currentTime || at;
    lost();
    const online = navigator.onLine;
    if (online && tries === PATIENCE.length) return failed();
    const over = new AbortController();
    const again = () => {
      over.abort();
      then();
    };
    const timer = setTimeout(again, 1000 * (online ? PATIENCE[tries++] : WITHOUT));
    over.signal.addEventListener("abort", () => clearTimeout(timer));
    waiting.signal.addEventListener("abort", () => over.abort(), { signal: over.signal });
    if (!online) addEventListener("online", again, { once: true, signal: over.signal });
  }

  video.addEventListener("error", () => {
    if (state.name !== "native" || !video.error) return;
    const line = video.error.code === MediaError.MEDIA_ERR_NETWORK || !navigator.onLine;
    if (line) away(begin);
    else next();
  });
  video.addEventListener("play", () => (wanted = true));
  video.addEventListener("pause", () => video.error || (wanted = false));
  video.addEventListener("playing", () => (tries = 0));
  return state;
}
