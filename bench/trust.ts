import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { MANAGED_LABEL } from "../src/api/names.ts";
import { secretPath, secretsPath, sshKeysPath } from "../src/api/paths.ts";
import { DEFAULT_SETTINGS } from "../src/config/settings.ts";
import { type Bench, type Figure, quantile, type Round, type Sample } from "./bench.ts";
import { FileWatch, type Took } from "./filewatch.ts";
import { creation, newSSHKey } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { load } from "./seed.ts";
import { BEST, sendAll } from "./send.ts";
import { onFreshSite, type Site } from "./site.ts";

/** The tenant whose keys are timed, and the one that makes trouble. */
const CALM = "team-calm";
const LOUD = "team-loud";

/** Between one timed key and the next, in ms. */
const PAUSE_MS = 50;

/** Goes on until the signal aborts. */
type Trouble = (site: Site, signal: AbortSignal) => Promise<void>;

const TROUBLES: readonly { readonly name: string; readonly cause: Trouble }[] = [
  { name: "20,000 new SSHKeys come in", cause: flood },
  { name: "one SSHKey is toggled three times a second", cause: toggle },
  { name: "twelve labelled Secrets of 1 MiB are touched twice a second", cause: junk },
];

const FLOOD = 20_000;
const TOGGLE_MS = 333;
const JUNK = { secrets: 12, bytes: 1_000_000, everyMs: 500 };
const CROWD = 1000;

const WITHIN_USER: Figure = {
  name: "revocation within a user whose 1,000 statuses are being written",
  unit: "ms",
  target: { most: 200 },
};

const WITHIN_USER_RATIO: Figure = { name: "the same ÷ its own request", unit: "×" };

/** What one tenant's trouble costs another tenant; at least what it costs the API server that both share. */
export const trust: Bench = {
  name: "trust",
  fixedKeys: 0,
  async run(round: Round): Promise<readonly Sample[]> {
    const times = round.quick ? 5 : 20;
    return await onFreshSite([CALM, LOUD], async (site) =>
      withOperator(site, round, async (operator) => {
        await operator.untilLogged("StartedLeading");
        const watch = await FileWatch.start(site, CALM);
        const atRest = await timed(watch, times);
        const samples = samplesOf("at rest", atRest);
        for (const { name, cause } of TROUBLES) {
          const ending = new AbortController();
          const trouble = cause(site, ending.signal);
          await Promise.race([trouble, delay(1000)]);
          samples.push(...samplesOf(`while ${name}`, await timed(watch, times), atRest));
          ending.abort();
          await trouble;
          await operator.untilIdle();
        }
        watch.stop();
        const { seen, answered } = await revocationInACrowd(site);
        return [
          ...samples,
          { figure: WITHIN_USER, value: seen },
          { figure: WITHIN_USER_RATIO, value: seen / answered },
        ];
      }),
    );
  },
};

interface Timed {
  readonly added: readonly Took[];
  readonly revoked: readonly Took[];
}

function samplesOf(when: string, timed: Timed, atRest?: Timed): Sample[] {
  return (["added", "revoked"] as const).flatMap((kind) => {
    const name = `${kind === "added" ? "new key" : "revocation"} ${when}`;
    const median = (of: Timed, member: keyof Took) =>
      quantile(
        of[kind].map((took) => took[member]),
        0.5,
      );
    const seen = median(timed, "seen");
    const slowest = Math.max(...timed[kind].map((took) => took.seen));
    return [
      { figure: { name: `${name}, median`, unit: "ms" }, value: seen },
      { figure: { name: `${name}, slowest`, unit: "ms" }, value: slowest },
      // All that the API server makes slower makes its own answer slower.
      {
        figure: { name: `${name}, median ÷ its own request`, unit: "×" },
        value: seen / median(timed, "answered"),
      },
      ...(atRest === undefined
        ? []
        : [
            {
              figure: { name: `${name}, median ÷ at rest`, unit: "×" },
              value: seen / median(atRest, "seen"),
            },
          ]),
    ];
  });
}

let seed = 5e6;

async function timed(watch: FileWatch, times: number): Promise<Timed> {
  const added: Took[] = [];
  const revoked: Took[] = [];
  for (let i = 0; i < times; i += 1) {
    seed += 1;
    const key = newSSHKey(CALM, `calm-${seed}`, `calm-${seed}`, seed);
    added.push(await watch.add(key));
    await delay(PAUSE_MS);
    revoked.push(await watch.revoke(key.metadata.name));
    await delay(PAUSE_MS);
  }
  return { added, revoked };
}

async function flood({ controlPlane }: Site, signal: AbortSignal): Promise<void> {
  const keys = Array.from({ length: FLOOD }, (_, i) => newSSHKey(LOUD, `flood-${i}`, `flood-${i}`, 6e6 + i));
  for (let from = 0; from < FLOOD && !signal.aborted; from += 200) {
    const writes = keys.slice(from, from + 200).map(creation);
    await sendAll(writes, { ...BEST, kubeconfig: controlPlane.kubeconfig });
  }
}

async function toggle({ client }: Site, signal: AbortSignal): Promise<void> {
  const key = newSSHKey(LOUD, "toggled", "toggled", 7e6);
  await client.json("POST", sshKeysPath(LOUD), key);
  for (let disabled = true; !signal.aborted; disabled = !disabled) {
    await client.json("PATCH", `${sshKeysPath(LOUD)}/toggled`, { spec: { disabled } });
    await delay(TOGGLE_MS);
  }
}

/** Labelled as the operator's own, so that it is shown every one of them; as copies, so that it leaves them as they are. */
async function junk({ client }: Site, signal: AbortSignal): Promise<void> {
  const names = Array.from({ length: JUNK.secrets }, (_, i) => `junk-${i}`);
  for (const name of names) {
    const text = randomBytes(JUNK.bytes / 2)
      .toString("hex")
      .replace(/.{200}/g, "$& \n");
    await client.json("POST", secretsPath(LOUD), {
      metadata: {
        name,
        labels: { [MANAGED_LABEL]: DEFAULT_SETTINGS.secrets.installation },
      },
      data: { authorized_keys: Buffer.from(text).toString("base64") },
    });
  }
  for (let touched = 0; !signal.aborted; touched += 1) {
    const patch = { metadata: { annotations: { "example.com/touched": `${touched}` } } };
    await Promise.all(names.map((name) => client.json("PATCH", secretPath(LOUD, name), patch)));
    await delay(JUNK.everyMs);
  }
}

/** Until a key is out of the Secret of a user all of whose statuses wait to be written. */
async function revocationInACrowd(site: Site): Promise<Took> {
  const keys = Array.from({ length: CROWD }, (_, i) => newSSHKey(CALM, `crowd-${i}`, "crowd", 8e6 + i));
  await load(site, keys);
  const watch = await FileWatch.start(site, CALM);
  await watch.until("crowd-0");
  const took = await watch.revoke("crowd-0");
  watch.stop();
  return took;
}
