import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A file that pages load. */
export interface Asset {
  readonly name: string;
  readonly type: string;
  readonly content: string;
}

const FOLDER = join(import.meta.dirname, "..", "assets");

const asset = (name: string, type: string): Asset => ({
  name,
  type,
  content: readFileSync(join(FOLDER, name), "utf8"),
});

/** tools/build.ts puts their content into the bundle in place of this module, with the script, which is made there. */
export const ASSETS: readonly Asset[] = [
  asset("portal.css", "text/css; charset=utf-8"),
  asset("icon.svg", "image/svg+xml"),
];
