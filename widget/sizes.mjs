// Prints what the visitor downloads and fails when a file is over its budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGETS = { "loader.js": 2 * 1024, "chat.js": 20 * 1024 };
const folder = new URL("../server/web/static/widget/", import.meta.url);

for (const [name, budget] of Object.entries(BUDGETS)) {
  const raw = readFileSync(new URL(name, folder));
  const size = gzipSync(raw, { level: 9 }).length;
  console.log(`${name.padEnd(10)} ${size} of ${budget} bytes gzipped (${raw.length} raw)`);
  if (size > budget) {
    console.error(`${name} is ${size - budget} bytes over its budget: take something out.`);
    process.exitCode = 1;
  }
}
