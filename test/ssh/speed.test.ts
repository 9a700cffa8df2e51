import { describe, expect, test } from "vitest";
import { renderOptions } from "../../src/ssh/options.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { Random } from "./random.ts";
import { blobOf, ecdsaSample, lineOf, rsaSample } from "./samples.ts";

const LIMIT = 16_384;
const ALICE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ";
const random = new Random(13);

/** Texts of a given length that would take long, were anything read more than a few times over. */
const HOSTILE: Readonly<Record<string, (length: number) => string>> = {
  "one letter": (length) => "A".repeat(length),
  spaces: (length) => " ".repeat(length),
  "line feeds": (length) => "\n".repeat(length),
  "lines of a letter": (length) => "a\n".repeat(length / 2),
  "lines of a type": (length) => "ssh-rsa \n".repeat(length / 9),
  types: (length) => "ssh-rsa ".repeat(length / 8),
  "tabs before the base64": (length) => `ssh-rsa${"\t".repeat(length - 8)}A`,
  "spaces in the comment": (length) => `${ALICE} x${" ".repeat(length - ALICE.length - 3)}x`,
  "words like keys in the comment": (length) =>
    `${ALICE} ${"AAAA ssh-rs ".repeat((length - ALICE.length - 1) / 12)}`,
  "control characters in the comment": (length) => `${ALICE} ${"\u0001".repeat(length - ALICE.length - 1)}`,
  "base64 with breaks": (length) => `ssh-rsa ${"A\r".repeat((length - 8) / 2)}`,
  padding: (length) => `ssh-rsa ${"=".repeat(length - 8)}`,
  quotes: (length) => '"'.repeat(length),
  "escaped quotes": (length) => '\\"'.repeat(length / 2),
  "letters of two bytes": (length) => `ssh-rsa ${"é".repeat(length - 8)}`,
  "PEM headers": (length) => "-----BEGIN PUBLIC KEY-----".repeat(length / 26),
  "nested DER": (length) =>
    `-----BEGIN PUBLIC KEY-----${Buffer.alloc((length - 40) * 0.75, 0x30).toString("base64")}`,
  "RFC 4716 headers": (length) => `---- BEGIN SSH2 PUBLIC KEY ----\n${"a:\\\n".repeat((length - 32) / 4)}`,
  "private key headers": (length) => "---BEGIN ".repeat(length / 9),
  "empty strings": (length) => `ssh-rsa ${Buffer.alloc((length - 8) * 0.75).toString("base64")}`,
  "a long point": (length) => {
    const blob = Buffer.concat([
      blobOf(ecdsaSample(random, "nistp521")),
      Buffer.alloc((length - 300) * 0.75, 1),
    ]);
    return `ecdsa-sha2-nistp521 ${blob.toString("base64")}`;
  },
};

describe("judging 16 KiB", () => {
  test.each(Object.entries(HOSTILE))("of %s takes less than a millisecond", (_what, make) => {
    const text = make(LIMIT);
    expect(median(() => parsePublicKey(text))).toBeLessThan(1);
  });

  test.each(Object.entries(HOSTILE))("of %s takes no more than its share against 4 KiB", (_what, make) => {
    const long = make(LIMIT);
    const short = make(LIMIT / 4);
    // Four times the text may take four times as long; a quadratic reader takes sixteen. Below 20 µs a clock says little.
    expect(median(() => parsePublicKey(long))).toBeLessThan(
      10 *
        Math.max(
          median(() => parsePublicKey(short)),
          0.02,
        ),
    );
  });

  test("of the longest RSA key takes less than a millisecond", () => {
    const line = lineOf(rsaSample(random, 16_384));
    expect(median(() => parsePublicKey(line))).toBeLessThan(1);
  });

  test.each([
    ["escaped quotes", `command="${'\\"'.repeat(8_000)}"`],
    ["entries", `from="${"10.0.0.0/8,".repeat(1_400)}a"`],
    ["colons", `permitopen="${":".repeat(16_000)}"`],
    ["brackets", `permitopen="${"[".repeat(16_000)}"`],
  ])("of an option with many %s takes less than three milliseconds", (_what, text) => {
    expect(median(() => renderOptions([text]))).toBeLessThan(3);
  });
});

/** Milliseconds that one of many runs takes, the middle one of them. */
function median(run: () => unknown, runs = 41): number {
  run();
  const times = Array.from({ length: runs }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return times.sort((one, other) => one - other)[Math.floor(runs / 2)] ?? Number.POSITIVE_INFINITY;
}
