import { describe, expect, test } from "vitest";
import { proxyFromEnvironment } from "../../src/kube/proxyenv.ts";

const PROXY = "http://proxy.example:3128";

function proxyFor(server: string, env: Readonly<Record<string, string>>) {
  return proxyFromEnvironment(new URL(server), env);
}

describe("the proxy for a server", () => {
  test.each([
    ["https://api.example:6443", { HTTPS_PROXY: PROXY }, PROXY],
    ["https://api.example:6443", { https_proxy: PROXY }, PROXY],
    ["https://api.example:6443", { HTTPS_PROXY: "", https_proxy: PROXY }, PROXY],
    ["https://api.example:6443", { HTTPS_PROXY: "proxy.example:3128" }, PROXY],
    ["https://api.example:6443", { HTTP_PROXY: PROXY }, undefined],
    ["http://api.example", { HTTP_PROXY: PROXY }, PROXY],
    ["https://localhost:6443", { HTTPS_PROXY: PROXY }, undefined],
    ["https://127.0.0.9:6443", { HTTPS_PROXY: PROXY }, undefined],
    ["https://[::1]:6443", { HTTPS_PROXY: PROXY }, undefined],
    ["https://api.example", {}, undefined],
  ])("%s with %j is %s", (server, env, expected) => {
    expect(proxyFor(server, env)).toBe(expected);
  });

  test.each([
    ["https://api.example:6443", "*", false],
    ["https://api.example:6443", "other.example, api.example", false],
    ["https://a.api.example:6443", "api.example", false],
    ["https://xapi.example:6443", "api.example", true],
    ["https://api.example:6443", ".api.example", true],
    ["https://a.api.example:6443", ".api.example", false],
    ["https://a.api.example:6443", "*.api.example", false],
    ["https://api.example:6443", "API.example:6443", false],
    ["https://api.example:6443", "api.example:443", true],
    ["https://api.example", "api.example:443", false],
    ["https://10.1.2.3:6443", "10.0.0.0/8", false],
    ["https://11.1.2.3:6443", "10.0.0.0/8", true],
    ["https://10.1.2.3:6443", "10.1.2.3", false],
    ["https://[fd00::5]:6443", "fd00::/8", false],
    ["https://[fd00::5]:6443", "fd00::5", false],
    ["https://[fd00::5]:6443", "[fd00::5]:443", true],
  ])("%s with the exception %s is asked for through it: %s", (server, NO_PROXY, isProxied) => {
    expect(proxyFor(server, { HTTPS_PROXY: PROXY, NO_PROXY })).toBe(isProxied ? PROXY : undefined);
  });
});
