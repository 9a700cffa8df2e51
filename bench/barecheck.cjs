// What checking the manifests of a folder takes at the least: each file is read and parsed, and its Ed25519 key and the
// negative of it are looked up in the list that comes with the product. Nothing is judged, and nothing is kept.
const { createHash, hash } = require("node:crypto");
const { readdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");
const { parse } = require("yaml");

const HASH_BYTES = 8;
const DIGEST_BYTES = 32;

const [folder, listFile] = process.argv.slice(2);
const sections = sectionsOf(readFileSync(listFile));
for (const name of readdirSync(folder)) {
  const { spec } = parse(readFileSync(join(folder, name), "utf8"));
  const point = Buffer.from(spec.key.split(" ")[1], "base64").subarray(-32);
  for (let turn = 0; turn < 2; turn += 1) {
    const sought = hash("sha256", point, "buffer");
    if (sections.some((section) => has(section, sought))) process.exitCode = 1;
    point[31] ^= 0x80;
  }
}

/** Of a list in the product's own form. */
function sectionsOf(list) {
  const content = list.subarray(0, -DIGEST_BYTES);
  if (!createHash("sha256").update(content).digest().equals(list.subarray(-DIGEST_BYTES)))
    throw new Error(`${listFile} is damaged`);
  const magicEnd = list.indexOf("\n") + 1;
  let end = list.indexOf("\n", magicEnd) + 1;
  return JSON.parse(list.toString("utf8", magicEnd, end)).sections.map(({ count }) => {
    const start = end;
    end += count * HASH_BYTES;
    return list.subarray(start, end);
  });
}

/** By halving. */
function has(section, sought) {
  const high = sought.readUInt32BE(0);
  const low = sought.readUInt32BE(4);
  let [from, to] = [0, section.length / HASH_BYTES];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const at = middle * HASH_BYTES;
    const order = section.readUInt32BE(at) - high || section.readUInt32BE(at + 4) - low;
    if (order === 0) return true;
    if (order < 0) from = middle + 1;
    else to = middle;
  }
  return false;
}
