import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromFault } from "../../src/ssh/fromlist.ts";
import { renderOptions } from "../../src/ssh/options.ts";
import { codeOf } from "./refusals.ts";
import { type Client, sshdLetsIn } from "./sshdmatch.ts";

describe("a from that can match nobody is refused", () => {
  test.each([
    // Negated entries never let anybody in by themselves.
    ["!10.0.0.0/8", '"!192.0.2.7,*"'],
    ["!a.example.com,!b.example.com", "negated entries only"],
    // Nor can anything undo them.
    ["!*,10.0.0.0/8", "!*"],
    ["10.0.0.0/8,!**", "!*"],
    ["10.0.0.0/8,!10.0.0.0/8", "excludes"],
    ["10.1.0.0/16,!10.0.0.0/8", "excludes"],
    ["10.0.0.0/8,!10.0.0.0/9,!10.128.0.0/9", "excludes"],
    ["192.0.2.7,!192.0.2.0/24", "excludes"],
    ["192.0.2.7,!192.0.2.*", "excludes"],
    ["192.0.2.0/24,!192.0.*", "excludes"],
    ["2001:db8::/32,!*:*", "excludes"],
    ["a.example.com,!*.example.com", "excludes"],
    ["A.example.com,!*.EXAMPLE.com", "excludes"],
    ["*.a.example.com,!*.example.com", "excludes"],
    ["host,10.*,!0.0.0.0/0,!::/0", "excludes"],
    ["10.0.0.0/8,*.example.com,!10.0.0.0/8,!*.com", "excludes"],
    // No address and no name looks like these.
    ["[2001:db8::1]", "brackets"],
    ["[2001:db8::1],10.0.0.0/8", "brackets"],
    ["!0.0.0.0/0,::/0,[::1]", "brackets"],
    ["::ffff:10.0.0.0/104", "IPv4 address in IPv6 form"],
    ["::ffff:10.0.0.1", "IPv4 address in IPv6 form"],
    ["0.0.0.0", "write *"],
    ["::", "write *"],
    ["host.example.com:22", "port"],
    ["10.0.0.1:22", "port"],
    ["2001:db8:1", "incomplete"],
    [".example.com", "*.example.com"],
    ["a..example.com", "empty part"],
    ["host.example.com.", "ends in a dot"],
    ["192.168.", "10.*"],
    ["10.0.0.256", "four numbers"],
    ["10.0.0", "four numbers"],
    ["010.0.0.1", "four numbers"],
    ["alice@host.example.com", "without a user"],
    ["m\u00fcnchen.example", "xn--"],
    ["a;b", "no host name"],
    [`${"a".repeat(254)}.example`, "longer than any host name"],
    ["fe80::%eth0/64", "ADDRESS/BITS"],
  ])("%s", (value, says) => {
    expect(fromFault(value)).toContain(says);
    expect(codeOf(renderOptions([`from="${value}"`]))).toBe("BadOptionValue");
  });
});

describe("a from that can match somebody is accepted", () => {
  test.each([
    "*",
    "!10.0.0.0/8,*",
    "10.0.0.0/8,!10.1.0.0/16",
    "10.0.0.0/8,!10.0.0.0/9",
    "host,!0.0.0.0/0",
    "10.*,!10.0.0.0/8",
    "*.example.com,!a.example.com",
    "192.0.2.?",
    "192.0.2.0/24,!192.0.2.1*",
    "2001:DB8::*",
    "fe80::1%eth0",
    "0.0.0.0/0,::/0",
    "host_1.example.com",
    "localhost",
    "xn--mnchen-3ya.example",
    "!*.example.com,10.0.0.0/8",
  ])("%s", (value) => {
    expect(fromFault(value)).toBeUndefined();
  });
});

const ENTRIES = [
  ...[
    "*",
    "10.*",
    "10.0.*",
    "10.0.0.0/8",
    "10.0.0.0/9",
    "10.128.0.0/9",
    "10.0.0.1",
    "10.0.0.2/32",
    "0.0.0.0/0",
  ],
  ...[
    "::/0",
    "2001:db8::/32",
    "2001:db8::1",
    "2001:*",
    "*:*",
    "*.*",
    "host",
    "a.example.com",
    "*.example.com",
  ],
];
const CLIENTS: readonly Client[] = [
  "10.0.0.1",
  "10.0.0.2",
  "10.0.9.9",
  "10.200.0.1",
  "192.0.2.1",
  "2001:db8::1",
  "2001:db9::1",
].flatMap((address) =>
  [address, "host", "a.example.com", "b.example.com", "10.example.com"].map((host) => ({ address, host })),
);
const list = fc
  .array(fc.tuple(fc.boolean(), fc.constantFrom(...ENTRIES)), { minLength: 1, maxLength: 6 })
  .map((entries) => entries.map(([negated, entry]) => (negated ? `!${entry}` : entry)).join(","));

test("nobody whom sshd would let in is shut out by a refusal", () => {
  fc.assert(
    fc.property(list, (value) => {
      if (fromFault(value) === undefined) return;
      expect(CLIENTS.filter((client) => sshdLetsIn(value, client))).toEqual([]);
    }),
    { numRuns: 5_000 },
  );
});

test("of networks alone, the lists that are refused are exactly those that let nobody in", () => {
  const network = fc
    .tuple(fc.boolean(), fc.integer({ min: 24, max: 32 }), fc.nat(255))
    .map(
      ([negated, bits, host]) =>
        `${negated ? "!" : ""}10.0.0.${(host >> (32 - bits)) << (32 - bits)}/${bits}`,
    );
  const addresses = Array.from({ length: 256 }, (_, host) => `10.0.0.${host}`);
  fc.assert(
    fc.property(fc.array(network, { minLength: 1, maxLength: 8 }), (entries) => {
      const value = entries.join(",");
      const someone = addresses.some((address) => sshdLetsIn(value, { address, host: address }));
      expect(fromFault(value) === undefined).toBe(someone);
    }),
    { numRuns: 300 },
  );
});
