/**
 * Holds the console to its budgets: what the first page needs, and everything together, as it is sent (brotli).
 * The first page's files are those that its entry and the overview import, read from the build itself.
 */

import { readdirSync, readFileSync, statSync } from "node:fs";

const FIRST = 130_000;
const ALL = 400_000;
const dist = new URL("../../dist/", import.meta.url);

const sizeOf = (name) => statSync(new URL(`${name}.br`, dist)).size;
const textOf = (name) => readFileSync(new URL(name, dist), "utf8");
const files = readdirSync(new URL("assets/", dist)).map((name) => `assets/${name}`);

/** A script with all that it imports at once; what it imports later has `import(` before it. */
function withImports(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const [, file] of textOf(name).matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) withImports(`assets/${file}`, found);
  return found;
}

const first = new Set(["index.html", "icon.svg"]);
for (const [, name] of textOf("index.html").matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)) {
  if (name.endsWith(".js")) withImports(name, first);
  else first.add(name);
}
const overview = files.filter((name) => /OverviewPage-[^/]*\.js$/.test(name));
if (overview.length !== 1) throw new Error("The overview's script is not where it was; mend scripts/size.mjs");
withImports(overview[0], first);
for (const name of files.filter((name) => /OverviewPage-[^/]*\.css$/.test(name))) first.add(name);

const all = ["index.html", "icon.svg", ...files.filter((name) => /\.(js|css)$/.test(name))];
const sum = (names) => [...names].reduce((total, name) => total + sizeOf(name), 0);
let isTooLarge = false;
for (const [what, size, most] of [
  ["first page", sum(first), FIRST],
  ["everything", sum(all), ALL],
]) {
  process.stdout.write(`${what}: ${(size / 1000).toFixed(1)} kB of ${most / 1000} kB\n`);
  isTooLarge ||= size > most;
}
process.exitCode = isTooLarge ? 1 : 0;
