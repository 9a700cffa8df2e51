import { stringify } from "yaml";

/**
 * Objects as YAML that kubectl reads as they are. It reads YAML 1.1, in which a plain on, 012, 1_000 or 0o17 is no string, so
 * every string is in quotes; a key is one line, however long.
 */
export function yamlText(value: unknown): string {
  return stringify(value, { defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN", lineWidth: 0 });
}
