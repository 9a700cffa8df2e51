import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { usageOf } from "./noderun.ts";
import { rsaKeySet } from "./rsakeyset.ts";
import { seedSSHKeys } from "./seed.ts";
import { onFreshSite } from "./site.ts";

const SIZES = [1000, 3000, 10_000];

/** `sshkey-operator audit` of RSA-2048 keys no two of which share a prime, from start to end. */
export const audit: Bench = {
  name: "audit",
  fixedKeys: 10_000,
  async run(round: Round): Promise<readonly Sample[]> {
    const { namespaces, keys } = rsaKeySet(round.keys);
    return await onFreshSite(namespaces, async (site) => {
      const { kubeconfig, dir } = site.controlPlane;
      const samples: Sample[] = [];
      let seeded = 0;
      for (const size of SIZES) {
        await seedSSHKeys(site, keys.slice(seeded, size));
        seeded = size;
        const { ms, peak } = usageOf([round.bundle, "audit", "--kubeconfig", kubeconfig], dir);
        const isLast = size === round.keys;
        const time: Figure = {
          name: `${size.toLocaleString("en")} keys`,
          unit: "s",
          ...(isLast && { target: { most: 40 } }),
        };
        const memory: Figure = {
          name: `${size.toLocaleString("en")} keys, most memory resident`,
          unit: "MB",
          ...(isLast && { target: { most: 400 } }),
        };
        samples.push({ figure: time, value: ms / 1000 }, { figure: memory, value: peak / 1e6 });
      }
      return samples;
    });
  },
};
