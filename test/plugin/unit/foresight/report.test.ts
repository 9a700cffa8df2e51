import { expect, test } from "vitest";
import type { Access } from "../../../../src/plugin/foresight/forecast.ts";
import { changeCounts } from "../../../../src/plugin/foresight/report.ts";

function access(sshKey: string, secret: string): Access {
  return {
    secret,
    authorizedKeys: undefined,
    file: "authorized_keys",
    sshKey,
    user: "alice",
    title: undefined,
    fingerprint: "SHA256:a",
    line: "ssh-ed25519 AAAA",
  };
}

test("a key that several Secrets have is counted once", () => {
  const gained = [access("a/laptop", "a/sshkeys-alice"), access("a/laptop", "bastion/keys")];
  const lost = [access("a/old", "a/sshkeys-alice"), access("b/old", "b/sshkeys-alice")];
  expect(changeCounts({ gained, lost, altered: [], stands: [] })).toBe(
    "2 keys lose access, 1 key gains access, 0 lines change.",
  );
});
