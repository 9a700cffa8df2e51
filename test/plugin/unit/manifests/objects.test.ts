import { describe, expect, test } from "vitest";
import { manifestsIn } from "../../../../src/plugin/manifests/objects.ts";

/** Each object as `NAME LINE:COLUMN`, each fault as its message. */
function read(text: string): readonly string[] {
  return [...manifestsIn(text)].map(({ manifest, fault }) => {
    if (manifest === undefined) return fault.message;
    const { line, column } = manifest.locate(["name"]);
    return `${manifest.object.name} ${line}:${column}`;
  });
}

describe("the objects of a text are", () => {
  test.each([
    ["its documents", "name: a\n---\nname: b\n--- # c\n\nname: c", ["a 1:7", "b 3:7", "c 6:7"]],
    ["also with a line break of Windows", "name: a\r\n---\r\nname: b\r\n", ["a 1:7", "b 3:7"]],
    ["also with a byte order mark", "\ufeffname: a\n", ["a 1:7"]],
    ["none for comments and nothing", "# a\n---\n---\n\n", []],
    ["the items of a list", "kind: List\nitems:\n- name: a\n- {name: b}\n", ["a 3:9", "b 4:10"]],
    ["those of lists in lists", "items: [{items: [{name: a}]}]", ["a 1:25"]],
    [
      "JSON objects, one behind the other",
      '{"name": "a"}\n {"name":\n "b"}{"name": "}{"}',
      ["a 1:10", "b 3:2", "}{ 3:15"],
    ],
    ["YAML that begins as JSON does", "{name: a}\n---\nname: b\n", ["a 1:8", "b 3:7"]],
  ])("%s", (_what, text, expected) => {
    expect(read(text)).toEqual(expected);
  });
});

test("an item of a typed list has the list's kind", () => {
  const [found] = manifestsIn("apiVersion: x/v1\nkind: SSHKeyList\nitems: [{name: a}]");
  expect(found?.manifest?.object).toEqual({ apiVersion: "x/v1", kind: "SSHKey", name: "a" });
});

describe("what is no object is told:", () => {
  test.each([
    ["a text", "hello", "this is no object: give one with apiVersion and kind"],
    ["a list", "- a", "this is no object: give one with apiVersion and kind"],
    [
      "words behind ---",
      "a: 1\n--- b: 2\n",
      "kubectl takes nothing but a comment behind ---: begin a new line",
    ],
  ])("%s", (_what, text, message) => {
    expect(read(text)).toContain(message);
  });

  test("a document that no API server takes", () => {
    const [message] = read(`a: ${"x".repeat(16 * 1024 * 1024)}`);
    expect(message).toBe(
      "this document has more than 16 MB, which no API server takes: split it with lines of ---",
    );
  });
});

test("a long text in JSON is read as any other", () => {
  expect(read(`{"note": "${"x".repeat(10_000_000)}", "name": "a"}`)).toEqual(["a 1:10000022"]);
});

test("what is broken in one document is no matter of the next", () => {
  expect(read("a: [\n---\nname: b\n")).toHaveLength(2);
});
