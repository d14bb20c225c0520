// Bundles the loader (classic script) and the chat (ES module) into server/web/static/widget/,
// with the words of each language as JSON, and puts the console's htmx beside them, into server/web/static/vendor/.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "server", "web", "static", "widget");
const vendor = join(here, "..", "server", "web", "static", "vendor");

/** Style sheets are imported as minified text: they become constructable sheets at run time. */
const cssAsText = {
  name: "css-as-text",
  setup(pluginBuild) {
    pluginBuild.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const { code } = await transform(source, { loader: "css", minify: true, target: "safari15" });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

async function bundle(entry, format, define = {}) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    bundle: true,
    minify: true,
    write: false,
    format,
    define,
    target: ["es2022", "safari15", "chrome94", "firefox93"],
    charset: "ascii", // a host page in another encoding must not garble the text
    legalComments: "none",
    plugins: [cssAsText],
  });
  return result.outputFiles[0].contents;
}

/** The words of each language, without the white space. */
async function languages() {
  const folder = join(here, "src", "languages");
  const files = (await readdir(folder)).sort();
  const packed = files.map(async (name) => [name, JSON.stringify(JSON.parse(await readFile(join(folder, name), "utf8")))]);
  return Object.fromEntries(await Promise.all(packed));
}

/** A server that is running never sees half a file. */
async function replaceFile(name, contents, folder = out) {
  const path = join(folder, name);
  await writeFile(`${path}.tmp`, contents);
  await rename(`${path}.tmp`, path);
}

await mkdir(out, { recursive: true });
await mkdir(vendor, { recursive: true });
const words = await languages();
const digest = (contents) => createHash("sha256").update(contents).digest("hex").slice(0, 6);
const chat = await bundle("element.ts", "esm", { WORDS_VERSION: JSON.stringify(digest(Object.values(words).join(""))) });
const loader = await bundle("loader.ts", "iife", { CHAT_VERSION: JSON.stringify(digest(chat)) });
for (const [name, contents] of Object.entries(words)) await replaceFile(name, contents);
await replaceFile("chat.js", chat);
await replaceFile("loader.js", loader);
const htmx = await readFile(join(here, "node_modules", "htmx.org", "dist", "htmx.min.js"));
await replaceFile("htmx.min.js", htmx, vendor);
