import { readSettings } from "../../config/configfile.ts";
import { ConfigError, type Settings } from "../../config/settings.ts";
import { PluginError } from "../session.ts";

/** What the operator's configuration file says; the defaults without one. Throws a PluginError that names the line. */
export function policyOf(file: string | undefined): Settings {
  try {
    return readSettings(file, undefined);
  } catch (error) {
    if (error instanceof ConfigError) throw new PluginError(error.message);
    throw error;
  }
}
