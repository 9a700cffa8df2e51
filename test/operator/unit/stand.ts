import { pino } from "pino";
import { onTestFinished } from "vitest";
import { MANAGED_LABEL } from "../../../src/api/names.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../../src/config/settings.ts";
import type { EventRecorder } from "../../../src/kube/eventrecorder.ts";
import type { Call } from "../../../src/kube/transport.ts";
import { Announcer } from "../../../src/operator/announcer.ts";
import { Controller } from "../../../src/operator/controller.ts";
import { Metrics } from "../../../src/operator/metrics.ts";
import type { PodRefresher } from "../../../src/operator/podrefresher.ts";
import { Projection } from "../../../src/projection/projection.ts";
import { type SSHKeyFacts, sshKeyRecord } from "../../claims/sshkeys.ts";
import { NOW } from "../../projection/secrets.ts";
import { SecretServer, type StoredSecret, textOf } from "../../projection/secretserver.ts";
import { type Answerer, only, refusal, scripted, until } from "./fakes.ts";

type Fields = Readonly<Record<string, unknown>>;
type SentSecret = Parameters<SecretServer["write"]>[0];

export interface StandOptions {
  readonly settings?: Partial<Settings>;
  /** What to answer instead of what the server would, if anything. `serve` has the server carry it out. */
  readonly fault?: (call: Call, serve: () => unknown, turn: number) => unknown;
  readonly isSynced?: boolean;
  readonly waitMs?: () => number;
  readonly refresher?: PodRefresher;
}

/** A Controller, and a server that holds Secrets and takes every status. */
export class Stand {
  readonly server: SecretServer;
  readonly projection: Projection;
  readonly controller: Controller;
  readonly metrics = new Metrics();
  readonly calls: readonly Call[];
  /** When each of them came, in monotonic ms. */
  readonly times: number[] = [];
  readonly log: Fields[] = [];
  fault: StandOptions["fault"];
  #version = 100;

  constructor({ settings, fault, isSynced = true, waitMs = () => 0, refresher }: StandOptions = {}) {
    const all = { ...DEFAULT_SETTINGS, ...settings };
    this.fault = fault;
    this.server = new SecretServer(MANAGED_LABEL, "default", () => this.#next());
    this.server.now = NOW;
    this.projection = new Projection(all.policy, all.secrets);
    if (isSynced) this.projection.setSynced(undefined);
    const serve: Answerer = (call, turn) => {
      this.times.push(performance.now());
      const served = () => this.#serve(call);
      const fault = this.fault?.(call, served, turn);
      return fault === undefined ? served() : fault;
    };
    const requests = scripted(serve);
    this.calls = requests.calls;
    const log = pino({ level: "debug" }, { write: (line) => void this.log.push(JSON.parse(line)) });
    this.controller = new Controller({
      projection: this.projection,
      deletions: [{ waitMs }],
      requests,
      refresher,
      settings: all,
      announcer: new Announcer(only<EventRecorder>({ record() {} }), log),
      log,
      metrics: this.metrics,
      now: () => NOW,
    });
  }

  /** Begins to work; ends with the test. */
  start(): this {
    const stop = new AbortController();
    this.metrics.setLeading(true);
    const ended = this.controller.run(stop.signal, stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await ended;
    });
    return this;
  }

  /** The watch shows SSHKeys. `bytes`: of their objects. */
  show(...all: readonly (SSHKeyFacts & { readonly bytes?: number })[]): this {
    for (const facts of all) {
      const record = sshKeyRecord(facts);
      this.projection.putSSHKey({ ...record, bytes: facts.bytes ?? record.bytes }, NOW);
    }
    this.controller.enqueueDirty();
    return this;
  }

  delete(name: string): void {
    this.projection.removeSSHKey("team-a", name);
    this.controller.enqueueDirty();
  }

  /** Somebody else writes this file into a Secret, and the watch shows it. */
  meddle(id: string, file: string): void {
    const secret = this.server.get(id);
    if (secret === undefined) throw new Error(`there is no Secret ${id}`);
    const data = { authorized_keys: Buffer.from(file).toString("base64") };
    this.server.put({ ...secret, data });
    this.projection.putSecret(this.projection.toLiveSecret(this.server.get(id) ?? secret));
    this.controller.enqueueDirty();
  }

  file(id: string): string {
    return textOf(this.server.get(id));
  }

  said(event: string): readonly Fields[] {
    return this.log.filter((line) => line.event === event);
  }

  /** Nothing is worked on, and nothing waits for it. */
  async rest(): Promise<void> {
    const { secrets, blocked, statuses } = this.controller;
    await until("all is done", () =>
      [secrets, blocked, statuses].every(({ depth, working }) => depth + working === 0),
    );
  }

  /** A resourceVersion newer than all before. */
  nextVersion(): number {
    this.#version += 1;
    return this.#version;
  }

  #next(): string {
    return String(this.nextVersion());
  }

  #serve({ method, path, query, body }: Call): unknown {
    const [, , , , namespace = "", resource, name] = path.split("/");
    if (resource !== "secrets") return { metadata: { resourceVersion: this.#next() } };
    if (method === "GET") {
      const secret = this.server.get(`${namespace}/${query?.fieldSelector?.split("=")[1]}`);
      const isShown =
        secret !== undefined && (query?.labelSelector === undefined || this.server.isLabelled(secret));
      return { metadata: { resourceVersion: this.#next() }, items: isShown ? [secret] : [] };
    }
    const created = body as StoredSecret;
    const write =
      method === "POST"
        ? { kind: "create", namespace, name: created.metadata.name, object: created }
        : { kind: "update", namespace, name, patch: body };
    const answer = this.server.write(write as SentSecret);
    switch (answer.kind) {
      case "written":
        return answer.secret;
      case "refused":
        return answer.reason === "rejected" ? refusal(403, "Forbidden") : refusal(500);
      case "exists":
        return refusal(409, "AlreadyExists");
      default:
        return refusal(409, "Conflict");
    }
  }
}

export function isSecretWrite({ method, path }: Call): boolean {
  return path.startsWith("/api/v1/") && method !== "GET";
}

export function isStatusWrite({ path }: Call): boolean {
  return path.endsWith("/status");
}

export const LAPTOP = { name: "laptop" };

/** Alice's Secret holds the line of her one SSHKey, and everything is said. */
export async function converged(options?: ConstructorParameters<typeof Stand>[0]): Promise<Stand> {
  const stand = new Stand(options).start().show(LAPTOP);
  await until("the status is written", () => stand.calls.some(isStatusWrite));
  await stand.rest();
  return stand;
}
