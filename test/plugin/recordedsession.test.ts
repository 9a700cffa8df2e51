import { afterAll, beforeAll, expect, test } from "vitest";
import { Stage } from "../operator/stage.ts";
import { readme, recordSession, sessionOf } from "./recordedsession.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(async () => {
  await stage?.close();
});

test("the session that README shows is what happens (`make session` writes it anew)", async () => {
  expect(sessionOf(readme())).toBe(await recordSession(stage.cluster));
});
