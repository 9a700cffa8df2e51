import { expect, test } from "vitest";
import { FLAGS } from "../../src/ssh/optionflags.ts";
import { OPTION_MEANINGS } from "../../src/ssh/optionmeanings.ts";
import { VALUED } from "../../src/ssh/options.ts";

test("every option that may be given to a key is explained, and no other", () => {
  const flags = [...FLAGS.keys()].flatMap((flag) => [flag, `no-${flag}`]);
  expect(Object.keys(OPTION_MEANINGS).sort()).toEqual(["restrict", ...flags, ...VALUED].sort());
});
