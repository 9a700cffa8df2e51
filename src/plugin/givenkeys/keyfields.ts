import type { Command } from "commander";
import type { SSHKeySpec } from "../../api/sshkey.generated.ts";
import { formatRFC3339, parseRFC3339 } from "../../api/time.ts";
import { parseDuration } from "../../config/duration.ts";
import { collect } from "../command.ts";
import { PluginError } from "../session/session.ts";

/** What a person says of a key beside the key itself. */
export interface KeyFieldFlags {
  readonly title?: string;
  readonly option?: readonly string[];
  readonly expiresAt?: string;
  readonly expiresIn?: string;
}

export function addKeyFields(command: Command): Command {
  return command
    .option("--title <title>", "a name for people to tell the keys of a user apart")
    .option(
      "--option <option>",
      'an option of authorized_keys that limits the key, such as restrict or from="10.0.0.0/8"; may be repeated',
      collect,
    )
    .option("--expires-at <time>", "when the key expires, as 2027-01-31T18:00:00Z or a date")
    .option("--expires-in <duration>", "how long the key lives, as 12h or 90d");
}

/** The fields of the spec that the flags name, and no others. `now` in ms since the epoch. */
export function fieldsOf(
  { title, option, expiresAt, expiresIn }: KeyFieldFlags,
  now: number,
): Partial<Pick<SSHKeySpec, "title" | "options" | "expiresAt">> {
  if (expiresAt !== undefined && expiresIn !== undefined)
    throw new PluginError("--expires-at and --expires-in both say when the key expires: give one of them");
  const given = expiresIn === undefined ? expiresAt : afterDuration(expiresIn, now);
  const expiry = given && momentOf(given);
  const expiresAtMs = expiry === undefined ? undefined : parseRFC3339(expiry);
  if (expiresAtMs !== undefined && expiresAtMs <= now)
    throw new PluginError(`--expires-at ${expiresAt} has passed: give a later time`);
  return {
    ...(title === undefined ? {} : { title }),
    ...(option === undefined ? {} : { options: [...option] }),
    ...(expiry === undefined ? {} : { expiresAt: expiry }),
  };
}

function afterDuration(text: string, now: number): string {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0)
    throw new PluginError(`--expires-in ${text}: give a duration such as 12h or 90d`);
  return formatRFC3339(now + ms);
}

/** A date alone is its end, in the time zone of the person: "until Friday" includes Friday. */
function momentOf(text: string): string {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === undefined) return text;
  const nextMidnight = new Date(Number(year), Number(month) - 1, Number(day) + 1);
  const isDate = new Date(Number(year), Number(month) - 1, Number(day)).getMonth() === Number(month) - 1;
  if (!isDate) throw new PluginError(`--expires-at ${text}: there is no such day`);
  return formatRFC3339(nextMidnight.getTime());
}
