// Builds every src/*.js and src/*.css into dist/. Modules that a page may not need (hls.js) become chunks of their own.
import { build } from "esbuild";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const out = join(here, "dist");
const entries = readdirSync(source).filter((name) => /\.(js|css)$/.test(name));

rmSync(join(out, "chunks"), { recursive: true, force: true });
await build({
  entryPoints: entries.map((name) => join(source, name)),
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  // What phones of the last five years read; older ones get the pages without scripts.
  target: ["chrome90", "safari15", "firefox100"],
  chunkNames: "chunks/[name]-[hash]",
  legalComments: "linked",
  logLevel: "warning",
});
