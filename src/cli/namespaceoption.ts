import { InvalidArgumentError } from "commander";
import { isDNSLabel } from "../api/names.ts";

/** One more namespace of a flag that may be repeated; each counts once. */
export function collectNamespace(name: string, before: readonly string[] = []): readonly string[] {
  if (!isDNSLabel(name)) {
    throw new InvalidArgumentError("Give the name of a namespace (DNS-1123 label), such as team-a.");
  }
  return before.includes(name) ? before : [...before, name];
}
