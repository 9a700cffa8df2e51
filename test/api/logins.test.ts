import { describe, expect, test } from "vitest";
import { isLogin } from "../../src/api/logins.ts";

describe("a login is", () => {
  test.each(["a", "_", "alice", "svc.backup-1", "root", "authorized_keys2", "a".repeat(32)])("%j", (text) => {
    expect(isLogin(text)).toBe(true);
  });
});

describe("no login is", () => {
  test.each([
    "",
    "5403",
    "Alice",
    "alice+ci",
    "müller",
    "alice@example.com",
    "x$",
    ".",
    "..",
    ".ssh",
    "-o",
    "a/b",
    "alice\n",
    "authorized_keys",
    "a".repeat(33),
  ])("%j", (text) => {
    expect(isLogin(text)).toBe(false);
  });
});
