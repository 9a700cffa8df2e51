import { describe, expect, test } from "vitest";
import { portal } from "../../src/cli/portal.ts";
import { parseConfig } from "../../src/config/configfile.ts";

const OIDC = "oidc: {issuer: https://idp.example.org, clientID: portal}";
const URL_SETTING = "publicURL: https://keys.example.org/";
const parse = (section: string) => parseConfig(`portal: {${section}}`, "config.yaml").portal;

/** A wrong value of each setting, and what its error says to do. */
const WRONG: Readonly<Record<string, readonly (readonly [section: string, says: RegExp])[]>> = {
  publicURL: [
    ["publicURL: http://keys.example.org/", /https address.*such as/],
    ["publicURL: https://keys.example.org", /ending in \//],
    ["publicURL: https://keys.example.org/?a=b/", /ending in \//],
    ["publicURL: https://alice@keys.example.org/", /https address/],
    ['publicURL: "https://keys.example.org:x/"', /https address/],
    ["publicURL: 5", /https address|text/],
  ],
  "oidc.issuer": [
    [`${URL_SETTING}, oidc: {issuer: http://idp.example.org, clientID: portal}`, /https address/],
    [`${URL_SETTING}, oidc: {issuer: "https://idp.example.org?x", clientID: portal}`, /without a query/],
    [`${URL_SETTING}, oidc: {clientID: portal}`, /needs issuer and clientID/],
  ],
  "oidc.clientID": [[`${URL_SETTING}, oidc: {issuer: https://idp.example.org}`, /needs issuer and clientID/]],
  "oidc.clientSecretFile": [[`${URL_SETTING}, oidc: {clientSecretFile: [x]}`, /path/]],
  "oidc.caFile": [[`${URL_SETTING}, oidc: {caFile: 5}`, /path/]],
  "oidc.scopes": [
    [`${URL_SETTING}, oidc: {issuer: https://idp.example.org, clientID: p, scopes: [email]}`, /hold openid/],
    [`${URL_SETTING}, oidc: {scopes: ["open id"]}`, /a scope such as/],
  ],
  "oidc.userClaim": [[`${URL_SETTING}, oidc: {userClaim: "a b"}`, /without spaces/]],
  "oidc.groupsClaim": [[`${URL_SETTING}, oidc: {groupsClaim: ""}`, /without spaces/]],
  "tokens.audience": [
    ["tokens: {audience: a b}", /without spaces/],
    ["tokens: {}", /tokens needs audience/],
  ],
  trustedProxies: [
    ["trustedProxies: [proxy.example.org]", /address or range such as/],
    ["trustedProxies: [10.0.0.0/33]", /address or range such as/],
    ["trustedProxies: {}", /list/],
  ],
  "proxy.addresses": [
    [`${URL_SETTING}, proxy: {}`, /needs addresses/],
    [`${URL_SETTING}, proxy: {addresses: [proxy.example.org]}`, /address or range such as/],
    [`${URL_SETTING}, proxy: {addresses: [10.0.0.999]}`, /address or range such as/],
    [`${URL_SETTING}, proxy: {addresses: [10.0.0.0/33]}`, /address or range such as/],
    [`${URL_SETTING}, proxy: {addresses: ["fe80::/129"]}`, /address or range such as/],
    [`${URL_SETTING}, proxy: {addresses: ["1234"]}`, /address or range such as/],
  ],
  "proxy.userHeader": [[`proxy: {addresses: [10.0.0.1], userHeader: "x: y"}`, /name of a header/]],
  "proxy.groupsHeader": [[`proxy: {addresses: [10.0.0.1], groupsHeader: 5}`, /name of a header|text/]],
  groups: [["groups: [system:masters]", /never begins with system:/]],
  usernamePrefix: [
    ['usernamePrefix: "system:"', /not system:/],
    ['usernamePrefix: "a b"', /printable/],
  ],
  groupsPrefix: [["groupsPrefix: system:x", /not system:/]],
  namespaceClaim: [["namespaceClaim: team", /needs namespaces: list/]],
  namespaces: [["namespaces: [Team_A]", /name of a namespace/]],
  "session.keysFolder": [["session: {keysFolder: 5}", /path/]],
  "session.lifetime": [
    ["session: {lifetime: 1s}", /between 1m and 30d/],
    ["session: {lifetime: 31d}", /between 1m and 30d/],
    ["session: {lifetime: soon}", /duration|such as/],
  ],
  usedBy: [["usedBy: maybe", /true or false/]],
  usedByNamespaces: [
    ["usedByNamespaces: [Bastion]", /name of a namespace/],
    [`usedByNamespaces: [${Array.from({ length: 33 }, (_, nth) => `n${nth}`)}]`, /at most 32/],
  ],
  "foreman.generation": [["foreman: {generation: 3}", /1\.19/]],
};

/** The settings that the parser says it takes when it meets one that it does not know. */
function settingsIn(section: string): readonly string[] {
  try {
    parse(section === "" ? "unheardOf: 1" : `${section}: {unheardOf: 1}`);
  } catch (error) {
    return (/ use one of (.+)$/.exec((error as Error).message)?.[1] ?? "").split(", ");
  }
  throw new Error("an unknown setting was taken");
}

describe("the section portal", () => {
  const cases = Object.entries(WRONG).flatMap(([setting, list]) =>
    list.map(([section, says]) => [setting, section, says] as const),
  );

  test.each(cases)("says what is wrong with %s in {%s}", (setting, section, says) => {
    let message = "";
    try {
      parse(section);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(says);
    expect(message).toContain(setting.split(".").at(-1));
    expect(message).toContain("config.yaml");
  });

  test("has no setting whose error is not tried here", () => {
    const SECTIONS = ["oidc", "tokens", "proxy", "session", "foreman"];
    const known = settingsIn("").flatMap((name) =>
      SECTIONS.includes(name) ? settingsIn(name).map((field) => `${name}.${field}`) : [name],
    );
    expect(known.filter((name) => !(name in WRONG))).toEqual([]);
  });

  test.each([
    [OIDC, /oidc needs publicURL/],
    ["proxy: {addresses: [10.0.0.1]}", /proxy needs publicURL/],
  ])("wants the address that people open beside %s", (section, says) => {
    expect(() => parse(section)).toThrow(says);
  });

  test("takes the prefix that the API server has where nobody has given it one: the issuer and #", () => {
    const usernamePrefix = `https://login.example.org/${"0".repeat(36)}/v2.0#`;
    expect(parse(`usernamePrefix: "${usernamePrefix}"`)).toMatchObject({ usernamePrefix });
  });

  test("takes what its documentation shows", () => {
    expect(parse(`${URL_SETTING}, ${OIDC}, groups: [staff], session: {lifetime: 8h}`)).toMatchObject({
      groups: ["staff"],
      session: { lifetime: 8 * 3600 * 1000 },
    });
  });
});

describe("--insecure-user", () => {
  const start = (listen: string, more = {}) => {
    const options = {
      namespace: "people",
      listen,
      metricsBindAddress: "0",
      shutdownDelayDuration: 0,
      logLevel: "info",
      logFormat: "json",
      ...more,
    } as const;
    return portal(options, AbortSignal.abort());
  };

  test.each([
    ":8080",
    "0.0.0.0:8080",
    "[::]:8080",
    "10.0.0.1:8080",
    "keys.example.org:8080",
    "127.0.0.1.example.org:80",
  ])("is refused on %s", async (listen) => {
    await expect(start(listen, { insecureUser: "alice" })).rejects.toThrow(
      "--insecure-user wants --listen 127.0.0.1:PORT",
    );
  });

  test("is a name that a user can have", async () => {
    await expect(start("127.0.0.1:0", { insecureUser: "system:admin" })).rejects.toThrow("--insecure-user");
    await expect(start("127.0.0.1:0", { insecureUser: "" })).rejects.toThrow("--insecure-user");
  });

  test("is what --insecure-admin needs", async () => {
    await expect(start("127.0.0.1:0", { insecureAdmin: true })).rejects.toThrow("needs --insecure-user NAME");
  });
});
