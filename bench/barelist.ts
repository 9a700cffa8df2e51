import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Pool } from "undici";
import { managedSelector, secretsPath, sshKeysPath } from "../src/api/paths.ts";
import { DEFAULT_SETTINGS } from "../src/config/settings.ts";
import { readAccess } from "./client.ts";

const SELECTOR = managedSelector(DEFAULT_SETTINGS.secrets.installation);

/** What reading a converged cluster takes at the least, in ms: a paged list and JSON.parse, nothing kept. */
export interface BareList {
  /** Without the start of the process. */
  readonly list: number;
  /** From process start to exit. */
  readonly process: number;
}

/** Measures it in a process of its own. */
export async function bareList(kubeconfig: string): Promise<BareList> {
  const started = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, kubeconfig]);
  return { list: Number(stdout), process: performance.now() - started };
}

/** Both lists at a time, each page after the other, as a reflector has to. */
async function listAll(kubeconfig: string): Promise<number> {
  const { server, ca, authorization } = readAccess(kubeconfig);
  const started = performance.now();
  const pool = new Pool(server, { connect: { ca }, connections: 2 });
  const headers = { authorization, accept: "application/json" };
  const list = async (path: string) => {
    let next = "";
    do {
      const position = next === "" ? "" : `&continue=${encodeURIComponent(next)}`;
      const answer = await pool.request({ method: "GET", path: `${path}limit=500${position}`, headers });
      next = JSON.parse(await answer.body.text()).metadata.continue ?? "";
    } while (next !== "");
  };
  await Promise.all([
    list(`${sshKeysPath()}?`),
    list(`${secretsPath()}?labelSelector=${encodeURIComponent(SELECTOR)}&`),
  ]);
  const ms = performance.now() - started;
  await pool.destroy();
  return ms;
}

if (import.meta.main) {
  console.log(await listAll(process.argv[2] ?? ""));
}
