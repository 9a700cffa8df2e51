import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { randomart } from "../../src/ssh/randomart.ts";
import { Random } from "./random.ts";
import { lineOf, samples } from "./samples.ts";

test.each([1, 2, 3, 4, 5])("the picture of each key is that of ssh-keygen -lv, with seed %d", (seed) => {
  const lines = samples(new Random(seed)).map((sample) => lineOf(sample));
  const keys = lines.flatMap((line) => {
    const parsed = parsePublicKey(line);
    return parsed.ok ? [{ line, key: parsed.value }] : [];
  });
  const input = keys.map(({ line }) => `${line}\n`).join("");
  const printed = execFileSync("ssh-keygen", ["-lv", "-f", "-"], { input, encoding: "utf8" });
  const pictures = printed.split("\n").filter((line) => /^[|+]/.test(line));
  expect(keys.length).toBeGreaterThan(20);
  expect(keys.map(({ key }) => randomart(key)).join("\n")).toBe(pictures.join("\n"));
});

test("a type that fills the border is cut as snprintf cuts it", () => {
  const picture = randomart({ type: "ssh-mldsa44-ed25519@openssh.com", bits: 256, blob: Buffer.from("key") });
  expect(picture.split("\n")[0]).toBe("+[MLDSA44-ED25519-+");
});
