import { expect, test } from "vitest";
import { FOREMAN_GENERATIONS, type ForemanGeneration } from "../../../../src/config/portalsettings.ts";
import { keyRecord } from "../../../../src/portal/foreman/record.ts";
import { toPortalKey } from "../../../../src/portal/sshkeys/portalkey.ts";
import { Random } from "../../../ssh/random.ts";
import { ecdsaSample, lineOf, mpint, rsaSample, type Sample } from "../../../ssh/samples.ts";

const P256 =
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIhRoL6PfBRs9YwW3r2/pYeLrxRzEZSUO3Go8JivxMsguEKjJ3byHDPvPpMHhKKSZD/HJY/A+2Ndqp0ElB+t2qs= foreman@example.com";
const RSA =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCs6GnGI4WUEk7EXtKiPHZxYbsONEg2xaSa6E65dVCEsBp/Qwt2FhOTBOb0apc7neeX8wY4HCj1m5uk5YPvnoR97At3wHirWAja575NoVv9VhjBXXsIL+1FKxdUX2/t2GfcldvCPh/TWBIO1oZDcvpTVQ0/JsncfYH3q/nSynOx+6hi023wcPVTf3oxBIUN8TiX/vr/Cv+yC3lggDil5BYdKacvNlcBwTOrIp0VXQtQJY7+FvJHHmk3EFKp73upZxT+IeMoUhtsDDdLz6TNwYCLkc9dCSSZ52celDP9SqDMMnu7MVoWF+/p3ZriNcbjUmtVMRiWcX/OFSgiH4Cl/7TD foreman3@example.com";
const ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINDirKN2unK1h/3sXNp7KsCbwF86YLVPJfGLgwDjrnZI";

function record(key: string, generation: ForemanGeneration, status?: { reason: string; message: string }) {
  const object = {
    metadata: {
      ...{ name: "k", namespace: "n", uid: "0b9c1d6e-7f00-4000-8000-000000000000", resourceVersion: "1" },
      ...{ generation: 1, creationTimestamp: "2018-07-24T12:58:21Z" },
    },
    spec: { user: "u", key, title: "t" },
    ...(status && {
      status: { observedGeneration: 1, conditions: [{ type: "Ready", status: "False", ...status }] },
    }),
  };
  return keyRecord(toPortalKey(object), generation);
}

test.each<[string, string, ForemanGeneration, number, string]>([
  ["P-256", P256, "1.19", 520, "8e:0c:28:d9:99:e8:c2:84:46:1b:1d:ba:e5:78:4c:33"],
  ["P-256", P256, "2", 520, "5YShdnIX3EEv8GzgY2BSVyOmR9ADnS71FpyobuNljxk="],
  ["P-256", P256, "5.1", 256, "5YShdnIX3EEv8GzgY2BSVyOmR9ADnS71FpyobuNljxk="],
  ["RSA", RSA, "1.19", 2048, "a3:4e:1f:1b:f5:e8:51:58:bf:2a:0d:69:7b:c8:66:99"],
  ["RSA", RSA, "2", 2048, "wNieMSJnfBRf8yLpVTdMaQda6706FJEm1Zvf1nIylQA="],
  ["RSA", RSA, "5.1", 2048, "wNieMSJnfBRf8yLpVTdMaQda6706FJEm1Zvf1nIylQA="],
  ["Ed25519", ED25519, "1.19", 256, expect.stringMatching(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)],
  ["Ed25519", ED25519, "2", 256, "WXkd00yEjsMmzOrJdP6Cvw47KAnIbP459mGEME04Kvg="],
  ["Ed25519", ED25519, "5.1", 256, "WXkd00yEjsMmzOrJdP6Cvw47KAnIbP459mGEME04Kvg="],
])(
  "the length and the fingerprint of %s are those of its Foreman",
  (_type, key, generation, length, fingerprint) => {
    const { length: shown, fingerprint: print } = record(key, generation);
    expect([shown, print]).toEqual([length, fingerprint]);
  },
);

const random = new Random(1);
/** A key whose last string begins with a byte of zeros. */
const ZERO_FIRST: Sample = {
  type: "ssh-ed25519",
  strings: [Buffer.concat([Buffer.of(0, 0x80), random.bytes(30)])],
};

test.each<[string, Sample, before: number, since: number]>([
  ["P-256", ecdsaSample(random, "nistp256"), 520, 256],
  ["P-384", ecdsaSample(random, "nistp384"), 776, 384],
  ["P-521", ecdsaSample(random, "nistp521"), 1064, 521],
  ["RSA of 3072 bits", rsaSample(random, 3072), 3072, 3072],
  ["RSA of 4095 bits", rsaSample(random, 4095), 4096, 4095],
  ["DSS", { type: "ssh-dss", strings: [1024, 160, 1023].map(integer).concat(integer(1024)) }, 1024, 1024],
  [
    "DSS with a short public number",
    { type: "ssh-dss", strings: [1024, 160, 1023, 1016].map(integer) },
    1016,
    1024,
  ],
  ["Ed25519", { type: "ssh-ed25519", strings: [Buffer.alloc(32, 0xff)] }, 256, 256],
  ["Ed25519 that begins with zeros", ZERO_FIRST, 248, 256],
])("the length of %s is counted in bytes before 5.1, and in bits since", (_type, sample, before, since) => {
  const lengths = FOREMAN_GENERATIONS.map((generation) => record(lineOf(sample), generation).length);
  expect(lengths).toEqual([before, before, since]);
});

/** Of so many bits, as an mpint. */
function integer(bits: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(bits / 8), 0xff);
  bytes[0] = 0xff >> (bytes.length * 8 - bits);
  return mpint(bytes);
}

test.each(FOREMAN_GENERATIONS)(
  "a key that is in use has Foreman's fields and no more in %s",
  (generation) => {
    const inUse = { reason: "Projected", message: "in the Secret" };
    const fields = ["created_at", "updated_at", "id", "name", "key", "length", "fingerprint"];
    expect(Object.keys(record(P256, generation, inUse))).toEqual(fields);
  },
);

test("a key that the operator refused says so", () => {
  const refused = { reason: "Duplicate", message: "held by another" };
  expect(record(P256, "1.19", refused)).toMatchObject({
    state: "Duplicate",
    state_message: "held by another",
  });
});
