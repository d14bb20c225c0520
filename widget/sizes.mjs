// Prints what the visitor downloads and fails when a file is over its budget.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const folder = new URL("../server/web/static/widget/", import.meta.url);
// A visitor who reads English downloads the first two, 28 KB; everybody else one language more.
const BUDGETS = { "loader.js": 3 * 1024, "chat.js": 25 * 1024 };
const languages = readdirSync(folder).filter((name) => name.endsWith(".json"));
for (const name of languages) BUDGETS[name] = 2 * 1024;

for (const [name, budget] of Object.entries(BUDGETS)) {
  const raw = readFileSync(new URL(name, folder));
  const size = gzipSync(raw, { level: 9 }).length;
  console.log(`${name.padEnd(10)} ${size} of ${budget} bytes gzipped (${raw.length} raw)`);
  if (size > budget) {
    console.error(`${name} is ${size - budget} bytes over its budget: take something out.`);
    process.exitCode = 1;
  }
}
