import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { secretsPath, sshKeysPath } from "../src/api/paths.ts";
import type { SecretObject } from "../src/projection/secret.ts";
import { eventually } from "../test/cluster/eventually.ts";
import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { newSSHKey } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { load } from "./seed.ts";
import { BEST, sendAll } from "./send.ts";
import { onFreshSite, requestCounts } from "./site.ts";

const SECRET_WRITES: Figure = { name: "Secret writes", unit: "" };
const BUDGET: Figure = {
  // However long a busy machine takes over the edits.
  name: "Secret writes ÷ the budget of three, and three a second",
  unit: "×",
  target: { most: 1 },
};
const STATUS_WRITES: Figure = { name: "status writes an edit", unit: "", target: { most: 1 } };
const SECONDS: Figure = { name: "first edit sent → Secret and statuses right", unit: "s" };

const TEAM = "team-fanout";
const KEYS = 500;

/** All keys of one user are edited at once. */
export const fanOut: Bench = {
  name: "fan-out",
  fixedKeys: KEYS,
  async run(round: Round): Promise<readonly Sample[]> {
    const keys = Array.from({ length: KEYS }, (_, i) => newSSHKey(TEAM, `key-${i}`, "alice", i));
    return await onFreshSite([TEAM], async (site) => {
      const { dir, kubeconfig } = site.controlPlane;
      const config = join(dir, "fanout.yaml");
      writeFileSync(config, `policy:\n  maximumKeysPerUser: ${KEYS}\n`);
      await load(site, keys);
      const options = { ...round, args: ["--config", config] };
      return await withOperator(site, options, async (operator) => {
        await operator.untilStates(KEYS, 120_000);
        await operator.untilIdle();
        const before = await requestCounts(site);
        const started = performance.now();
        await sendAll(
          keys.map(({ metadata }) => restriction(metadata.name)),
          { ...BEST, kubeconfig },
        );
        await eventually("the file has every edit", () => isRestricted(site.client), 120_000);
        const after = await eventually(
          "every status was written",
          async () => {
            const counts = await requestCounts(site);
            return counts.statusWrites - before.statusWrites >= KEYS && counts;
          },
          120_000,
        );
        const seconds = (performance.now() - started) / 1000;
        return [
          { figure: SECRET_WRITES, value: after.secretWrites - before.secretWrites },
          { figure: BUDGET, value: (after.secretWrites - before.secretWrites) / (3 + 3 * seconds) },
          { figure: STATUS_WRITES, value: (after.statusWrites - before.statusWrites) / KEYS },
          { figure: SECONDS, value: seconds },
        ];
      });
    });
  },
};

function restriction(name: string) {
  return {
    method: "PATCH",
    path: `${sshKeysPath(TEAM)}/${name}`,
    contentType: "application/merge-patch+json",
    body: JSON.stringify({ spec: { options: ["restrict"] } }),
  } as const;
}

async function isRestricted(client: { json<T>(method: "GET", path: string): Promise<T> }): Promise<boolean> {
  const { data } = await client.json<SecretObject>("GET", `${secretsPath(TEAM)}/sshkeys-alice`);
  const file = Buffer.from(data?.authorized_keys ?? "", "base64").toString("utf8");
  return file.match(/^restrict /gm)?.length === KEYS;
}
