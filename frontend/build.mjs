// Builds every src/*.js and src/*.css into dist/. Modules that a page may not need (hls.js) become chunks of their own.
import { build } from "esbuild";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const out = join(here, "dist");
const entries = readdirSync(source).filter((name) => /\.(js|css)$/.test(name));

// media-chrome writes its shadow trees as text, styles included; lib/trusted.js does so within the site's policy.
const throughTrusted = {
  name: "through-trusted",
  setup({ onLoad }) {
    onLoad({ filter: /media-chrome\/dist\/.*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8")
        .replace(/this\.shadowRoot\.setHTMLUnsafe \? this\.shadowRoot\.setHTMLUnsafe\(html\) : /g, "")
        .replace(/(\S+(?:\([^()]*\))?\S*)\.innerHTML = ((?:[^;`]|`[^`]*`)+);/g, "__fill($1, $2);")
        .replace(/(\w+)\.insertAdjacentHTML\(\s*("\w+"),/g, "__insert($1, $2,")
        .replace(/\.parseFromString\(text,/g, ".parseFromString(__markup(text),");
      const head = `import { fill as __fill, insert as __insert, markup as __markup } from ${JSON.stringify(join(source, "lib/trusted.js"))};\n`;
      return { contents: head + text, loader: "js" };
    });
  },
};

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
  plugins: [throughTrusted],
});
