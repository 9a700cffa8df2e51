import { expect, test } from "vitest";
import { table } from "../../../../src/plugin/output/table.ts";

const COLUMNS = [
  { title: "USER", of: (row: readonly string[]) => row[0] },
  { title: "STATE", of: (row: readonly string[]) => row[1] },
];

test("no text looks like the columns behind it", () => {
  const lines = table(COLUMNS, [["alice   Projected\u2003\u2003x\u00a0y\u3000", "Revoked"]]).split("\n");
  expect(lines[1]).toBe("alice Projected x y   Revoked");
});

test("a long text stretches no other row beyond what the fields of an SSHKey may have", () => {
  const [, long = "", short = ""] = table(COLUMNS, [
    ["x".repeat(1_000_000), "a"],
    ["y", "b"],
  ]).split("\n");
  expect(long).toMatch(/^x{254}… {3}a$/);
  expect(short.length).toBe(long.length);
});

test("there may be more rows than a function takes arguments", () => {
  const rows = Array.from({ length: 300_000 }, () => ["a", "b"]);
  expect(table(COLUMNS, rows).length).toBeGreaterThan(300_000);
});

test("no text is a command to whoever runs the job, wherever in the line", () => {
  expect(table(COLUMNS, [["##[add-mask]a", "##vso[task.setvariable]b"]])).not.toMatch(/##[a-z]*\[/);
});
