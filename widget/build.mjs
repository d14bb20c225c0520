// Bundles the loader (classic script) and the chat (ES module) into server/web/static/widget/,
// and puts the console's htmx beside them, into server/web/static/vendor/.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
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

/** A server that is running never sees half a file. */
async function replaceFile(name, contents, folder = out) {
  const path = join(folder, name);
  await writeFile(`${path}.tmp`, contents);
  await rename(`${path}.tmp`, path);
}

await mkdir(out, { recursive: true });
await mkdir(vendor, { recursive: true });
const chat = await bundle("element.ts", "esm");
const version = createHash("sha256").update(chat).digest("hex").slice(0, 6);
const loader = await bundle("loader.ts", "iife", { CHAT_VERSION: JSON.stringify(version) });
await replaceFile("chat.js", chat);
await replaceFile("loader.js", loader);
const htmx = await readFile(join(here, "node_modules", "htmx.org", "dist", "htmx.min.js"));
await replaceFile("htmx.min.js", htmx, vendor);
