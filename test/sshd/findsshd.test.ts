import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchSSHD } from "./fetchsshd.ts";
import { findSSHD, SSHDError } from "./findsshd.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sshkey-operator-findsshd-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test("the sshd that is found runs and tells its version", async () => {
  const { program, version } = await findSSHD();
  expect(existsSync(program)).toBe(true);
  expect(version.major).toBeGreaterThan(0);
});

test("SSHD decides, and one that does not run is an error that names it", async () => {
  const env = { ...process.env, SSHD: "/nonexistent/sshd" };
  await expect(findSSHD(env)).rejects.toThrow("/nonexistent/sshd does not run: install openssh-server");
});

test("without sshd the error says what to install or to set", () => {
  expect(new SSHDError({ program: undefined, nssWrapper: "/usr/lib/libnss_wrapper.so" }).message).toBe(
    "there is no ssh server to test with: install openssh-server or set SSHD to the path of an sshd",
  );
});

test("a fetch without the tools of a Debian leaves nothing behind", async () => {
  const fetched = await fetchSSHD(join(folder, "sshd"), { PATH: folder });
  expect([fetched, readdirSync(folder)]).toEqual([false, []]);
});
