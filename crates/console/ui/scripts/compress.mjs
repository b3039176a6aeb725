/** Puts beside each file of the built page the same bytes compressed, so that the server never has to. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = new URL("../../dist/", import.meta.url);

for (const name of (await readdir(dist, { recursive: true })).sort()) {
  if (!/\.(html|js|css|svg)$/.test(name)) continue;
  const bytes = await readFile(new URL(name, dist));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  await writeFile(new URL(`${name}.br`, dist), brotliCompressSync(bytes, { params }));
  await writeFile(new URL(`${name}.gz`, dist), gzipSync(bytes, { level: 9 }));
}
