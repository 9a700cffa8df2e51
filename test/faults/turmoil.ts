import { setTimeout as delay } from "node:timers/promises";
import { MANAGED_LABEL, SECRET_ANNOTATION, USER_ANNOTATION } from "../../src/api/names.ts";
import { secretPath, secretsPath, sshKeysPath } from "../../src/api/paths.ts";
import type { SSHKeySpec } from "../../src/api/sshkey.generated.ts";
import { secretName } from "../../src/projection/usertarget.ts";
import { freshProvableKey, proofFor, seedOf } from "../claims/keypairs.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "../operator/publickeys.ts";
import type { Tenant } from "../operator/tenant.ts";
import { Random } from "../ssh/random.ts";
import type { Arena } from "./arena.ts";
import { differences } from "./comparison.ts";
import type { Fault } from "./faultproxy.ts";
import { isWrite, type ProxiedRequest } from "./proxiedrequest.ts";
import { sharedDifferences } from "./sharedcomparison.ts";
import { attempt, managed, SHARED_SECRETS, Sharing } from "./sharing.ts";

export interface TurmoilOptions {
  readonly seed: number;
  /** How many people act at the same time. */
  readonly clients: number;
  /** May the operator be killed? */
  readonly kills: boolean;
}

/** Between two things that one person does; as fast as can be, the operator would see little but the end. */
const LONGEST_PAUSE_MS = 50;
/** Of one resource: watches that fail all the time are waited for half a minute each time, and then nothing else is tried. */
const BETWEEN_STRIKES_MS = 5000;
const WATCHED = ["sshkeys", "secrets", "authorizedkeys", "namespaces"];
const USERS = ["alice", "bob", "carol@example.com", "Дмитрий"];
const OPTIONS = ["restrict", "no-pty", 'from="10.0.0.0/8"', 'from="', 'environment="A=1"', "pty"];
const NAMES = Array.from({ length: 20 }, (_, index) => `key-${index}`);

/** People and faults that do at random what they can, each run of a seed the same as far as the machine lets it. */
export class Turmoil {
  readonly #arena: Arena;
  readonly #tenants: readonly Tenant[];
  readonly #sharing: Sharing;
  readonly #o: TurmoilOptions;
  readonly #keys = Array.from({ length: 12 }, freshProvableKey);
  readonly #counts = new Map<string, number>();
  readonly #struckAt = new Map<string, number>();
  #restarting: Promise<unknown> | undefined;
  operations = 0;

  private constructor(arena: Arena, tenants: readonly Tenant[], options: TurmoilOptions) {
    this.#arena = arena;
    this.#tenants = tenants;
    // The first two are targets and sources, the last one is neither.
    this.#sharing = new Sharing(tenants.slice(0, 2), tenants.slice(0, 4));
    this.#o = options;
  }

  static async prepare(arena: Arena, options: TurmoilOptions): Promise<Turmoil> {
    const tenants = await Promise.all([1, 2, 3, 4, 5].map(() => arena.tenant()));
    return new Turmoil(arena, tenants, options);
  }

  /** How often each thing was done. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort());
  }

  /** Goes on while `more` says so. */
  async run(more: (operations: number) => boolean): Promise<void> {
    const clients = Array.from({ length: this.#o.clients }, async (_, client) => {
      const random = new Random(this.#o.seed * 1000 + client);
      while (more(this.operations)) {
        this.operations += 1;
        await this.#act(random);
        await delay(random.below(LONGEST_PAUSE_MS));
      }
    });
    await Promise.all(clients);
    await this.#restarting;
  }

  /** Ends every fault, gives back labels and names, and waits until all is as the model has it. */
  async settle(deadlineMs = 300_000): Promise<void> {
    this.#arena.proxy.thaw();
    for (const tenant of this.#tenants) {
      for (const name of await this.#secretNames(tenant))
        await tenant.editSecret(name, managed(tenant.namespace, name));
    }
    await eventually("every expiry that was set is over", async () => {
      const keys = (await Promise.all(this.#tenants.map((tenant) => tenant.list()))).flat();
      return !keys.some(({ spec }) => Date.parse(spec.expiresAt ?? "") > Date.now());
    });
    let found: readonly string[] = [];
    const isReached = async () => {
      found = [...(await differences(this.#tenants)), ...(await sharedDifferences(this.#tenants))];
      return found.length === 0;
    };
    try {
      await eventually("Secrets and statuses are as the model has them", isReached, deadlineMs);
    } catch (error) {
      throw new Error(`${found.length} differences:\n${found.slice(0, 10).join("\n")}`, { cause: error });
    }
  }

  async #act(random: Random): Promise<void> {
    const [name, act] = this.#choose(random);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    await act(random.pick(this.#tenants), random);
  }

  #choose(random: Random): readonly [string, Act] {
    const die = random.below(1000);
    if (die < 6 && this.#o.kills) return ["kill", () => this.#kill()];
    if (die < 60) return ["fault on a write", (_, r) => this.#spoil(r)];
    const resource = random.pick(WATCHED);
    const struckAt = this.#struckAt.get(resource) ?? Number.NEGATIVE_INFINITY;
    const isCalm = performance.now() - struckAt >= BETWEEN_STRIKES_MS;
    if (die < 70 && isCalm) return [`fault on a watch of ${resource}`, (_, r) => this.#strike(resource, r)];
    if (die >= 70 && die < 73) return ["outage", (_, r) => this.#outage(r)];
    if (die < 120) return ["tampering", (tenant, r) => this.#tamper(tenant, r)];
    if (die < 300) return this.#sharing.choose(random);
    if (die < 600) return ["create", (tenant, r) => this.#create(tenant, r)];
    if (die < 720) return ["delete", (tenant, r) => this.#send("DELETE", tenant, r.pick(NAMES))];
    if (die < 820) return ["proof", (tenant, r) => this.#prove(tenant, r)];
    return ["edit", (tenant, r) => this.#send("PATCH", tenant, r.pick(NAMES), { spec: this.#edit(r) })];
  }

  async #create(tenant: Tenant, random: Random): Promise<void> {
    const name = random.pick(NAMES);
    const [user, key] = [random.pick(USERS), this.#key(random)];
    const proof = random.below(3) === 0 ? this.#proof(random, user, key) : null;
    const options = random.below(4) === 0 ? { options: [random.pick(OPTIONS)] } : {};
    const spec: SSHKeySpec = { user, key, ...options, ...(proof === null ? {} : { proof }) };
    const object = { apiVersion: "sshkey-operator.dev/v1alpha1", kind: "SSHKey", metadata: { name }, spec };
    await attempt(tenant, "POST", sshKeysPath(tenant.namespace), object);
  }

  #key(random: Random): string {
    const key = random.pick(this.#keys);
    if (random.below(10) === 0) return `${key.slice(0, -8)} too short`;
    return random.below(2) === 0 ? key : `${key} comment ${random.below(100)}`;
  }

  /** Most are right; others are of another user, by another key or damaged, or there is none. */
  #proof(random: Random, user: string, key: string): string | null {
    const right = (name: string, line: string) => (seedOf(line) === undefined ? null : proofFor(name, line));
    return random.pick<() => string | null>([
      () => right(user, key),
      () => right(user, key),
      () => right(user, key),
      () => right(random.pick(USERS), key),
      () => right(user, random.pick(this.#keys)),
      // Its first bytes tell what it is.
      () => right(user, key)?.replace("U1NIU0lH", "AAAAAAAA") ?? null,
      () => null,
    ])();
  }

  /** Gives an SSHKey another proof, or none: for the user and key that it has, unless somebody edits it meanwhile. */
  async #prove(tenant: Tenant, random: Random): Promise<void> {
    const name = random.pick(NAMES);
    const path = `${sshKeysPath(tenant.namespace)}/${name}`;
    const { status, body } = await tenant.cluster.request("GET", path);
    if (status !== 200) return;
    const { user, key } = (body as { readonly spec: SSHKeySpec }).spec;
    await this.#send("PATCH", tenant, name, { spec: { proof: this.#proof(random, user, key) } });
  }

  #edit(random: Random): Readonly<Record<string, unknown>> {
    const inSeconds = (seconds: number) =>
      `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;
    return random.pick<() => Readonly<Record<string, unknown>>>([
      () => ({ key: this.#key(random) }),
      () => ({ key: this.#key(random) }),
      () => ({ disabled: true }),
      () => ({ disabled: null }),
      () => ({ expiresAt: inSeconds(random.below(4)) }),
      () => ({ expiresAt: null }),
      () => ({ title: `title ${random.below(100)}` }),
      () => ({ options: [random.pick(OPTIONS)] }),
    ])();
  }

  /** What others do to Secrets. */
  async #tamper(tenant: Tenant, random: Random): Promise<void> {
    const name = secretName("sshkeys-", random.pick(USERS));
    const path = secretPath(tenant.namespace, name);
    const patch = (body: object) => attempt(tenant, "PATCH", path, body);
    await random.pick([
      () => attempt(tenant, "DELETE", path),
      () => patch({ stringData: { authorized_keys: `${freshKey()} intruder\n` } }),
      () => patch({ stringData: { stray: "x" } }),
      () => patch({ metadata: { labels: { [MANAGED_LABEL]: null } } }),
      () => patch({ metadata: { annotations: { [SECRET_ANNOTATION]: "elsewhere/original" } } }),
      () => patch(managed(tenant.namespace, name)),
      () => patch(managed(tenant.namespace, name)),
      () => patch({ metadata: { annotations: { [USER_ANNOTATION]: random.pick(USERS) } } }),
    ])();
  }

  async #spoil(random: Random): Promise<void> {
    const answer = (status: number, headers?: Record<string, string>): Fault => ({
      kind: "answer",
      status,
      ...(headers === undefined ? {} : { headers }),
    });
    const fault = random.pick<Fault>([
      { kind: "lose" },
      { kind: "lose" },
      { kind: "drop" },
      { kind: "late", ms: 200 },
      answer(500),
      answer(503),
      answer(409),
      answer(401),
      answer(429, { "retry-after": "1" }),
    ]);
    this.#arena.proxy.inject(isWrite, fault, 1 + random.below(3));
  }

  async #strike(resource: string, random: Random): Promise<void> {
    const { proxy } = this.#arena;
    this.#struckAt.set(resource, performance.now());
    const isRead = (request: ProxiedRequest) => request.resource === resource && !isWrite(request);
    random.pick([
      () => proxy.cut(resource),
      () => proxy.cut(resource, '{"type":"DEL'),
      () => proxy.write(resource, "nonsense\n"),
      () => proxy.write(resource, `${JSON.stringify({ type: "ERROR", object: { code: 410 } })}\n`),
      () => {
        proxy.inject(isRead, { kind: "answer", status: random.pick([410, 500, 429]) });
        proxy.cut(resource);
      },
    ])();
  }

  async #outage(random: Random): Promise<void> {
    this.#arena.proxy.goDown();
    await delay(random.below(500));
    this.#arena.proxy.thaw();
  }

  async #kill(): Promise<void> {
    this.#restarting ??= this.#arena
      .crash()
      .then(() => this.#arena.run())
      .finally(() => {
        this.#restarting = undefined;
      });
    await this.#restarting;
  }

  async #send(method: "DELETE" | "PATCH", tenant: Tenant, name: string, body?: object): Promise<void> {
    await attempt(tenant, method, `${sshKeysPath(tenant.namespace)}/${name}`, body);
  }

  /** Of all Secrets that are or were managed. */
  async #secretNames(tenant: Tenant): Promise<readonly string[]> {
    const list = (await tenant.send("GET", secretsPath(tenant.namespace))) as {
      items: readonly { metadata: { name: string } }[];
    };
    return list.items
      .map(({ metadata }) => metadata.name)
      .filter((name) => name.startsWith("sshkeys-") || SHARED_SECRETS.includes(name));
  }
}

type Act = (tenant: Tenant, random: Random) => Promise<void>;
