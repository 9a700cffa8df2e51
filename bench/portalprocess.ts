import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Child, spawnChild } from "../controlplane/child.ts";
import { Sealer } from "../src/portal/sealer.ts";
import { readAccess } from "./client.ts";
import type { Site } from "./site.ts";

/** The user of the token that a control plane's kubeconfig has. */
export const PORTAL_USER = "admin";

/** How a control plane calls itself, and so the audience of that token. */
const AUDIENCE = "https://kubernetes.default.svc";

export interface PortalOptions {
  /** The built bundle. */
  readonly bundle: string;
  readonly namespace: string;
  /** Options of Node. */
  readonly nodeArgs?: readonly string[];
}

let started = 0;

/** The built portal as its own process, which knows people by tokens and by sessions. */
export class PortalProcess {
  readonly child: Child;
  readonly origin: string;
  /** From the start of the process, in ms. */
  readonly readyAfter: number;

  private constructor(child: Child, origin: string, readyAfter: number) {
    this.child = child;
    this.origin = origin;
    this.readyAfter = readyAfter;
  }

  static async start(
    { controlPlane }: Site,
    { bundle, namespace, nodeArgs = [] }: PortalOptions,
  ): Promise<PortalProcess> {
    started += 1;
    const { dir, kubeconfig } = controlPlane;
    const config = join(dir, "portal.yaml");
    const session = `session: { keysFolder: ${JSON.stringify(keysFolder(dir))} }`;
    writeFileSync(config, `portal:\n  tokens: { audience: "${AUDIENCE}" }\n  ${session}\n`);
    const given = ["--kubeconfig", kubeconfig, "--namespace", namespace, "--config", config];
    const began = performance.now();
    const child = spawnChild({
      name: "portal",
      command: process.execPath,
      args: [...nodeArgs, bundle, "portal", ...given, "--listen", "127.0.0.1:0", "--metrics-bind-address=0"],
      cwd: dir,
      logFile: join(dir, `portal-${started}.log`),
    });
    let origin = "";
    for (let tries = 0; tries < 10_000; tries += 1) {
      const address = /"event":"PortalStarted".*"address":"([^"]+)"/.exec(
        readFileSync(child.log, "utf8"),
      )?.[1];
      origin = address === undefined ? "" : `http://${address}`;
      if (origin !== "" && (await fetch(`${origin}/readyz`)).ok)
        return new PortalProcess(child, origin, performance.now() - began);
      await delay(5);
    }
    throw new Error(`the portal is not ready: ${child.output().slice(-500)}`);
  }

  /** Resident set in bytes, as it is. */
  rss(): number {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"));
    return Number(line?.[1]) * 1024;
  }

  async stop(): Promise<void> {
    await this.child.stop(10_000);
  }
}

/** The headers of a person's browser, and of a program with that person's token. */
export async function headersOf(
  { controlPlane }: Site,
  namespace: string,
): Promise<{ readonly browser: Record<string, string>; readonly program: Record<string, string> }> {
  const person = { user: PORTAL_USER, groups: [], namespace, signedInBy: "oidc" };
  const sealed = await new Sealer(keysFolder(controlPlane.dir)).seal("session", person, 60 * 60 * 1000);
  return {
    browser: { cookie: `sshkeys-session=${sealed}` },
    program: { authorization: readAccess(controlPlane.kubeconfig).authorization },
  };
}

function keysFolder(dir: string): string {
  const folder = join(dir, "session-keys");
  if (mkdirSync(folder, { recursive: true }) !== undefined) writeFileSync(join(folder, "1"), randomBytes(32));
  return folder;
}
