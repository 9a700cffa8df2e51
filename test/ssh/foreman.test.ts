import { expect, test } from "vitest";
import { fingerprintMD5 } from "../../src/ssh/fingerprint.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { FOREMAN_KEYS } from "./foreman.ts";

test.each(FOREMAN_KEYS)(
  "Foreman: $fingerprint is the MD5 fingerprint of the key it stands beside",
  ({ key, fingerprint }) => {
    const parsed = parsePublicKey(key);
    expect(parsed.ok && fingerprintMD5(parsed.value.blob)).toBe(fingerprint);
  },
);
