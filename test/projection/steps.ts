import fc from "fast-check";
import { proof, seedOf } from "../claims/keypairs.ts";
import { ed25519 } from "../claims/sshkeys.ts";
import type { Rules } from "../oracle/oracle.ts";
import { MANAGED, OWN_NAME, USER } from "./installation.ts";
import type { StoredSecret } from "./secretserver.ts";
import type { Wish } from "./storedsshkeys.ts";
import type { Picker, World } from "./world.ts";

export type Step = (world: World) => void;

const START = 1_700_000_000_000;
const namespace = fc.constantFrom("team-a", "team-a", "team-a", "team-b", "bastion");
const name = fc.constantFrom("k1", "k2", "k3", "k4");
const TRUNCATED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== truncated";

const key: fc.Arbitrary<string> = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(1, 1, 1, 2, 3).map(ed25519) },
  { weight: 1, arbitrary: fc.constant(TRUNCATED) },
);

/** What somebody gives as a proof for the SSHKey of this user with this key. */
type Proving = (wish: Pick<Wish, "user" | "key">) => string | undefined;

const unproven: Proving = () => undefined;
const right: Proving = ({ user, key }) => proof({ key: seedOf(key) ?? 1, user });
const proving: fc.Arbitrary<Proving> = fc.constantFrom(
  unproven,
  right,
  right,
  ({ user, key }) => proof({ key: seedOf(key) ?? 1, user, ending: "\r\n", lineEnd: "\r\n" }),
  ({ key }) => proof({ key: seedOf(key) ?? 1, user: "mallory" }),
  ({ user, key }) => proof({ key: (seedOf(key) ?? 1) + 1, user }),
  ({ user, key }) => proof({ key: seedOf(key) ?? 1, user, namespace: "elsewhere" }),
  ({ user, key }) => proof({ key: seedOf(key) ?? 1, user }).replace(/^A/m, "B"),
);

const wish: fc.Arbitrary<Wish> = fc
  .record({
    namespace,
    name,
    user: fc.constantFrom("alice", "alice", "bob", "carol@example.com", "alice@example.com"),
    key,
    proving: fc.oneof({ weight: 1, arbitrary: fc.constant(unproven) }, { weight: 1, arbitrary: proving }),
    options: fc.constantFrom([], [], [], ["no-pty"], ['command="a \\"b c\\" d"', "restrict"]),
    disabled: fc.constantFrom(false, false, false, false, true),
    expiresAt: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 60 }).map((seconds) => START + seconds * 1000) },
      // Beyond every story's end.
      { weight: 1, arbitrary: fc.constant(START + 3650 * 86_400_000) },
    ),
  })
  .map(({ proving, ...rest }) => ({ ...rest, proof: proving(rest) }));

export const which = fc.nat(1000);

export function weighted(...choices: [number, fc.Arbitrary<Step>][]): fc.Arbitrary<Step> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

/** Shows up in counterexamples. */
export function named(text: string, run: Step): Step {
  return Object.assign(run, { toString: () => text, [fc.toStringMethod]: () => text });
}

export function nth<T>(all: readonly T[], at: number): T | undefined {
  return all[at % Math.max(1, all.length)];
}

function onTarget(text: string, act: (world: World, id: string) => void): fc.Arbitrary<Step> {
  return which.map((at) =>
    named(`${text} ${at}`, (world) => {
      const id = nth(world.targetIds, at);
      if (id !== undefined) act(world, id);
    }),
  );
}

function onKey(text: string, act: (world: World, id: string) => void): fc.Arbitrary<Step> {
  return which.map((at) =>
    named(`${text} ${at}`, (world) => {
      const id = nth(world.sshKeys.ids, at);
      if (id !== undefined) act(world, id);
    }),
  );
}

/** What people do, and what an operator does about it. */
export const ordinary: fc.Arbitrary<Step> = weighted(
  [10, wish.map((w) => named(`apply ${JSON.stringify(w)}`, (world) => world.apply(w)))],
  [2, onKey("delete", (world, id) => world.sshKeys.delete(id))],
  [1, onKey("terminate", (world, id) => world.sshKeys.terminate(id))],
  [3, proving.chain((give) => onKey("prove", (w, id) => w.edit(id, (each) => ({ proof: give(each) }))))],
  [2, key.chain((line) => onKey(`rekey ${line}`, (w, id) => w.edit(id, () => ({ key: line }))))],
  [1, onKey("report use", (world, id) => world.reportUse(id))],
  [1, onKey("restore", (world, id) => world.sshKeys.restore(id))],
  [12, which.map((at) => named(`go on ${at}`, (world) => nth(world.choices, at)?.()))],
  [3, fc.constant(named("show keys", (world) => world.showKeys()))],
  [2, fc.integer({ min: 0, max: 30 }).map((s) => named(`pass ${s}`, (world) => world.pass(s * 1000)))],
  [1, fc.constant(named("pass a day", (world) => world.pass(25 * 3_600_000)))],
  [2, onTarget("lose", (world, id) => world.passes.lose(id))],
  [1, which.map((at) => named(`lose a status ${at}`, (world) => world.statuses.lose(at)))],
  [1, which.map((at) => named(`restart ${at}`, (world) => world.restart((count) => at % count)))],
  [1, which.map((at) => named(`reconfigure ${at}`, (w) => w.restartWithOtherFormat((count) => at % count)))],
);

/** What others do to Secrets, and heals by itself. */
export const meddling: fc.Arbitrary<Step> = weighted(
  [1, onTarget("delete Secret", (world, id) => world.server.remove(id))],
  [
    1,
    onTarget("overwrite", (world, id) =>
      change(world, id, (s) => ({ ...s, data: { authorized_keys: "AAAA" } })),
    ),
  ],
  [
    1,
    onTarget("add data", (world, id) =>
      change(world, id, (s) => ({ ...s, data: { ...s.data, other: "AAAA" } })),
    ),
  ],
  [1, onTarget("other user", (world, id) => change(world, id, (s) => annotated(s, USER, "mallory")))],
);

/** What stands in the operator's way until somebody ends it. */
export const obstacles: fc.Arbitrary<Step> = weighted(
  [
    2,
    onTarget("refuse all", (world, id) => world.server.refusals.set(id, { reason: "rejected", holding: "" })),
  ],
  [
    2,
    onTarget("fail all", (world, id) =>
      world.server.refusals.set(id, { reason: "server-error", holding: "" }),
    ),
  ],
  [
    3,
    fc
      .tuple(fc.constantFrom("rejected" as const, "server-error" as const), fc.integer({ min: 1, max: 3 }))
      .chain(([reason, key]) =>
        onTarget(`${reason} key ${key}`, (world, id) =>
          world.server.refusals.set(id, { reason, holding: ed25519(key).split(" ")[1] ?? "" }),
        ),
      ),
  ],
  [2, onTarget("allow", (world, id) => void world.server.refusals.delete(id))],
  [2, onTarget("broke", (world, id) => void world.broke.add(id))],
  [1, onTarget("immutable", (world, id) => change(world, id, (s) => ({ ...s, immutable: true })))],
  [1, onTarget("no label", (world, id) => change(world, id, (s) => labelled(s, {})))],
  [1, onTarget("copy", (world, id) => change(world, id, (s) => annotated(s, OWN_NAME, "team-z/other")))],
  [1, onTarget("strip on write", (world, id) => world.server.webhooks.set(id, (s) => labelled(s, {})))],
  [
    1,
    onTarget("alter on write", (world, id) =>
      world.server.webhooks.set(id, (s) => ({ ...s, data: { ...s.data, stray: "AAAA" } })),
    ),
  ],
  [
    2,
    fc.boolean().chain((isForged) =>
      onTarget(`foreign ${isForged}`, (world, id) => {
        const [namespace = "", secret = ""] = id.split("/");
        const annotations: Record<string, string> = isForged ? { [OWN_NAME]: id } : {};
        if (world.server.get(id) === undefined)
          world.server.put({
            metadata: { namespace, name: secret, annotations },
            data: { authorized_keys: "AAAA" },
          });
      }),
    ),
  ],
);

export const rules: fc.Arbitrary<Rules> = fc.record({
  scope: fc.constantFrom("Namespace" as const, "User" as const),
  maximumKeysPerUser: fc.constantFrom(1, 2, 100),
  proofs: fc.constantFrom("Optional" as const, "Optional" as const, "Required" as const),
  expiryTimeFormat: fc.constantFrom("WithZ" as const, "WithoutZ" as const),
});

/** How far the operator's clock is ahead of the API server's. */
export const skew: fc.Arbitrary<number> = fc.constantFrom(0, 0, -3_600_000, 3_600_000, 300);

export const picks: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(100), { maxLength: 30 });

/** Chooses by these numbers, again and again. */
export function picker(numbers: readonly number[]): Picker {
  let turn = 0;
  return () => numbers[turn++ % Math.max(1, numbers.length)] ?? 0;
}

function change(world: World, id: string, how: (secret: StoredSecret) => StoredSecret): void {
  const secret = world.server.get(id);
  if (secret !== undefined) world.server.put(how(secret));
}

function annotated(secret: StoredSecret, key: string, value: string): StoredSecret {
  const annotations = { ...secret.metadata.annotations, [key]: value };
  return { ...secret, metadata: { ...secret.metadata, annotations } };
}

function labelled(secret: StoredSecret, labels: Record<string, string>): StoredSecret {
  const { [MANAGED]: _, ...others } = secret.metadata.labels ?? {};
  return { ...secret, metadata: { ...secret.metadata, labels: { ...others, ...labels } } };
}
