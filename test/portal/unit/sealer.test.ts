import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Sealer } from "../../../src/portal/sealer.ts";

let folder: string;
let now: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sshkey-sealer-"));
  now = 0;
});

afterEach(() => rmSync(folder, { recursive: true }));

const key = (name: string, bytes: Buffer | string = randomBytes(32)) =>
  writeFileSync(join(folder, name), bytes);
const remove = (name: string) => rmSync(join(folder, name));
const sealer = () => new Sealer(folder, () => now);
/** Until the folder is read again. */
const later = () => {
  now += 60_000;
};
const seal = async (by: Sealer) => await by.seal("session", { user: "alice" }, 60_000);

describe("session keys that are rotated", () => {
  test("open what the one before has sealed, and seal by the new one", async () => {
    key("1");
    const [one, other] = [sealer(), sealer()];
    const old = await seal(one);
    key("2");
    later();
    await seal(one);
    // Until every replica must have it.
    now += 120_000;
    const sealed = await seal(one);
    remove("1");
    later();
    expect([await other.open("session", sealed), await other.open("session", old)]).toEqual([
      { user: "alice" },
      undefined,
    ]);
  });

  test("open nothing any more once they are removed", async () => {
    key("1");
    const one = sealer();
    const sealed = await seal(one);
    await one.open("session", sealed);
    key("2");
    remove("1");
    later();
    expect(await one.open("session", sealed)).toBeUndefined();
  });

  test.each<[string, () => void]>([
    ["is half written", () => key("2", "short")],
    ["is empty", () => remove("1")],
    ["is gone", () => rmSync(folder, { recursive: true })],
  ])("stay as they were while the folder %s", async (_, rotate) => {
    key("1");
    const one = sealer();
    const sealed = await seal(one);
    rotate();
    later();
    expect([await one.open("session", sealed), await one.open("session", await seal(one))]).toEqual([
      { user: "alice" },
      { user: "alice" },
    ]);
    // For the cleanup of this file.
    rmSync(folder, { recursive: true, force: true });
    folder = mkdtempSync(join(tmpdir(), "sshkey-sealer-"));
  });

  test("are files, not what kubelet has beside them", async () => {
    key("1");
    key("..data", "x");
    expect(() => sealer()).not.toThrow();
  });
});

describe("at the start", () => {
  test.each<[string, () => void]>([
    ["is empty", () => {}],
    ["holds a short key", () => key("1", "x".repeat(31))],
    ["does not exist", () => rmSync(folder, { recursive: true })],
  ])("a folder that %s is refused by a sentence that names it and the remedy", (_, make) => {
    make();
    expect(() => sealer()).toThrow(new RegExp(`${folder}.*(openssl rand 32|mount the Secret)`));
    rmSync(folder, { recursive: true, force: true });
    folder = mkdtempSync(join(tmpdir(), "sshkey-sealer-"));
  });
});

describe("what was sealed", () => {
  test("for one purpose opens for no other", async () => {
    const one = new Sealer(undefined);
    const form = await one.seal("form", { user: "alice" }, 60_000);
    expect([await one.open("session", form), await one.open("form", form)]).toEqual([
      undefined,
      { user: "alice" },
    ]);
  });

  test("opens no more when its time is over", async () => {
    const one = new Sealer(undefined);
    expect(await one.open("session", await one.seal("session", { user: "alice" }, -1000))).toBeUndefined();
  });

  test("does not open with one character changed, whichever it is", async () => {
    const one = new Sealer(undefined);
    const sealed = await seal(one);
    const changed = [...sealed].map((character, i) =>
      // The last one of a base64 text may hold bits that say nothing.
      [sealed.slice(0, i), character === "A" ? "g" : "A", sealed.slice(i + 1)].join(""),
    );
    const opened = await Promise.all(changed.slice(0, -1).map((text) => one.open("session", text)));
    expect(opened.filter((content) => content !== undefined)).toEqual([]);
  });

  test.each(["", "x", "a.b.c", "e30.e30.e30.e30.e30", `${"A".repeat(60_000)}`])(
    "by nobody does not open: %#",
    async (text) => {
      expect(await new Sealer(undefined).open("session", text)).toBeUndefined();
    },
  );

  test("by another process without shared keys does not open", async () => {
    const sealed = await new Sealer(undefined).seal("session", { user: "alice" }, 60_000);
    expect(await new Sealer(undefined).open("session", sealed)).toBeUndefined();
  });
});

test("a session that was opened before is over when its time is", async () => {
  const one = new Sealer(undefined);
  const sealed = await one.seal("session", { user: "alice" }, 60_000);
  expect(await one.open("session", sealed)).toEqual({ user: "alice" });
  vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] });
  expect(await one.open("session", sealed)).toBeUndefined();
  vi.useRealTimers();
});

test("a session that was opened before opens as nothing else", async () => {
  const one = new Sealer(undefined);
  const sealed = await one.seal("session", { user: "alice" }, 60_000);
  expect([await one.open("session", sealed), await one.open("form", sealed)]).toEqual([
    { user: "alice" },
    undefined,
  ]);
});
