import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AUTHORIZED_KEYS_PLURAL, PLURAL } from "../../../src/api/names.ts";
import { type Refusal, refusals, type Written } from "../../../src/plugin/foresight/admission.ts";
import { isOurs, kindFault, manifestsIn } from "../../../src/plugin/manifests/objects.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { createFromText, createInDryRun, type ServerVerdict, updateInDryRun } from "./manifestserver.ts";
import {
  asVersion,
  type ManifestText,
  manifestTexts,
  type UpdateTexts,
  updateTexts,
} from "./manifesttexts.ts";

const SEED = Number(process.env.MANIFEST_DIFFERENTIAL_SEED ?? 20_260_715);
const COUNT = Number(process.env.MANIFEST_DIFFERENTIAL_COUNT ?? 5_000);
const AT_ONCE = 16;

let cluster: Cluster;
let namespace: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.namespace();
});

afterAll(async () => {
  await cluster?.stop();
});

test(`the API server and check say the same of ${COUNT} manifests (seed ${SEED})`, async () => {
  const queue = fc.sample(manifestTexts(), { numRuns: COUNT, seed: SEED });
  const differences: string[] = [];
  let accepted = 0;
  let next = 0;
  const worker = async () => {
    for (let manifest = queue[next++]; manifest !== undefined; manifest = queue[next++]) {
      const plural = manifest.kind === "SSHKey" ? PLURAL : AUTHORIZED_KEYS_PLURAL;
      const theirs = await createInDryRun(cluster, namespace, plural, manifest.text);
      if (theirs.accepted) accepted += 1;
      const difference = compare(theirs, ours(manifest));
      if (difference !== undefined)
        differences.push(
          `${JSON.stringify(manifest.text).slice(0, 1500)}\n${theirs.text.slice(0, 500)}\n${difference}`,
        );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(differences.slice(0, 10)).toEqual([]);
  // A generator of broken ones only, or of good ones only, would show nothing.
  expect([accepted > COUNT / 10, accepted < COUNT / 2]).toEqual([true, true]);
});

test(`they say the same of changes to objects that are there (seed ${SEED})`, async () => {
  const queue = fc.sample(updateTexts(), { numRuns: COUNT, seed: SEED });
  const differences: string[] = [];
  const counts = { changes: 0, accepted: 0, immutable: 0 };
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < queue.length; index = next++) {
      const { before, after } = queue[index] as UpdateTexts;
      const plural = before.kind === "SSHKey" ? PLURAL : AUTHORIZED_KEYS_PLURAL;
      const name = `a-${index}`;
      const old = asVersion(before, name);
      const version = await createFromText(cluster, namespace, plural, old);
      // What is not there cannot be changed.
      if (version === undefined) continue;
      for (const each of after) {
        const text = asVersion(each, name, version);
        const theirs = await updateInDryRun(cluster, namespace, plural, name, text);
        counts.changes += 1;
        if (theirs.accepted) counts.accepted += 1;
        if (theirs.text.includes("cannot be changed")) counts.immutable += 1;
        const difference = compare(theirs, ours({ ...each, text }, firstObject(old)));
        if (difference !== undefined)
          differences.push(`${old.slice(0, 1500)}\n${text.slice(0, 1500)}\n${theirs.text}\n${difference}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(differences.slice(0, 10)).toEqual([]);
  const { changes, accepted, immutable } = counts;
  expect([changes > COUNT / 2, accepted > changes / 10, immutable > changes / 50]).toEqual([
    true,
    true,
    true,
  ]);
});

function firstObject(text: string): Written | undefined {
  const [first] = manifestsIn(text);
  return first?.manifest?.object;
}

type Ours =
  /** The words for what cannot be read. */
  { readonly unreadable: string } | { readonly refused: readonly Refusal[] };

function ours({ text }: ManifestText, old?: Written): Ours {
  const found = [...manifestsIn(text)];
  const [first] = found;
  if (first?.manifest === undefined)
    return { unreadable: found.map(({ fault }) => fault?.message).join("; ") };
  const { manifest } = first;
  if (!isOurs(manifest)) return { unreadable: "nobody's" };
  const fault = kindFault(manifest);
  if (fault !== undefined) return { unreadable: fault.message };
  // That a name has one spelling is the operator's to say.
  return {
    refused: refusals(manifest.object, old).filter(
      ({ message }) => !message.includes("normalization form NFC"),
    ),
  };
}

/** What differs, in words for whoever has to find out why. */
function compare(theirs: ServerVerdict, own: Ours): string | undefined {
  if ("unreadable" in own) {
    // Of several reasons the API server tells the first, in an order of its own.
    return theirs.text.startsWith("400 ") ? undefined : `we cannot read it: ${own.unreadable}`;
  }
  const { refused } = own;
  if (theirs.accepted || refused.length === 0)
    return theirs.accepted === (refused.length === 0) ? undefined : `we say: ${shown(refused)}`;
  const unknown = [...theirs.text.matchAll(/unknown field "((?:[^"\\]|\\.)*)"/g)].map(([, field]) => field);
  if (unknown.length > 0) {
    const told = refused.filter(({ code }) => code === "UnknownField").map(({ field }) => field);
    return same(unknown, told) ? undefined : `unknown fields, we say: ${shown(refused)}`;
  }
  if (theirs.text.startsWith("400 ")) {
    const isMetadata =
      /metav1|ObjectMeta|parsing time/.test(theirs.text) &&
      refused.some(({ path }) => path[0] === "metadata");
    return isMetadata ? undefined : `not of metadata, we say: ${shown(refused)}`;
  }
  return compareCauses(theirs, refused);
}

const OF_SCHEMA = new Set([
  "WrongType",
  "MissingField",
  "UnknownValue",
  "TooLong",
  "TooMany",
  "RepeatedItem",
  "InvalidMetadata",
]);

function compareCauses({ causes }: ServerVerdict, refused: readonly Refusal[]): string | undefined {
  const isBlocked = causes.some((cause) => cause.includes("some validation rules were not checked"));
  // Of a name that is made of one that is none, the API server says the same once more.
  const isGenerated = refused.some(({ field }) => field === "metadata.generateName");
  const named = causes.filter(
    (cause) => !cause.startsWith("<nil>") && !(isGenerated && cause.startsWith("metadata.name: ")),
  );
  const isPrivate = refused.some(({ code }) => code === "PrivateKey");
  const isCompared = ({ code }: Refusal) => !isBlocked || OF_SCHEMA.has(code);
  const told = refused.filter(isCompared);
  const fields = named.map((cause) => cause.slice(0, cause.search(/: [A-Z]/)));
  // CEL cannot afford to ask twice for every sign of a private key, so it may say that the key is none as well.
  const counted = (all: readonly string[]) => (isPrivate ? all.filter((field) => field !== "spec.key") : all);
  if (!same(counted(fields), counted(told.map(({ field }) => field))))
    return `other fields, we say: ${shown(told)}`;
  const words = named.map((cause) => unnamed(cause.replace(/: (Invalid value|Forbidden): /, ": ")));
  const missing = told
    .filter(({ code, field }) => !OF_SCHEMA.has(code) && !(isPrivate && field === "spec.key"))
    .map(({ field, message }) => unnamed(`${field}: ${message}`))
    .filter((each) => !words.includes(each));
  return missing.length === 0 ? undefined : `other words, we say: ${missing.join("; ")}`;
}

/** The same texts, however often. */
function same(some: readonly (string | undefined)[], others: readonly (string | undefined)[]): boolean {
  const [a, b] = [new Set(some), new Set(others)];
  return a.size === b.size && [...a].every((each) => b.has(each));
}

function shown(refused: readonly Refusal[]): string {
  return refused.map(({ code, field, message }) => `${code} ${field}: ${message}`).join("; ");
}

/** CEL has names for the characters that people meet, and none for the rest. */
function unnamed(message: string): string {
  return message.replace(/U\+(\?{4}|[0-9A-F]{4,6})|(?<=^spec\.(?:key|options): .*)a character/, "?");
}
