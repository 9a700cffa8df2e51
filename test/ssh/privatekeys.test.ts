import { describe, expect, test } from "vitest";
import { describePrivateKey } from "../../src/ssh/privatekey.ts";
import { MANGLINGS, pemBody, privateJWKs, privateKeyLookalikes, privateKeys } from "./privatekeys.ts";

const KEYS = privateKeys();

describe.each(Object.entries({ ...KEYS, ...privateKeyLookalikes() }))(
  "a private key (%s)",
  (_format, file) => {
    test.each(Object.entries(MANGLINGS))("is recognised %s", (_how, mangle) => {
      expect(describePrivateKey(mangle(file))).toContain("This is a private key");
    });

    test("is recognised between other text", () => {
      expect(describePrivateKey(`a ${file.trim().replaceAll(/\s+/g, " ")} b`)).toContain(
        "This is a private key",
      );
    });
  },
);

test.each(Object.entries(KEYS))("the bare base64 of a private key (%s) is recognised", (_format, file) => {
  expect(describePrivateKey(`my key ${pemBody(file)}`)).toContain("This is a private key");
});

test.each(Object.entries(privateJWKs()))("a %s is recognised", (_format, text) => {
  expect(describePrivateKey(text)).toContain("This is a private key");
});
