import { parseConfig } from "../../src/config/configfile.ts";
import { ConfigError } from "../../src/config/settings.ts";

/** The settings that the parser says it takes when it meets one that it does not know; `section` may be "", or within another as `a.b`. */
export function settingsUnder(section: string): string[] {
  try {
    const sections = section === "" ? [] : section.split(".");
    const text = sections.reduceRight<object>((within, name) => ({ [name]: within }), { unheardOf: 1 });
    parseConfig(JSON.stringify(text), "config.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return (/ use one of (.+)$/.exec(error.message)?.[1] ?? "").split(", ");
    throw error;
  }
  throw new Error("an unknown setting was taken");
}
