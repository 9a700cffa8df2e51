import { describe, expect, it } from "vitest";
import { sshKeyStatusPath } from "../../../src/api/paths.ts";
import type { SSHKeyStatus } from "../../../src/api/sshkey.generated.ts";
import { StatusWriter } from "../../../src/operator/statuswriter.ts";
import { strayFields } from "../../../src/projection/status.ts";
import { sshKeyRecord } from "../../claims/sshkeys.ts";
import { type Answerer, refusal, scripted } from "./fakes.ts";

const RECORD = sshKeyRecord({ name: "laptop", resourceVersion: 7 });

function condition(type: string) {
  return {
    type,
    status: "True" as const,
    reason: "Any",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
}

/** What is due. */
const STATUS: SSHKeyStatus = { observedGeneration: 1, type: "ssh-ed25519", conditions: [condition("Ready")] };

/** Writes that status to a server that answers so. */
async function written(answer: Answerer) {
  const { calls, request } = scripted(answer);
  const result = await new StatusWriter({ request }).write(
    { ...RECORD, kind: "SSHKey", path: sshKeyStatusPath("team-a", "laptop") },
    STATUS,
    new AbortController().signal,
    strayFields,
  );
  return { result, calls };
}

function metadata(resourceVersion: string) {
  return { metadata: { name: "laptop", namespace: "team-a", uid: RECORD.uid, resourceVersion } };
}

/** The apply changes nothing, and the object has this status; the patch that follows makes version 9. */
function storing(status: object): Answerer {
  return ({ contentType, accept }) => {
    if (contentType === "application/json-patch+json") return metadata("9");
    return accept === "application/json" ? { ...metadata("7"), status } : metadata("7");
  };
}

describe("the write of a status", () => {
  it("is a forced server-side apply of the status of the very version it was computed from", async () => {
    const { calls } = await written(() => metadata("8"));
    expect(calls[0]).toMatchObject({
      method: "PATCH",
      path: "/apis/sshkey-operator.dev/v1alpha1/namespaces/team-a/sshkeys/laptop/status",
      contentType: "application/apply-patch+yaml",
      query: { fieldManager: "sshkey-operator", fieldValidation: "Ignore", force: "true" },
      body: { metadata: { name: "laptop", namespace: "team-a", resourceVersion: "7" }, status: STATUS },
    });
  });

  it("names nothing but the status", async () => {
    const { calls } = await written(() => metadata("8"));
    expect(Object.keys((calls[0]?.body ?? {}) as object).sort()).toEqual([
      "apiVersion",
      "kind",
      "metadata",
      "status",
    ]);
  });

  it("gives the version that holds the status", async () => {
    expect((await written(() => metadata("8"))).result).toBe("8");
  });

  it("is one request when it changes something", async () => {
    expect((await written(() => metadata("8"))).calls).toHaveLength(1);
  });

  it("asks for no more than metadata", async () => {
    const { calls } = await written(() => metadata("8"));
    expect(calls[0]?.accept).toContain("as=PartialObjectMetadata;");
  });

  it.each([
    [409, "Conflict", "stale"],
    [404, "NotFound", "gone"],
  ])("answered with %i %s is %s", async (status, reason, result) => {
    expect((await written(() => refusal(status, reason))).result).toBe(result);
  });

  it.each([
    [403, "Forbidden"],
    [422, "Invalid"],
    [500, "InternalError"],
  ])("answered with %i rejects with that error", async (status, code) => {
    await expect(written(() => refusal(status, code))).rejects.toMatchObject({ name: "ApiError", code });
  });
});

describe("a write that changes nothing", () => {
  const strays = {
    ...STATUS,
    secretName: "sshkeys-alice",
    lastUsed: "2026-01-01T00:00:00Z",
    conditions: [condition("Stalled"), condition("example.com/Approved"), condition("Ready")],
  };

  it("looks at the whole object", async () => {
    expect((await written(storing(STATUS))).calls[1]).toMatchObject({ accept: "application/json" });
  });

  it("is all there is to do when the object holds nothing else", async () => {
    const { result, calls } = await written(storing(STATUS));
    expect([result, calls.length]).toEqual(["7", 2]);
  });

  it("takes out exactly what is too much under the operator's own names", async () => {
    const { calls } = await written(storing(strays));
    expect(calls[2]?.body).toEqual([
      { op: "replace", path: "/metadata/resourceVersion", value: "7" },
      { op: "remove", path: "/status/secretName" },
      { op: "test", path: "/status/conditions/0/type", value: "Stalled" },
      { op: "remove", path: "/status/conditions/0" },
    ]);
  });

  it("takes out what it said of a proof that is there no more", async () => {
    const stored = {
      ...STATUS,
      proof: { touched: true, userVerified: true },
      conditions: [condition("Ready"), condition("Proven")],
    };
    const { calls } = await written(storing(stored));
    expect(calls[2]?.body).toEqual([
      { op: "replace", path: "/metadata/resourceVersion", value: "7" },
      { op: "remove", path: "/status/proof" },
      { op: "test", path: "/status/conditions/1/type", value: "Proven" },
      { op: "remove", path: "/status/conditions/1" },
    ]);
  });

  it("leaves what others put beside it: no other request is made", async () => {
    const foreign = { ...STATUS, lastUsed: "x", conditions: [condition("Ready"), condition("Foreign")] };
    expect((await written(storing(foreign))).calls).toHaveLength(2);
  });

  it("gives the version after that", async () => {
    expect((await written(storing(strays))).result).toBe("9");
  });

  it("is stale when somebody else writes in between", async () => {
    const answer = storing(strays);
    const { result } = await written((call, turn) =>
      turn === 3 ? refusal(409, "Conflict") : answer(call, turn),
    );
    expect(result).toBe("stale");
  });

  it("takes out nothing by force", async () => {
    const { calls } = await written(storing(strays));
    expect(calls[2]?.query).toEqual({ fieldManager: "sshkey-operator", fieldValidation: "Ignore" });
  });
});
