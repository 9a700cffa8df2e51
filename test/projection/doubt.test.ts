import { describe, expect, it } from "vitest";
import { AUTHORIZED_KEYS_ANNOTATION } from "../../src/api/names.ts";
import { DEFAULT_POLICY } from "../../src/claims/policy.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import type { AuthorizedKeysVerdict } from "../../src/projection/authorizedkeysverdict.ts";
import { Projection } from "../../src/projection/projection.ts";
import { authorizedKeysRecord } from "../authorizedkeys/scene.ts";
import { liveSecret, NOW } from "./secrets.ts";

const NAMED = { from: [{ namespace: "people" }], layout: "SingleFile" };
const SELECTED = {
  from: [{ namespaceSelector: { matchLabels: { people: "true" } } }],
  layout: "SingleFile",
};

describe("a status says Unknown", () => {
  it.each([
    ["of a namespace that is named", NAMED],
    ["of namespaces that a selector finds", SELECTED],
  ])("%s, once the API server has refused to tell, and nothing before", (_, spec) => {
    const projection = bastion(spec);
    projection.setSynced(undefined);
    expect(verdictIn(projection)).toBeUndefined();
    projection.namespaceAsked(undefined);
    expect(verdictIn(projection)?.state).toBe("Unknown");
    projection.replaceNamespaces([]);
    expect(verdictIn(projection)?.state).toBe("Projected");
  });

  it("of a source whose SSHKeys cannot be listed, and what to do", () => {
    const projection = bastion(NAMED);
    projection.setSynced("bastion");
    projection.replaceNamespaces([{ name: "people", labels: {}, shareKeysWith: "*" }]);
    expect(verdictIn(projection)).toMatchObject({
      state: "Unknown",
      message: expect.stringContaining("The SSHKeys of namespace people cannot be read"),
    });
  });

  it("but not of one that is only behind with its proofs", () => {
    const projection = bastion(NAMED);
    projection.setSynced(undefined);
    projection.replaceNamespaces([{ name: "people", labels: {}, shareKeysWith: "*" }]);
    projection.suspend("people");
    expect(verdictIn(projection)).toBeUndefined();
    projection.resume("people");
    expect(verdictIn(projection)?.state).toBe("Projected");
  });
});

describe("a Secret is not written", () => {
  it("before the API server has answered, if only by a refusal, which Namespaces there are", () => {
    const projection = bastion(NAMED);
    projection.setSynced(undefined);
    projection.setAuthorizedKeysSynced(undefined);
    expect(projection.isTargetSynced("bastion/bastion")).toBe(false);
    projection.takeDirty();
    projection.namespaceAsked(undefined);
    expect(projection.isTargetSynced("bastion/bastion")).toBe(true);
    expect([...projection.takeDirty().targets.keys()]).toEqual(["bastion/bastion"]);
  });

  it("but one with keys of the own namespace waits for no other's answer", () => {
    const projection = bastion({});
    projection.awaitNamespaces(["bastion", "people"]);
    projection.setSynced(undefined);
    projection.setAuthorizedKeysSynced(undefined);
    projection.namespaceAsked(undefined);
    projection.namespaceAsked("bastion");
    expect(projection.isTargetSynced("bastion/bastion")).toBe(true);
  });
});

describe("an operator that serves some namespaces only", () => {
  it("finds by labels once it knows all of these", () => {
    const projection = bastion(SELECTED);
    projection.setSynced(undefined);
    projection.namespaces.limitTo(["bastion", "people"]);
    projection.namespaceAsked(undefined);
    projection.putNamespace({ name: "bastion", labels: {}, shareKeysWith: undefined });
    expect(verdictIn(projection)?.state).toBe("Unknown");
    projection.putNamespace({ name: "people", labels: { people: "true" }, shareKeysWith: "*" });
    expect(verdictIn(projection)?.state).toBe("Projected");
  });

  it("asks for no right on another one", () => {
    const projection = bastion(NAMED);
    projection.setSynced("bastion");
    projection.namespaces.limitTo(["bastion"]);
    projection.namespaceAsked(undefined);
    expect(verdictIn(projection)).toMatchObject({
      state: "Unknown",
      message: expect.stringMatching(/^The operator serves no namespace people, .* --namespace/),
    });
  });
});

/** An AuthorizedKeys whose Secret holds nothing, as it should. */
function bastion(spec: object): Projection {
  const projection = new Projection(DEFAULT_POLICY, DEFAULT_SETTINGS.secrets);
  projection.awaitNamespaces([undefined]);
  projection.authorizedKeys.put(authorizedKeysRecord(spec));
  const forWhom = { [AUTHORIZED_KEYS_ANNOTATION]: "bastion" };
  projection.putSecret(liveSecret("", { namespace: "bastion", name: "bastion", forWhom }));
  return projection;
}

function verdictIn(projection: Projection): AuthorizedKeysVerdict | undefined {
  const target = projection.target("bastion/bastion");
  if (target !== undefined) projection.plan(target, NOW);
  return projection.authorizedKeys.lastVerdict("bastion", "bastion");
}
