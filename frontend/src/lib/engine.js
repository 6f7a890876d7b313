// Gives a <video> its source: the browser's own HLS where there is one, hls.js (loaded only then) elsewhere or when a
// viewer chooses a quality.

const TYPE = "application/vnd.apple.mpegurl";

export async function open(video, { hls, start = 0, forceScript = false, onFatal }) {
  const native = video.canPlayType(TYPE) !== "" && !forceScript;
  if (native) {
    video.src = start ? `${hls}#t=${start}` : hls;
    return { name: "native", hls: null };
  }
  const { default: Hls } = await import("hls.js");
  if (!Hls.isSupported()) {
    onFatal?.("unsupported");
    return { name: "none", hls: null };
  }
  const player = new Hls({ startPosition: start || -1, capLevelToPlayerSize: true, maxBufferLength: 60, enableWorker: true });
  let mended = 0;
  player.on(Hls.Events.ERROR, (_event, data) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && mended++ < 2) player.recoverMediaError();
    else if (data.type === Hls.ErrorTypes.NETWORK_ERROR && !navigator.onLine) {
      addEventListener("online", () => player.startLoad(), { once: true });
    } else onFatal?.(data.details);
  });
  player.loadSource(hls);
  player.attachMedia(video);
  return { name: "hls.js", hls: player };
}
