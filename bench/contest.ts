import { secretsPath, sshKeysPath } from "../src/api/paths.ts";
import type { SecretObject } from "../src/projection/secret.ts";
import { eventually } from "../test/cluster/eventually.ts";
import { type Bench, type Figure, quantile, type Round, type Sample } from "./bench.ts";
import { type CreatedSSHKey, type NewSSHKey, newSSHKey } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { load } from "./seed.ts";
import { onFreshSite, requestCounts, type Site } from "./site.ts";

const GROWTH: Figure = {
  name: "holder deleted → next one's Secret, large group ÷ small group",
  unit: "×",
  target: { most: 1.5 },
};
const LARGE_MS: Figure = { name: "the same, large group", unit: "ms" };
const SMALL_MS: Figure = { name: "the same, small group", unit: "ms" };
const STATUS_WRITES: Figure = {
  name: "status writes ÷ (objects × deletions)",
  unit: "×",
  target: { most: 1 },
};
const BYSTANDER: Figure = {
  name: "another user's new key meanwhile ÷ at rest",
  unit: "×",
};

const TEAM = "team-contest";
const SMALL = 20;
const DELETIONS = 10;

/** Many objects with one and the same key, all in one namespace, so that each one's status names the holder. */
export const contest: Bench = {
  name: "contest",
  fixedKeys: 2000,
  async run(round: Round): Promise<readonly Sample[]> {
    const large = round.keys;
    return await onFreshSite([TEAM], async (site) => {
      const small = await group(site, "small", SMALL);
      const big = await group(site, "large", large);
      return await withOperator(site, round, async (operator) => {
        await operator.untilStates(SMALL + large, 300_000);
        await operator.untilIdle();
        const ring = await SecretWatch.start(site);
        const calm: number[] = [];
        for (let i = 0; i < 5; i += 1)
          calm.push(await ring.create(newSSHKey(TEAM, `calm-${i}`, `calm-${i}`, 1e6 + i)));
        const smallTimes = await ring.deposeAll(small);
        await operator.untilIdle();
        const before = await requestCounts(site);
        const meanwhile: number[] = [];
        const largeTimes = await ring.deposeAll(big, async (i) => {
          meanwhile.push(await ring.create(newSSHKey(TEAM, `busy-${i}`, `busy-${i}`, 2e6 + i)));
        });
        await operator.untilIdle();
        const after = await requestCounts(site);
        ring.stop();
        const statusWrites = after.statusWrites - before.statusWrites - meanwhile.length;
        return [
          { figure: GROWTH, value: quantile(largeTimes, 0.5) / quantile(smallTimes, 0.5) },
          { figure: LARGE_MS, value: quantile(largeTimes, 0.5) },
          { figure: SMALL_MS, value: quantile(smallTimes, 0.5) },
          { figure: STATUS_WRITES, value: statusWrites / (large * DELETIONS) },
          { figure: BYSTANDER, value: quantile(meanwhile, 0.5) / quantile(calm, 0.5) },
        ];
      });
    });
  },
};

/** As many SSHKeys of one key, each of a user of its own, in the order in which they come to hold it. */
async function group(site: Site, name: string, size: number): Promise<CreatedSSHKey[]> {
  const { key } = newSSHKey(TEAM, name, name, size).spec;
  const keys = Array.from({ length: size }, (_, i): NewSSHKey => {
    const rival = newSSHKey(TEAM, `${name}-${i}`, `${name}-${i}`, 0);
    return { ...rival, spec: { ...rival.spec, key } };
  });
  const { created } = await load(site, keys);
  const age = ({ metadata }: CreatedSSHKey) => `${metadata.creationTimestamp} ${metadata.uid}`;
  return created.sort((a, b) => (age(a) < age(b) ? -1 : 1));
}

/** When which SSHKey came to stand in a Secret, in monotonic ms. */
class SecretWatch {
  readonly #site: Site;
  readonly #seenAt = new Map<string, number>();
  stop = () => {};

  private constructor(site: Site) {
    this.#site = site;
  }

  static async start(site: Site): Promise<SecretWatch> {
    const watch = new SecretWatch(site);
    const { resourceVersion } = await site.client.list(secretsPath(TEAM));
    watch.stop = await site.client.watch<SecretObject>(
      secretsPath(TEAM),
      resourceVersion,
      ({ object }, at) => {
        const file = Buffer.from(object.data?.authorized_keys ?? "", "base64").toString("utf8");
        for (const [, name = ""] of file.matchAll(/\/(\S+)$/gm))
          if (!watch.#seenAt.has(name)) watch.#seenAt.set(name, at);
      },
    );
    return watch;
  }

  /** ms from the POST of this key to its Secret. */
  async create(key: NewSSHKey): Promise<number> {
    const sent = performance.now();
    await this.#site.client.json("POST", sshKeysPath(TEAM), key);
    return (await this.#seen(key.metadata.name)) - sent;
  }

  /** Deletes one holder after the other, each as soon as it holds the key; gives the ms to each next one's Secret. */
  async deposeAll(
    rivals: readonly CreatedSSHKey[],
    meanwhile?: (i: number) => Promise<void>,
  ): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < DELETIONS; i += 1) {
      const [holder, next] = rivals.slice(i, i + 2);
      if (holder === undefined || next === undefined) break;
      const sent = performance.now();
      await this.#site.client.json("DELETE", `${sshKeysPath(TEAM)}/${holder.metadata.name}`);
      times.push((await this.#seen(next.metadata.name)) - sent);
      await meanwhile?.(i);
    }
    return times;
  }

  async #seen(name: string): Promise<number> {
    return await eventually(`a Secret holds ${name}`, () => this.#seenAt.get(name), 60_000);
  }
}
