import { expect, it } from "vitest";
import { formatRFC3339 } from "../../src/api/time.ts";
import { DEFAULT_POLICY } from "../../src/claims/policy.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { Projection } from "../../src/projection/projection.ts";
import { authorizedKeysRecord } from "../authorizedkeys/scene.ts";
import { liveSecret, NOW } from "./secrets.ts";

const MINUTE = 60_000;

/** An AuthorizedKeys whose own options expire in a minute. */
function expiring() {
  const time = formatRFC3339(NOW + MINUTE).replace(/[-:T]/g, "");
  const projection = new Projection(DEFAULT_POLICY, DEFAULT_SETTINGS.secrets);
  projection.setSynced(undefined);
  projection.authorizedKeys.put(
    authorizedKeysRecord({ layout: "SingleFile", options: [`expiry-time="${time}"`] }),
  );
  const target = projection.target("bastion/bastion");
  if (target === undefined) throw new Error("there is no target");
  projection.applyResponse(target, liveSecret("", { namespace: "bastion", name: "bastion" }));
  const planned = (now: number) => {
    projection.plan(target, now);
    return [projection.authorizedKeys.lastVerdict("bastion", "bastion")?.state, target.changesAt];
  };
  return { planned };
}

it("an AuthorizedKeys whose own expiry-time comes is looked at again then", () => {
  expect(expiring().planned(NOW)).toEqual(["Projected", NOW + MINUTE]);
});

it("one whose expiry-time has passed is InvalidOptions, and nothing more comes of time", () => {
  expect(expiring().planned(NOW + MINUTE)).toEqual(["InvalidOptions", undefined]);
});
