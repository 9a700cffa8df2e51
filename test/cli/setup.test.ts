import { expect, test } from "vitest";
import { ListError } from "../../src/blocklist/listerror.ts";
import { EXIT } from "../../src/cli/exitcodes.ts";
import { asExit } from "../../src/cli/setup.ts";
import { ConfigError } from "../../src/config/settings.ts";

test.each([
  ["a mistake in the configuration", new ConfigError("mend it")],
  ["a list that cannot be used, the product's own too", new ListError("mend it")],
])("%s ends the process as one, with what to do", (_what, error) => {
  expect(asExit(error)).toMatchObject({ exitCode: EXIT.configuration, message: "mend it" });
});

test("what is none of these stays an unexpected error", () => {
  const bug = new Error("bug");
  expect(asExit(bug)).toBe(bug);
});
