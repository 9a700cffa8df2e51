import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { AUTHORIZED_KEYS_STATES, type AuthorizedKeysState } from "../../src/api/omissions.ts";
import { STATES, type State } from "../../src/api/states.ts";
import { DEFAULT_POLICY } from "../../src/claims/policy.ts";
import { authorizedKeysStatusWrite } from "../../src/projection/authorizedkeysstatus.ts";
import { withoutSecret } from "../../src/projection/authorizedkeysverdict.ts";
import { statusWrite } from "../../src/projection/status.ts";
import { authorizedKeysRecord } from "../authorizedkeys/scene.ts";
import { sshKey } from "../claims/sshkeys.ts";
import { claimOf, NOW } from "../projection/secrets.ts";
import { runLua } from "./lua.ts";

const { data } = parse(readFileSync("examples/gitops/argocd/health.yaml", "utf8"));
const SCRIPT: string = data["resource.customizations.health.sshkey-operator.dev_SSHKey"];
const OF_AUTHORIZED_KEYS: string = data["resource.customizations.health.sshkey-operator.dev_AuthorizedKeys"];
const FACTS = { name: "laptop", generation: 3 };

/** The health that Argo CD gives an SSHKey with this status. */
function health(status: object | undefined) {
  return runLua(SCRIPT, { ...sshKey(FACTS), ...(status === undefined ? {} : { status }) }, [
    "status",
    "message",
  ]);
}

/** The status that the operator writes for the STATE. */
function statusOf(state: State, claim = claimOf(FACTS)) {
  const verdict = {
    state,
    message: 'It is "so".',
    projected: state === "Projected" ? "True" : "False",
    secretName: "sshkeys-alice",
    duplicateOf: undefined,
    isShared: false,
    isProvenByAnother: false,
  } as const;
  return statusWrite(claim, verdict, DEFAULT_POLICY, NOW)?.status;
}

describe("Argo CD with the shipped health check", () => {
  it.each(Object.entries(STATES))(
    "shows %s as the table of states has it, with its message",
    (state, meaning) => {
      const expected = meaning.stalled ? "Degraded" : meaning.ready === "True" ? "Healthy" : "Progressing";
      expect(health(statusOf(state as State))).toEqual({
        status: expected,
        message: `${state}: It is "so".`,
      });
    },
  );

  it("shows a key with advice as one without", () => {
    const advised = claimOf(FACTS, { advice: ["UnusualExponent"] });
    expect(health(statusOf("Projected", advised))).toEqual(health(statusOf("Projected")));
  });

  it.each(Object.entries(AUTHORIZED_KEYS_STATES))(
    "shows %s of an AuthorizedKeys as the table of states has it",
    (state, meaning) => {
      const record = authorizedKeysRecord({});
      const verdict = withoutSecret(state as AuthorizedKeysState, "It is so.");
      const status = authorizedKeysStatusWrite(record, verdict, NOW)?.status;
      const object = { metadata: { generation: record.generation }, status };
      const expected = meaning.stalled ? "Degraded" : meaning.ready === "True" ? "Healthy" : "Progressing";
      expect(runLua(OF_AUTHORIZED_KEYS, object, ["status", "message"]).status).toBe(expected);
    },
  );

  it.each([
    ["has no status", undefined],
    ["has the status that every SSHKey begins with", { observedGeneration: -1 }],
    ["was changed since its status was written", { ...statusOf("Projected"), observedGeneration: 2 }],
    [
      "has conditions of others only",
      { observedGeneration: 3, conditions: [{ type: "Audited", status: "True" }] },
    ],
  ])("shows an SSHKey as Progressing that %s", (_, status) => {
    expect(health(status).status).toBe("Progressing");
  });
});
