// What reading the manifests of a folder takes at the least: each file is read and parsed, and nothing is kept.
const { readdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");
const { parse } = require("yaml");

const folder = process.argv[2];
for (const name of readdirSync(folder)) parse(readFileSync(join(folder, name), "utf8"));
