import fc from "fast-check";
import { expect, test } from "vitest";
import { PodsBySecret, podSecrets } from "../../../../src/portal/sshkeys/podsecrets.ts";
import { type PodObject, podMounts } from "../../../../src/whereabouts/podmounts.ts";

const SECRET = fc.constantFrom("keys", "hop", "other");
const FILE = fc.constantFrom("authorized_keys", "alice", "bob");
const PATH = fc.constantFrom("authorized_keys", "alice", "bob", "in/alice", "in/deep/bob");
const VOLUME = fc.constantFrom("v1", "v2", "v3");
const some = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 });
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const items = maybe(some(fc.record({ key: FILE, path: PATH })));
const volume = fc.oneof(
  fc.record({ name: VOLUME, secret: fc.record({ secretName: SECRET, items }) }),
  fc.record({
    name: VOLUME,
    projected: fc.record({ sources: some(fc.record({ secret: maybe(fc.record({ name: SECRET, items })) })) }),
  }),
  fc.record({ name: VOLUME }),
);
const container = fc.record({
  name: fc.constant("c"),
  restartPolicy: maybe(fc.constant("Always")),
  volumeMounts: some(
    fc.record({
      name: VOLUME,
      mountPath: fc.constant("/keys"),
      subPath: maybe(fc.oneof(PATH, fc.constantFrom("in", "in/", "in/deep", "none"))),
    }),
  ),
  env: some(
    fc.record({
      valueFrom: maybe(fc.record({ secretKeyRef: maybe(fc.record({ name: SECRET, key: FILE })) })),
    }),
  ),
  envFrom: some(fc.record({ secretRef: maybe(fc.record({ name: SECRET })) })),
});
const pod = fc.record({
  spec: fc.record({
    volumes: fc.uniqueArray(volume, { maxLength: 3, selector: ({ name }) => name }),
    containers: some(container),
    initContainers: some(container),
    ephemeralContainers: some(container),
  }),
  status: fc.record({ phase: fc.constantFrom("Running", "Pending", "Succeeded", "Failed") }),
});

test("the pods that have a file of a Secret are those that kubectl sshkey where tells", () => {
  fc.assert(
    fc.property(some(pod), SECRET, fc.uniqueArray(FILE, { minLength: 1 }), (specs, name, files) => {
      const pods = specs.map((each, nth) => ({
        ...each,
        metadata: { name: `pod-${nth}`, namespace: "people", uid: `${nth}`, resourceVersion: "1" },
      })) as PodObject[];
      const place = { namespace: "people", name, files, isCopy: false };
      const told = new Set(pods.flatMap((each) => podMounts(each, [place])).map((mount) => mount.name));
      const read = pods.map(podSecrets).filter((each) => each !== undefined);
      expect(new PodsBySecret(read).withAny(new Map([[name, new Set(files)]]))).toEqual(told);
    }),
    { numRuns: 2000 },
  );
});
