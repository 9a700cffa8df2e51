import { parseConfig } from "../../src/config/configfile.ts";
import { ConfigError } from "../../src/config/settings.ts";

/** The settings that the parser says it takes when it meets one that it does not know; `section` may be "". */
export function settingsUnder(section: string): string[] {
  try {
    parseConfig(section === "" ? "unheardOf: 1" : `${section}: {unheardOf: 1}`, "config.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return (/ use one of (.+)$/.exec(error.message)?.[1] ?? "").split(", ");
    throw error;
  }
  throw new Error("an unknown setting was taken");
}
