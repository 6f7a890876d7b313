// What two independent readers find in a package: `node readers.mjs DIRECTORY` prints one JSON object.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(new URL("../../frontend/package.json", import.meta.url));
const hls = require("hls-parser");
const { parse } = require("mpd-parser");

const directory = process.argv[2];
const read = (name) => readFileSync(join(directory, name), "utf-8");

hls.setOptions({ strictMode: true });

function media(name) {
  const playlist = hls.parse(read(name));
  return {
    iframes: playlist.isIFrame,
    whole: playlist.endlist && playlist.playlistType === "VOD",
    seconds: playlist.segments.reduce((sum, segment) => sum + segment.duration, 0),
    init: playlist.segments[0].map.byterange,
    segments: playlist.segments.map((segment) => ({ uri: segment.uri, ...segment.byterange })),
  };
}

function master(name) {
  const playlist = hls.parse(read(name));
  return {
    independent: playlist.independentSegments,
    variants: playlist.variants.map((variant) => ({
      uri: variant.uri,
      iframes: variant.isIFrameOnly,
      codecs: variant.codecs,
      bandwidth: variant.bandwidth,
      average: variant.averageBandwidth,
      resolution: variant.resolution,
      rate: variant.frameRate,
      range: variant.videoRange,
      audio: variant.audio.map(({ uri, language, name: label, isDefault, channels, groupId }) => (
        { uri, language, label, isDefault, channels, groupId }
      )),
      media: media(variant.uri),
    })),
  };
}

function presentation(name) {
  const found = parse(read(name), { manifestUri: "https://example.org/manifest.mpd" });
  const shown = ({ attributes, segments }) => ({
    id: attributes.NAME,
    codecs: attributes.CODECS,
    bandwidth: attributes.BANDWIDTH,
    init: segments[0].map.byterange,
    segments: segments.map(({ resolvedUri, byterange }) => ({ uri: resolvedUri.split("/").at(-1), ...byterange })),
  });
  const groups = Object.values(found.mediaGroups.AUDIO.audio ?? {});
  return {
    seconds: found.duration,
    video: found.playlists.filter(({ attributes }) => attributes.CODECS).map(shown),
    audio: groups.map(({ language, playlists }) => ({ language, tracks: playlists.map(shown) })),
  };
}

const [presentationName, ...masters] = process.argv.slice(3);
console.log(JSON.stringify({
  hls: Object.fromEntries(masters.map((name) => [name, master(name)])),
  dash: presentation(presentationName),
}));
