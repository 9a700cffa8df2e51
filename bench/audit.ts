import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { type Usage, usageOf } from "./noderun.ts";
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
        const usage = usageOf([round.bundle, "audit", "--kubeconfig", kubeconfig], dir);
        samples.push(...samplesOf(size, usage, size === round.keys));
      }
      return samples;
    });
  },
};

function samplesOf(size: number, { ms, cpuMs, peak }: Usage, hasTarget: boolean): readonly Sample[] {
  const name = `${size.toLocaleString("en")} keys`;
  const time: Figure = { name, unit: "s", ...(hasTarget && { target: { most: 40 } }) };
  const cpu: Figure = { name: `${name}, CPU time of the main thread`, unit: "s" };
  const memory: Figure = {
    name: `${name}, most memory resident`,
    unit: "MB",
    ...(hasTarget && { target: { most: 400 } }),
  };
  return [
    { figure: time, value: ms / 1000 },
    { figure: cpu, value: cpuMs / 1000 },
    { figure: memory, value: peak / 1e6 },
  ];
}
