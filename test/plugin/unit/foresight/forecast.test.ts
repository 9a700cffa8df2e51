import { describe, expect, it } from "vitest";
import type { StoredAuthorizedKeys } from "../../../../src/authorizedkeys/record.ts";
import { NO_KNOWLEDGE } from "../../../../src/claims/judgement.ts";
import { DEFAULT_SETTINGS } from "../../../../src/config/settings.ts";
import { type Access, Forecast } from "../../../../src/plugin/foresight/forecast.ts";
import { outcomeChange } from "../../../../src/plugin/foresight/outcomechange.ts";
import { CREATED, type SSHKeyFacts, sshKey } from "../../../claims/sshkeys.ts";

const NOW = CREATED * 1000 + 3_600_000;

/** What changes when an edit is made to a cluster with these SSHKeys, in which people share their keys with gate. */
function changeBy(edit: (forecast: Forecast) => void, ...present: readonly SSHKeyFacts[]) {
  const people = { name: "people", labels: {}, shareKeysWith: "gate" };
  const forecast = new Forecast(DEFAULT_SETTINGS, NO_KNOWLEDGE, [people], NOW);
  for (const facts of present) forecast.putSSHKey(sshKey(facts));
  const before = forecast.outcome();
  edit(forecast);
  const { gained, lost, altered, stands } = outcomeChange(before, forecast.outcome());
  return {
    gained: gained.map(said),
    lost: lost.map(said),
    altered: altered.map(({ after }) => said(after)),
    stands: stands.map(({ id, before, after }) => `${id} ${before?.state} → ${after?.state}`),
  };
}

function said({ secret, file, sshKey, user }: Access): string {
  return `${user} by ${sshKey} in ${secret} ${file}`;
}

const put = (facts: SSHKeyFacts) => (forecast: Forecast) => forecast.putSSHKey(sshKey(facts));
const NOTHING = { gained: [], lost: [], altered: [], stands: [] };

describe("a change of SSHKeys", () => {
  it("is none when nothing is done", () => {
    expect(changeBy(() => {}, { name: "laptop" })).toEqual(NOTHING);
  });

  it("lets in whoever has a new key", () => {
    expect(changeBy(put({ name: "laptop" }))).toEqual({
      ...NOTHING,
      gained: ["alice by team-a/laptop in team-a/sshkeys-alice authorized_keys"],
      stands: ["team-a/laptop undefined → Projected"],
    });
  });

  it("lets nobody in whose key somebody else holds", () => {
    const newcomer = { name: "other", user: "mallory", key: 1, createdAt: CREATED + 60 };
    expect(changeBy(put(newcomer), { name: "laptop", key: 1 })).toEqual({
      ...NOTHING,
      stands: ["team-a/other undefined → Duplicate"],
    });
  });

  it("lets in whoever comes after the holder that goes", () => {
    const second = { name: "other", user: "bob", key: 1, createdAt: CREATED + 60 };
    const remove = (forecast: Forecast) => forecast.removeSSHKey("team-a", "laptop");
    expect(changeBy(remove, { name: "laptop", key: 1 }, second)).toEqual({
      ...NOTHING,
      gained: ["bob by team-a/other in team-a/sshkeys-bob authorized_keys"],
      lost: ["alice by team-a/laptop in team-a/sshkeys-alice authorized_keys"],
      stands: ["team-a/laptop Projected → undefined", "team-a/other Duplicate → Projected"],
    });
  });

  it("shuts out whose key is disabled", () => {
    const disabled = { name: "laptop", disabled: true, generation: 2, resourceVersion: 2 };
    expect(changeBy(put(disabled), { name: "laptop" })).toEqual({
      ...NOTHING,
      lost: ["alice by team-a/laptop in team-a/sshkeys-alice authorized_keys"],
      stands: ["team-a/laptop Projected → Disabled"],
    });
  });

  it("says whose line has other options", () => {
    const narrowed = { name: "laptop", options: ["restrict"], generation: 2, resourceVersion: 2 };
    expect(changeBy(put(narrowed), { name: "laptop" })).toEqual({
      ...NOTHING,
      altered: ["alice by team-a/laptop in team-a/sshkeys-alice authorized_keys"],
    });
  });
});

describe("a change of AuthorizedKeys", () => {
  const bastion = (namespace: string): StoredAuthorizedKeys => ({
    metadata: { name: "bastion", namespace, uid: "u", resourceVersion: "1", generation: 1 },
    spec: { from: [{ namespace: "people" }] },
  });
  const putBastion = (namespace: string) => (forecast: Forecast) =>
    forecast.putAuthorizedKeys(bastion(namespace));

  it("lets in the people of a namespace that consents", () => {
    expect(changeBy(putBastion("gate"), { name: "laptop", namespace: "people" })).toEqual({
      ...NOTHING,
      gained: ["alice by people/laptop in gate/bastion alice"],
      stands: ["gate/bastion undefined → Projected"],
    });
  });

  it("lets in nobody of one that does not", () => {
    expect(changeBy(putBastion("elsewhere"), { name: "laptop", namespace: "people" }).gained).toEqual([]);
  });

  it("that is deleted shuts them out", () => {
    const change = changeBy((forecast) => {
      forecast.putAuthorizedKeys(bastion("gate"));
      forecast.outcome();
      forecast.removeAuthorizedKeys("gate", "bastion");
    });
    expect(change).toEqual(NOTHING);
  });
});
