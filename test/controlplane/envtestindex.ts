import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** The machine's platform as archives are named by it. */
const PLATFORM = `${process.platform}-${process.arch.replace("x64", "amd64")}`;

/** An archive of the index: programs that say to be of a version, and what may be wrong with it. */
export interface Archive {
  /** With its leading v. */
  readonly version: string;
  /** What the programs say to be; the same by default. */
  readonly says?: string;
  readonly platform?: string;
  readonly lacks?: string;
  readonly isAltered?: boolean;
}

export interface EnvtestIndex {
  readonly url: string;
  /** The paths that were asked for. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
}

/** Serves an index in the form of controller-tools' `envtest-releases.yaml`, and its archives. */
export async function serveIndex(archives: readonly Archive[]): Promise<EnvtestIndex> {
  const folder = mkdtempSync(join(tmpdir(), "envtest-index-"));
  const files = new Map<string, Buffer>();
  const listed: string[] = [];
  const index = await serve((request, response) => {
    const file = files.get(request.url ?? "");
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
  for (const archive of archives) {
    const name = `envtest-${archive.version}-${archive.platform ?? PLATFORM}.tar.gz`;
    const content = await pack(join(folder, archive.version), archive);
    const hash = createHash("sha512").update(content).digest("hex");
    const link = new URL(`/${name}`, index.url).href;
    files.set(`/${name}`, archive.isAltered === true ? Buffer.concat([content, Buffer.from("x")]) : content);
    listed.push(`  ${archive.version}:\n    ${name}:\n      hash: ${hash}\n      selfLink: ${link}\n`);
  }
  files.set("/index.yaml", Buffer.from(`releases:\n${listed.join("")}`));
  rmSync(folder, { recursive: true });
  return { ...index, url: new URL("/index.yaml", index.url).href };
}

/** A server of its own on a loopback port. */
export async function serve(answer: RequestListener): Promise<EnvtestIndex> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${address.port}/`, requests, stop };
}

/** A script under each name, which answers as the real program does when asked for its version. */
async function pack(folder: string, { version, says = version, lacks }: Archive): Promise<Buffer> {
  const programs = join(folder, "controller-tools", "envtest");
  mkdirSync(programs, { recursive: true });
  const answers = {
    etcd: "etcd Version: 3.6.0",
    "kube-apiserver": `Kubernetes ${says}`,
    kubectl: JSON.stringify({ clientVersion: { gitVersion: says } }, null, 2),
  };
  for (const [name, answer] of Object.entries(answers)) {
    if (name === lacks) continue;
    const file = join(programs, name);
    writeFileSync(file, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\n`);
    chmodSync(file, 0o755);
  }
  const file = join(folder, "archive.tar.gz");
  await promisify(execFile)("tar", ["-czf", file, "-C", folder, "controller-tools"]);
  return readFileSync(file);
}
