import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OpenID } from "../../../../src/portal/people/openid.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sshkey-portal-test-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("the file with the certificates of the issuer's authority", () => {
  test.each([
    ["nothing", ""],
    ["a name", "ca.example.org\n"],
    ["a broken certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"],
  ])("is refused at the start with %s in it, and not at the first sign-in", (_, content) => {
    const caFile = join(folder, "ca.pem");
    writeFileSync(caFile, content);
    const settings = {
      issuer: "https://sso.example.org",
      clientID: "sshkeys",
      clientSecretFile: undefined,
      caFile,
      scopes: ["openid"],
      userClaim: "sub",
      groupsClaim: "groups",
    };
    const publicURL = new URL("https://keys.example.org/");
    const open = () =>
      new OpenID({ settings, callback: publicURL, afterSignOut: publicURL, onFault: () => {} });
    expect(open).toThrow(`${caFile} holds no certificate (PEM); check portal.oidc.caFile`);
  });
});
