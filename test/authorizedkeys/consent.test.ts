import { describe, expect, it } from "vitest";
import { MAXIMUM_MALFORMED, readConsent } from "../../src/authorizedkeys/consent.ts";
import { growth, LINEAR } from "../growth.ts";

const NAMESPACES = ["bastion", "my-bastion", "bastion2", "team-", "team-a", "xteam-a", "team-a-b", "b"];

function allowed(annotation: string | undefined): readonly string[] {
  const { allows } = readConsent(annotation);
  return NAMESPACES.filter((namespace) => allows(namespace));
}

describe("the annotation of a Namespace that shares its keys", () => {
  it.each<[string | undefined, readonly string[]]>([
    [undefined, []],
    ["", []],
    [" ", []],
    [",", []],
    ["bastion", ["bastion"]],
    ["bastion, ", ["bastion"]],
    [" bastion ,b", ["bastion", "b"]],
    ["bastion\n", ["bastion"]],
    ["bastion,\nb", ["bastion", "b"]],
    ["team-*", ["team-", "team-a", "team-a-b"]],
    ["*", NAMESPACES],
    ["**", NAMESPACES],
    ["*,^team-.*$", NAMESPACES],
  ])("%j allows %j", (annotation, namespaces) => {
    expect(allowed(annotation)).toEqual(namespaces);
  });

  it.each([
    "^team-.*$",
    "team-.*",
    '"bastion"',
    "bastion\nb",
    "Bastion",
    "team-",
    "bastion b",
    "b".repeat(64),
  ])("%j allows nobody, and is told", (annotation) => {
    expect(allowed(annotation)).toEqual([]);
    expect(readConsent(annotation).malformed).toEqual([annotation.slice(0, 63)]);
  });

  it.each([undefined, "", ", ,", "bastion, team-*"])("%j has nothing malformed", (annotation) => {
    expect(readConsent(annotation).malformed).toEqual([]);
  });

  it("is malformed part by part: what is written well counts", () => {
    const { allows, malformed } = readConsent("Bastion, bastion");
    expect([allows("bastion"), malformed]).toEqual([true, ["Bastion"]]);
  });

  it("is not told with all of a long list, so that nobody fills a log with it", () => {
    const parts = Array.from({ length: 1000 }, (_, i) => `B${i}`);
    expect(readConsent(parts.join()).malformed).toHaveLength(MAXIMUM_MALFORMED);
  });

  it.each(["*a", "a,", "*a*b*,", "A,"])("takes time in proportion to its length: %j", (unit) => {
    const [half, full] = [131_072, 262_144].map((length) => unit.repeat(length / unit.length));
    expect(
      growth(
        () => readConsent(half).allows("bastion"),
        () => readConsent(full).allows("bastion"),
      ),
    ).toBeLessThan(LINEAR);
  });
});
