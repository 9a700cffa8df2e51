import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Sealer } from "../../../src/portal/sealer.ts";

const HOUR = 60 * 60 * 1000;
const MINUTE = 60 * 1000;

let folder: string;
let now: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sealer-"));
  now = 0;
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const put = (name: string) => writeFileSync(join(folder, name), name.padEnd(32, "x"));
const replica = () => new Sealer(folder, () => now);
const seal = (sealer: Sealer) => sealer.seal("session", { user: "alice" }, HOUR);
const open = (sealer: Sealer, sealed: string) => sealer.open("session", sealed);

describe("while session keys are rotated", () => {
  test("what one replica has sealed, one that has not seen the new key yet opens", async () => {
    put("1");
    const [early, late] = [replica(), replica()];
    now += MINUTE;
    put("2");
    const sealed = await seal(early);
    rmSync(join(folder, "2"));
    expect(await open(late, sealed)).toEqual({ user: "alice" });
  });

  test("the new key seals when it has settled, and the old one may go when what it sealed is over", async () => {
    put("1");
    const sealer = replica();
    put("2");
    now += MINUTE;
    await seal(sealer);
    now += 3 * MINUTE;
    const sealed = await seal(sealer);
    rmSync(join(folder, "1"));
    expect(await open(replica(), sealed)).toEqual({ user: "alice" });
  });

  test("what the old key sealed opens for as long as it is there", async () => {
    put("1");
    const sealer = replica();
    const sealed = await seal(sealer);
    put("2");
    now += 10 * MINUTE;
    const before = await open(sealer, sealed);
    rmSync(join(folder, "1"));
    now += MINUTE;
    expect([before, await open(sealer, sealed)]).toEqual([{ user: "alice" }, undefined]);
  });

  test("where all were replaced at once the new one seals at once, and nothing that was sealed before opens", async () => {
    put("1");
    const sealer = replica();
    const before = await seal(sealer);
    rmSync(join(folder, "1"));
    put("2");
    now += MINUTE;
    const after = await seal(sealer);
    expect([await open(sealer, before), await open(replica(), after)]).toEqual([
      undefined,
      { user: "alice" },
    ]);
  });

  test("a process that begins with both seals with the last", async () => {
    put("1");
    put("2");
    const sealed = await seal(replica());
    rmSync(join(folder, "1"));
    expect(await open(replica(), sealed)).toEqual({ user: "alice" });
  });
});
