import { type Command, Option } from "commander";
import type { KubeObject } from "../../api/object.ts";
import { type Column, table } from "../output/table.ts";
import { yamlText } from "../output/yamltext.ts";
import { resourceName } from "./sshkeys.ts";

/** How objects are printed; kubectl's words. */
export type Output = "wide" | "json" | "yaml" | "name";

export function addObjectOutput(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <format>", "how to print").choices(["wide", "json", "yaml", "name"]),
  );
}

/** How a table of objects looks. */
export interface ObjectTable<T> {
  readonly columns: readonly Column<T>[];
  /** Shown with -o wide behind the others. */
  readonly wide: readonly Column<T>[];
}

/** Is it for a program, which gets an answer also where there is nothing to tell? */
export function isForPrograms(output: Output | undefined): output is Exclude<Output, "wide"> {
  return output !== undefined && output !== "wide";
}

/** The objects as the person asked for them: as a List of what the API server gave, or as a table. */
export function objectOutput<T extends KubeObject>(
  objects: readonly T[],
  output: Output | undefined,
  { columns, wide }: ObjectTable<T>,
): string {
  if (isForPrograms(output)) return forPrograms(objects, output, listOf(objects));
  return table(output === "wide" ? [...columns, ...wide] : columns, objects);
}

/** Objects that were named or written, for whoever asked for them with -o: one as itself, several as a List; otherwise `lines`. */
export function namedOutput(
  objects: readonly KubeObject[],
  output: Output | undefined,
  lines: readonly string[],
): string {
  if (!isForPrograms(output)) return lines.map((line) => `${line}\n`).join("");
  const [first] = objects;
  return forPrograms(objects, output, objects.length === 1 ? first : listOf(objects));
}

function listOf(items: readonly KubeObject[]): object {
  return { apiVersion: "v1", kind: "List", items };
}

function forPrograms(
  objects: readonly KubeObject[],
  output: Exclude<Output, "wide">,
  whole: object | undefined,
): string {
  switch (output) {
    case "json":
      return `${JSON.stringify(whole, undefined, 4)}\n`;
    case "yaml":
      return yamlText(whole);
    case "name":
      return objects.map((object) => `${resourceName(object)}\n`).join("");
  }
}
