import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/configfile.ts";
import { ConfigError } from "../../src/config/settings.ts";

const portal = (text: string) => parseConfig(`portal:\n${text}`, "config.yaml").portal;

function refusal(text: string): string {
  try {
    portal(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

const withIssuer = (issuer: string) =>
  `  publicURL: https://keys.example.com/\n  oidc: { issuer: "${issuer}", clientID: sshkeys }`;

describe("plain http", () => {
  it.each(["http://127.0.0.1:8080/", "http://localhost/ssh/", "http://[::1]:8080/"])(
    "is for people on loopback: %s",
    (url) => {
      expect(portal(`  publicURL: "${url}"`).publicURL?.href).toBe(url);
    },
  );

  it.each([
    "http://keys.example.com/",
    "http://localhost.example.com/",
    "http://127.0.0.1.example.com/",
    "http://127.0.0.1:80@keys.example.com/",
    "http://10.0.0.1/",
  ])("is for nothing else: %s", (url) => {
    expect(refusal(`  publicURL: "${url}"`)).toContain(
      "config.yaml:2: publicURL must be the https address that people open (http on loopback alone)",
    );
  });

  it.each(["http://127.0.0.1:9000", "http://localhost:9000/realms/test"])(
    "is for an issuer on loopback: %s",
    (url) => {
      expect(portal(withIssuer(url)).oidc?.issuer).toBe(url);
    },
  );

  it.each(["http://issuer.example.com", "http://localhost.example.com", "http://127.0.0.1@example.com"])(
    "is for no other issuer: %s",
    (url) => {
      expect(refusal(withIssuer(url))).toContain("issuer must be the issuer's https address");
    },
  );
});
