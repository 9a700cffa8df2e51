import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { audit } from "../../src/cli/audit.ts";
import { EXIT } from "../../src/cli/exitcodes.ts";

let folder: string;
let kubeconfig: string;
/** An API server that takes requests and never answers. */
let server: Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "audit-"));
  server = createServer(() => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  kubeconfig = join(folder, "kubeconfig");
  await writeFile(
    kubeconfig,
    JSON.stringify({
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}` } }],
      users: [{ name: "u", user: {} }],
    }),
  );
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

test("audit that is stopped before it is done says so by its exit code, and writes nothing", async () => {
  const stop = new AbortController();
  const running = audit({ kubeconfig, output: join(folder, "list.txt") }, stop.signal);
  server.once("request", () => stop.abort());
  await expect(running).rejects.toMatchObject({ exitCode: EXIT.stopped });
  expect(await readdir(folder)).toEqual(["kubeconfig"]);
});
