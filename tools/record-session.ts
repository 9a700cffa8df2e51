import { writeFileSync } from "node:fs";
import { Stage } from "../test/operator/stage.ts";
import { README, readme, recordSession, withSession } from "../test/plugin/recordedsession.ts";

/** Writes into README what `kubectl sshkey` shows on a cluster of its own. Wants the bundles: `make build`. */
const stage = await Stage.open();
try {
  await stage.run();
  writeFileSync(README, withSession(readme(), await recordSession(stage.cluster)));
} finally {
  await stage.close();
}
