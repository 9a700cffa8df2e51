import { describe, expect, test } from "vitest";
import { html } from "../../../../src/portal/html.ts";
import { page } from "../../../../src/portal/web/layout.ts";

const person = { user: "alice", groups: [], namespace: "people", signedInBy: "oidc" } as const;

/** What the navigation of an admin's page says of where one is: link and attribute. */
function current(path: string | undefined, base = "/ssh/"): readonly string[] {
  const text = String(page({ title: "", base, path, person, isAdmin: true, content: html`` }));
  const links = text.matchAll(/<a href="([^"]*)" aria-current="([^"]*)"/g);
  return [...links].map(([, href, value]) => `${href} ${value}`);
}

describe("the navigation", () => {
  test.each([
    ["/ssh/keys", ["/ssh/keys page"]],
    ["/ssh/people", ["/ssh/people page"]],
    ["/ssh/who", ["/ssh/who page"]],
  ])("marks %s as the page where one is", (path, marked) => {
    expect(current(path)).toEqual(marked);
  });

  test.each([
    ["/ssh/keys/laptop", ["/ssh/keys true"]],
    ["/ssh/keys/new", ["/ssh/keys true"]],
    ["/ssh/people/keys/who", ["/ssh/people true"]],
  ])("marks the part of the portal in which %s is", (path, marked) => {
    expect(current(path)).toEqual(marked);
  });

  test.each(["/ssh/signed-in", "/ssh/keys-of-others", undefined])("marks nothing for %s", (path) => {
    expect(current(path)).toEqual([]);
  });
});
