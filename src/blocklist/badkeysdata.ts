import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ListError } from "./listerror.ts";
import { digestOf } from "./listfile.ts";

/** What badkeys keeps beside its list: its SHA-256, among others (BLOCKLISTFORMAT.md of badkeys). It is no list itself. */
export const BADKEYS_DATA = "badkeysdata.json";

/** The name that badkeys gives its list. */
export const BADKEYS_LIST = "blocklist.dat";

/** Rejects with a ListError where a file is badkeys' list by its name, and not the one of badkeysdata.json beside it. */
export async function checkAgainstBadkeysData(path: string, bytes: Buffer): Promise<void> {
  if (basename(path) !== BADKEYS_LIST) return;
  const text = await readFile(join(dirname(path), BADKEYS_DATA), "utf8").catch(nothing);
  if (text === undefined) return;
  const expected = sha256In(text);
  if (expected === undefined)
    throw new ListError(
      `${BADKEYS_DATA} beside it has no blocklist_sha256: fetch both again, or remove that`,
    );
  if ((await digestOf(bytes)).toString("hex") !== expected)
    throw new ListError(
      `its SHA-256 is not that of ${BADKEYS_DATA} beside it: it was damaged, or one of both is older; fetch both again`,
    );
}

function nothing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}

function sha256In(text: string): string | undefined {
  try {
    const { blocklist_sha256: hash } = JSON.parse(text) as { readonly blocklist_sha256?: unknown };
    return typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash) ? hash : undefined;
  } catch {
    return undefined;
  }
}
