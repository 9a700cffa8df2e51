import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keySegment, textIn, userSegment } from "../../../../src/portal/web/pathsegments.ts";

describe("a user's name in a path", () => {
  test.each([
    ["alice", "alice"],
    ["alice@example.com", "alice@example.com"],
    ["team/a", "team~2Fa"],
    ["50%", "50~25"],
    ["~alice", "~7Ealice"],
    [".", "~2E"],
    ["..", "~2E~2E"],
    ["a b", "a~20b"],
    ["é", "~C3~A9"],
  ])("%s is %s", (user, segment) => {
    expect(userSegment(user)).toBe(segment);
  });

  test("any name comes back as it was, from a path that browsers leave as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (user) => {
        const path = `/people/${userSegment(user)}`;
        expect(new URL(path, "http://portal").pathname).toBe(path);
        expect(textIn(userSegment(user))).toBe(user);
      }),
    );
  });

  test("names that were typed into the address bar count as well", () => {
    expect(textIn("a b/é@example.com")).toBe("a b/é@example.com");
  });

  test.each(["~", "~x", "~2", "~FF"])("%s names nobody", (segment) => {
    expect(textIn(segment)).toBeUndefined();
  });
});

describe("the name of an SSHKey in a path", () => {
  test("is as it is", () => {
    expect(keySegment("alice-laptop.2")).toBe("alice-laptop.2");
  });

  test("is never that of the form, and comes back as it was", () => {
    expect([keySegment("new"), textIn(keySegment("new"))]).toEqual(["~6Eew", "new"]);
  });
});
