import { describe, expect, test } from "vitest";
import { reasonsFor } from "../../src/blocklist/blocklist.ts";
import { readList } from "../../src/blocklist/readlist.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { hasKnownPrime } from "../../src/ssh/weakness/knownprime.ts";
import { rsaNumbers } from "../../src/ssh/weakness/rsanumbers.ts";
import { Random } from "../ssh/random.ts";
import { accepted } from "../ssh/refusals.ts";
import { lineOf } from "../ssh/samples.ts";
import { bigRandom, honest, nextPrime, prime, rsaBlob } from "../ssh/weakness/weakrsa.ts";
import { badkeysFile, countsOf, gmpy2Binary, numberHashes, problemOf } from "./samplelists.ts";

const NAME = "blocklist.dat";
const HASHES = numberHashes(1, 40);
const [HASH = Buffer.alloc(0)] = HASHES;

describe("badkeys' blocklist.dat", () => {
  const file = badkeysFile(HASHES.map((hash, i) => [hash, 1 + (i % 16)]));

  test("has Debian's and keypair's keys, and published ones", async () => {
    expect(countsOf(await readList(NAME, file)).sort()).toEqual([
      "DebianWeakKey number 3",
      "KeypairWeakKey number 3",
      "PublishedKey number 34",
    ]);
  });

  test("has each of its keys on the list that it names", async () => {
    const { sections } = await readList(NAME, file);
    const reasonOf = (hash: Buffer) =>
      sections.filter(({ hashes }) => hashes.has(hash)).map(({ reason }) => reason);
    expect(HASHES.map(reasonOf)).toEqual(
      HASHES.map((_, i) => [["DebianWeakKey", "KeypairWeakKey"][i % 16] ?? "PublishedKey"]),
    );
  });

  test("says where it comes from", async () => {
    const { sections } = await readList(NAME, file);
    expect([...new Set(sections.map(({ source }) => source))]).toEqual(["badkeys"]);
  });

  test.each([1, 2, 3, 9, 10, 13, 16])("is one with a single key of the list %i too", async (list) => {
    const { sections } = await readList(NAME, badkeysFile([[HASH, list]]));
    expect(sections.map(({ hashes }) => hashes.has(HASH))).toEqual([true]);
  });

  test("of a list that came later has published keys", async () => {
    expect(countsOf(await readList(NAME, badkeysFile([[HASH, 20]])))).toEqual(["PublishedKey number 1"]);
  });

  const NO_FORM =
    "it is no blocklist of sshkey-operator, no OpenSSH KRL and no text in UTF-8, and as badkeys' blocklist.dat it";
  test.each([
    ["that was cut off", file.subarray(0, -1), `${NO_FORM} was cut off: its length is no multiple of 16`],
    ["of which the start is missing", file.subarray(8, -8), `${NO_FORM} names the list`],
    ["that is not sorted", Buffer.concat([file, file]), `${NO_FORM} is not sorted`],
    ["of zeros", Buffer.alloc(4096), `${NO_FORM} names the list 0, and badkeys has none of that number`],
    [
      "of ones",
      Buffer.alloc(4096, 0xff),
      `${NO_FORM} names the list 255, and badkeys has none of that number`,
    ],
    [
      "as it comes, in xz",
      Buffer.from("fd377a585a000004e6d6b4460200210116", "hex"),
      "it is compressed: give what xz",
    ],
    ["without anything", Buffer.alloc(0), "it is empty"],
  ])("%s is refused, and told so", async (_what, bytes, message) => {
    expect(await problemOf(NAME, bytes)).toContain(message);
  });
});

describe("badkeys' primes", () => {
  // The same each time: a tenth of all damaged files are not told.
  const random = new Random(2);
  const primes = Array.from({ length: 20 }, () => nextPrime(bigRandom(random, 512)));
  const product = primes.reduce((a, b) => a * b, 1n);
  const file = gmpy2Binary(product);

  test("are the product of all", async () => {
    expect((await readList("primes1024.dat", file)).primeProducts).toEqual([product]);
  });

  test("are found in a modulus that has one of them, and in no other", async () => {
    const { primeProducts: products } = await readList("primes1024.dat", file);
    const keys = [{ modulus: (primes[7] ?? 1n) * prime(512), exponent: 65537n }, honest(1024)];
    expect(keys.map((key) => hasKnownPrime(rsaNumbers(rsaBlob(key)), products))).toEqual([true, false]);
  });

  test.each([
    ["that was cut off", file.subarray(0, -1)],
    ["that lost its end", file.subarray(0, 200)],
    ["with a small factor", gmpy2Binary(product * 65_521n)],
    ["that is even", gmpy2Binary(product * 2n)],
    ["of one", gmpy2Binary(1n)],
  ])("in a file %s are refused", async (_what, bytes) => {
    expect(await problemOf("primes1024.dat", bytes)).toContain("it is no product of long primes");
  });

  test.each([
    [
      "is negative",
      Buffer.concat([Buffer.of(1, 2), file.subarray(2)]),
      "it is no file of primes as badkeys has them",
    ],
    ["has a head alone", Buffer.of(1, 1), "it is no file of primes as badkeys has them"],
    ["is a text", Buffer.from("SHA256:"), "it is no file of primes as badkeys has them"],
    [
      "is too long to divide by",
      Buffer.concat([Buffer.of(1, 1), Buffer.alloc(2 ** 20, 1)]),
      "it has more than 1048576 bytes",
    ],
  ])("in a file that %s are refused", async (_what, bytes, message) => {
    expect(await problemOf("primes1024.dat", bytes)).toContain(message);
  });

  test("condemn no key by themselves", async () => {
    const { sections } = await readList("primes1024.dat", file);
    const key = accepted(parsePublicKey(lineOf({ type: "ssh-ed25519", strings: [new Random(1).bytes(32)] })));
    expect(reasonsFor(key, sections)).toEqual([]);
  });
});
