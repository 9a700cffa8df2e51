import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { API_VERSION, KIND } from "../../../../src/api/names.ts";
import { type PortalKey, toPortalKey } from "../../../../src/portal/sshkeys/portalkey.ts";
import { MAX_KEY_CHARACTERS } from "../../../../src/ssh/publickey.ts";
import { Random } from "../../../ssh/random.ts";
import { ecdsaSample, lineOf } from "../../../ssh/samples.ts";

const LINE = lineOf(ecdsaSample(new Random(1), "nistp256"), "");

/** An SSHKey with the most that the API server stores in each field, of characters that take two bytes in memory. */
function largest(nth: number) {
  const fill = (start: string, length: number) => `${start}${nth} `.padEnd(length, "Ω");
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name: `key-${nth}`,
      namespace: "people",
      uid: `uid-${nth}`,
      resourceVersion: `${nth}`,
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: {
      user: "mallory",
      key: fill(LINE, MAX_KEY_CHARACTERS),
      title: fill("", 255),
      options: Array.from({ length: 16 }, () => fill('command="', 1024)),
    },
    status: {
      observedGeneration: 1,
      secretName: fill("", 10_000),
      conditions: [
        {
          type: "Ready",
          status: "False" as const,
          reason: "Invalid",
          message: fill("", 32_768),
          lastTransitionTime: "2026-01-01T00:00:00Z",
        },
      ],
    },
  };
}

describe("the largest SSHKey that the API server takes", () => {
  const { line, facts, options, message, secretName } = toPortalKey(largest(1));

  test("is the same key, with a comment that is cut", () => {
    const [type, blob] = LINE.split(" ");
    expect([line.split(" ").slice(0, 2), line.length, line.endsWith("Ω…")]).toEqual([
      [type, blob],
      3072,
      true,
    ]);
    expect([facts?.type, facts?.comment.length]).toEqual([type, 300]);
  });

  test("has as many options and as much of a message as a page shows", () => {
    expect([options.length, options.at(-1), message.length]).toEqual([2, "…", 1024]);
  });

  test("has no name of a Secret that can be none", () => {
    expect(secretName).toBeUndefined();
  });

  test("takes less than 20 kB of memory", async () => {
    const count = 500;
    const keys: PortalKey[] = [];
    const before = await used();
    for (let nth = 0; nth < count; nth += 1) keys.push(toPortalKey(JSON.parse(JSON.stringify(largest(nth)))));
    expect(((await used()) - before) / count).toBeLessThan(20_000);
    expect(keys.length).toBe(count);
  });
});

test("the longest key there is is kept whole", () => {
  const line = `ssh-rsa ${"A".repeat(2760)} me`;
  const object = { ...largest(1), spec: { user: "alice", key: line } };
  expect(toPortalKey(object).line).toBe(line);
});

/** Bytes that are reachable. */
async function used(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  collect();
  // What buffers held is given back behind it.
  await setImmediate();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
