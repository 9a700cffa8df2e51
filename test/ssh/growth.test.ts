import { describe, expect, test } from "vitest";
import {
  validateKey,
  validateOptions,
  validateSpec,
  validateTitle,
  validateUser,
} from "../../src/api/rules.ts";
import { parseRFC3339 } from "../../src/api/time.ts";
import { describeForeign } from "../../src/ssh/foreign.ts";
import { renderOptions } from "../../src/ssh/options.ts";
import { describePrivateKey } from "../../src/ssh/privatekey.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { firstUnprintable, printable, strayCharacter } from "../../src/ssh/unprintable.ts";
import { growth, LINEAR } from "../growth.ts";
import { HOSTILE } from "./hostile.ts";
import { Random } from "./random.ts";
import { lineOf, rsaSample } from "./samples.ts";

const LIMIT = 16_384;

/** The text as a request brings it: in one piece. V8 keeps the pieces of a repeated text apart, and reads them slowly. */
function received(text: string): string {
  return JSON.parse(JSON.stringify(text));
}

/** Every reader of text in src/ssh and src/api; those with a smaller limit give up at once, which is no growth. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  parsePublicKey,
  describePrivateKey,
  describeForeign,
  strayCharacter,
  firstUnprintable,
  printable,
  validateKey,
  validateUser,
  validateTitle,
  parseRFC3339,
};

describe.each(Object.entries(READERS))("%s takes at most its share for twice the text:", (_name, read) => {
  test.each(Object.entries(HOSTILE))("%s", (_what, make) => {
    const [short, long] = [received(make(LIMIT / 2)), received(make(LIMIT))];
    expect(
      growth(
        () => read(short),
        () => read(long),
      ),
    ).toBeLessThan(LINEAR);
  });
});

/** Of 1,024 characters each, as many as there may be, or half of them. */
describe.each([
  ["renderOptions", renderOptions],
  ["validateOptions", validateOptions],
  ["validateSpec", (options: string[]) => validateSpec({ user: "alice", key: "ssh-rsa AAAA", options })],
] as const)("%s takes at most its share for twice the options:", (_name, read) => {
  test.each(Object.entries(HOSTILE))("%s", (_what, make) => {
    const option = received(`command="${make(1_000).replaceAll(/["\\\p{C}\s]/gu, "x")}"`.slice(0, 1_024));
    const options = (count: number) => Array.from({ length: count }, () => option);
    const [short, long] = [options(8), options(16)];
    expect(
      growth(
        () => read(short),
        () => read(long),
      ),
    ).toBeLessThan(LINEAR);
  });
});

test("renderOptions takes at most its share for twice the permitopen", () => {
  const options = (count: number) =>
    Array.from({ length: count }, () => `permitopen="${"[".repeat(1_000)}:1"`);
  const [short, long] = [options(2), options(4)];
  expect(
    growth(
      () => renderOptions(short),
      () => renderOptions(long),
    ),
  ).toBeLessThan(LINEAR);
});

/** There is one from in an SSHKey, so its cost is bounded by its length: nothing but that is held here. */
test("the dearest from costs less than a thousand keys to read", () => {
  const entries = `${"*a,".repeat(170)}${"!*b,".repeat(120)}a`;
  const key = lineOf(rsaSample(new Random(1), 4_096));
  const thousand = () => {
    for (let count = 0; count < 1_000; count += 1) parsePublicKey(key);
  };
  expect(growth(thousand, () => renderOptions([`from="${entries}"`]), 1)).toBeLessThan(1);
});
