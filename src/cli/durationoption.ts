import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../config/duration.ts";

/** A flag that takes a duration, which it gives as ms. It may be 0 only where that is its default. */
export function durationOption(flags: string, description: string, byDefault: string): Option {
  const initial = parseDuration(byDefault);
  return new Option(flags, description).default(initial, byDefault).argParser((text) => {
    const time = parseDuration(text);
    if (time === undefined || (time === 0 && initial !== 0))
      throw new InvalidArgumentError("Give a duration such as 500ms, 2s or 1m.");
    return time;
  });
}
