import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Floor } from "./bench.ts";
import { keySet } from "./keyset.ts";
import { requiredFor, writesOf } from "./requiredwrites.ts";
import { load } from "./seed.ts";
import { BEST, sendAll, type Write } from "./send.ts";
import { onFreshSite } from "./site.ts";

/**
 * The ceiling: a process of its own sends exactly the writes that any operator has to send, all of them computed
 * before, and reads and watches nothing.
 */
export async function measureFloor(keys: number): Promise<Floor> {
  const set = keySet(keys);
  return await onFreshSite(set.namespaces, async (site) => {
    const { created, ms: loader } = await load(site, set.keys);
    const writes = await sendApart(
      site.controlPlane.kubeconfig,
      site.controlPlane.dir,
      writesOf(requiredFor(created)),
    );
    return { loader, writes };
  });
}

/** Sends the writes from a process of its own; gives the ms from the first request to the last answer. */
export async function sendApart(
  kubeconfig: string,
  dir: string,
  writes: readonly Write[],
  how: string = JSON.stringify(BEST),
): Promise<number> {
  const file = join(dir, "writes.json");
  await writeFile(file, JSON.stringify(writes));
  const { stdout } = await promisify(execFile)(process.execPath, [
    import.meta.filename,
    kubeconfig,
    file,
    how,
  ]);
  return Number(stdout);
}

if (import.meta.main) {
  const [kubeconfig = "", file = "", how = ""] = process.argv.slice(2);
  const writes: Write[] = JSON.parse(await readFile(file, "utf8"));
  console.log(await sendAll(writes, { ...JSON.parse(how), kubeconfig }));
}
