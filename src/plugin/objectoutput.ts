import { type Command, Option } from "commander";
import type { KubeObject } from "../api/object.ts";
import { resourceName } from "./sshkeys.ts";
import { type Column, table } from "./table.ts";
import { yamlText } from "./yamltext.ts";

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

/** What was asked for with -o json or -o yaml. */
export function asText(whole: unknown, output: "json" | "yaml"): string {
  return output === "yaml" ? yamlText(whole) : `${JSON.stringify(whole, undefined, 4)}\n`;
}

/** The objects as the person asked for them: as the API server gave them, or as a table. */
export function objectOutput<T extends KubeObject>(
  objects: readonly T[],
  output: Output | undefined,
  { columns, wide }: ObjectTable<T>,
): string {
  const whole = { apiVersion: "v1", kind: "List", items: objects };
  switch (output) {
    case "json":
    case "yaml":
      return asText(whole, output);
    case "name":
      return objects.map((object) => `${resourceName(object)}\n`).join("");
    default:
      return table(output === "wide" ? [...columns, ...wide] : columns, objects);
  }
}
