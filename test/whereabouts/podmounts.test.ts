import { describe, expect, test } from "vitest";
import { type HoldingSecret, type PodObject, podMounts } from "../../src/whereabouts/podmounts.ts";

const PLACE: HoldingSecret = {
  namespace: "ns",
  name: "keys",
  files: ["alice"],
  isCopy: false,
};
const VOLUME = { name: "v", secret: { secretName: "keys" } };
const MOUNT = { name: "v", mountPath: "/keys" };

function found(spec: PodObject["spec"], o: { place?: Partial<HoldingSecret>; phase?: string } = {}) {
  const metadata = { name: "pod", namespace: "ns", uid: "u", resourceVersion: "1" };
  const pod: PodObject = { metadata, spec: spec ?? {}, status: { phase: o.phase ?? "Running" } };
  return podMounts(pod, [{ ...PLACE, ...o.place }]).map(
    ({ container, path, removal }) => `${container} ${path} ${removal}`,
  );
}

const sshd = (mount: object, more: object = {}) => [
  { name: "sshd", volumeMounts: [{ ...MOUNT, ...mount }], ...more },
];
const items = (key: string, path: string) => [{ key, path }];
const projected = (secret: object) => [{ name: "v", projected: { sources: [{}, { secret }] } }];

describe("of a pod", () => {
  test.each<[string, PodObject["spec"], readonly string[]]>([
    ["a volume", { volumes: [VOLUME], containers: sshd({}) }, ["sshd /keys reaches"]],
    [
      "a projected volume",
      { volumes: projected({ name: "keys" }), containers: sshd({}) },
      ["sshd /keys reaches"],
    ],
    ["another Secret", { volumes: projected({ name: "other" }), containers: sshd({}) }, []],
    ["a volume that no container mounts", { volumes: [VOLUME], containers: [{ name: "sshd" }] }, []],
    [
      "the file with subPath",
      { volumes: [VOLUME], containers: sshd({ subPath: "alice" }) },
      ["sshd /keys subPath"],
    ],
    ["another file with subPath", { volumes: [VOLUME], containers: sshd({ subPath: "bob" }) }, []],
    ["subPathExpr", { volumes: [VOLUME], containers: sshd({ subPathExpr: "$(U)" }) }, ["sshd /keys subPath"]],
    [
      "the file under another path",
      {
        volumes: projected({ name: "keys", items: items("alice", "d/a") }),
        containers: sshd({ subPath: "d" }),
      },
      ["sshd /keys subPath"],
    ],
    [
      "items without the file",
      { volumes: projected({ name: "keys", items: items("bob", "bob") }), containers: sshd({}) },
      [],
    ],
    ["an init container alone", { volumes: [VOLUME], initContainers: sshd({}) }, ["sshd /keys init"]],
    [
      "a sidecar",
      { volumes: [VOLUME], initContainers: sshd({}, { restartPolicy: "Always" }) },
      ["sshd /keys reaches"],
    ],
    [
      "an init container beside a container",
      { volumes: [VOLUME], initContainers: sshd({}, { name: "copy" }), containers: sshd({}) },
      ["sshd /keys reaches"],
    ],
    [
      "an environment variable",
      { containers: [{ name: "c", env: [{ valueFrom: { secretKeyRef: { name: "keys", key: "alice" } } }] }] },
      ["c undefined environment"],
    ],
    [
      "the environment",
      { containers: [{ name: "c", envFrom: [{ secretRef: { name: "keys" } }] }] },
      ["c undefined environment"],
    ],
    ["nothing", {}, []],
  ])("%s is told for what it is", (_, spec, expected) => {
    expect(found(spec)).toEqual(expected);
  });

  test("that has ended nothing is told", () => {
    expect(found({ volumes: [VOLUME], containers: sshd({}) }, { phase: "Succeeded" })).toEqual([]);
  });

  test("that mounts a copy it is told that no removal comes", () => {
    const spec = { volumes: [VOLUME], containers: sshd({}) };
    expect(found(spec, { place: { isCopy: true } })).toEqual(["sshd /keys copy"]);
  });
});
