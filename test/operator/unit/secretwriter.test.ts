import { describe, expect, it } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATION } from "../../../src/api/names.ts";
import { SecretWriter } from "../../../src/operator/secretwriter.ts";
import type { SecretRequest } from "../../../src/projection/reconcile.ts";
import { buildCreate, buildDelete, buildUpdate } from "../../../src/projection/secret.ts";
import { desiredSecret, line, liveSecret, NOW } from "../../projection/secrets.ts";
import { type Answerer, failure, refusal, scripted, until } from "./fakes.ts";

const FILE = line("laptop");
const LIVE = liveSecret(line("work", 2));
const NAMED = { namespace: "team-a", name: "sshkeys-alice" };
const CREATE = buildCreate(desiredSecret(FILE), "default", NOW);
const UPDATE = buildUpdate(desiredSecret(FILE), LIVE, NOW);
const DELETE = buildDelete(LIVE);
const READ: SecretRequest = { kind: "listManaged", ...NAMED };
const LOOK: SecretRequest = { kind: "listMetadata", ...NAMED };

/** Alice's Secret as the API server stores it. */
const STORED = {
  metadata: {
    ...NAMED,
    uid: "u1",
    resourceVersion: "8",
    labels: { [MANAGED_LABEL]: "default" },
    annotations: { [SECRET_ANNOTATION]: "team-a/sshkeys-alice" },
  },
  data: { authorized_keys: Buffer.from(FILE).toString("base64") },
};

/** What becomes of one request when the API server answers so. */
async function sent(request: SecretRequest, answer: Answerer) {
  const server = scripted(answer);
  const writer = new SecretWriter(server, "default");
  const given = await writer.send(request, new AbortController().signal);
  return { ...given, call: server.calls[0], count: server.calls.length };
}

async function answerTo(request: SecretRequest, answer: unknown) {
  return (await sent(request, () => answer)).answer;
}

const TOLD_AS = {
  "201 or 200": STORED,
  401: refusal(401, "Unauthorized"),
  403: refusal(403, "Forbidden"),
  "403 of a namespace that is going away": refusal(403, "Forbidden", "NamespaceTerminating"),
  404: refusal(404, "NotFound"),
  "409 that it is there": refusal(409, "AlreadyExists"),
  "409 that it has changed": refusal(409, "Conflict"),
  410: refusal(410, "Expired"),
  413: refusal(413, "RequestEntityTooLarge"),
  422: refusal(422, "Invalid"),
  429: refusal(429, "TooManyRequests"),
  500: refusal(500, "InternalError"),
  503: refusal(503),
  504: refusal(504, "Timeout"),
  "no answer in time": failure("Timeout"),
  "a broken connection": failure("Disconnected"),
  "being told to stop": failure("Aborted"),
  "no connection": failure("Unreachable"),
  "no credentials": failure("CredentialsFailed"),
} as const;

type Told = `${keyof typeof TOLD_AS}`;

const WRITTEN = { kind: "written", object: { metadata: { resourceVersion: "8" } } };
const REJECTED = { kind: "refused", reason: "rejected" };
const SERVER_ERROR = { kind: "refused", reason: "server-error" };

describe.each([
  ["a creation", CREATE],
  ["an update", UPDATE],
])("the answer to %s", (_, request) => {
  it.each<[Told, object]>([
    ["201 or 200", WRITTEN],
    ["401", { kind: "void" }],
    ["403", REJECTED],
    ["403 of a namespace that is going away", { kind: "namespace-gone" }],
    ["409 that it has changed", { kind: "void" }],
    ["410", { kind: "void" }],
    ["413", REJECTED],
    ["422", REJECTED],
    ["429", { kind: "void" }],
    ["500", SERVER_ERROR],
    ["503", SERVER_ERROR],
    ["504", SERVER_ERROR],
    ["no answer in time", { kind: "lost" }],
    ["a broken connection", { kind: "lost" }],
    ["being told to stop", { kind: "lost" }],
    ["no connection", { kind: "void" }],
    ["no credentials", { kind: "void" }],
  ])("%s", async (told, expected) => {
    expect(await answerTo(request, TOLD_AS[told])).toMatchObject(expected);
  });
});

describe("what a creation and an update do not have in common", () => {
  it.each<[string, Told, SecretRequest, object]>([
    ["creation", "404", CREATE, { kind: "namespace-gone" }],
    ["creation", "409 that it is there", CREATE, { kind: "exists" }],
    ["update", "404", UPDATE, { kind: "missing" }],
  ])("%s, %s", async (_, told, request, expected) => {
    expect(await answerTo(request, TOLD_AS[told])).toMatchObject(expected);
  });
});

describe("the answer to a deletion", () => {
  it.each<[Told, object]>([
    ["201 or 200", { kind: "deleted" }],
    ["404", { kind: "missing" }],
    ["409 that it has changed", { kind: "void" }],
    ["403", REJECTED],
    ["500", SERVER_ERROR],
    ["no answer in time", { kind: "lost" }],
    ["no connection", { kind: "void" }],
  ])("%s", async (told, expected) => {
    expect(await answerTo(DELETE, TOLD_AS[told])).toMatchObject(expected);
  });
});

describe.each([
  ["a reading", READ],
  ["a look", LOOK],
])("the answer to %s", (_, request) => {
  it.each<[Told, object]>([
    ["401", { kind: "void" }],
    ["403", { kind: "void" }],
    ["403 of a namespace that is going away", { kind: "void" }],
    ["404", { kind: "void" }],
    ["429", { kind: "void" }],
    ["500", { kind: "void" }],
    ["no answer in time", { kind: "lost" }],
    ["no connection", { kind: "void" }],
  ])("%s is never taken for a refused write", async (told, expected) => {
    expect(await answerTo(request, TOLD_AS[told])).toEqual(expected);
  });

  it.each([
    ["none", []],
    ["none, as kube-apiserver 1.36 says it", null],
  ])("%s of this name, as of the version of the list", async (__, items) => {
    const list = { metadata: { resourceVersion: "42" }, items };
    expect(await answerTo(request, list)).toEqual({
      kind: "found",
      object: undefined,
      resourceVersion: "42",
    });
  });

  it("the Secret of this name", async () => {
    const list = { metadata: { resourceVersion: "42" }, items: [STORED] };
    expect(await answerTo(request, list)).toMatchObject({
      kind: "found",
      object: { metadata: { uid: "u1", resourceVersion: "8" } },
    });
  });
});

describe("an error", () => {
  it("is handed on beside the answer", async () => {
    const error = refusal(503);
    expect((await sent(UPDATE, () => error)).error).toBe(error);
  });

  it("that is a defect is thrown", async () => {
    await expect(sent(UPDATE, () => new TypeError("a defect"))).rejects.toThrow("a defect");
  });

  it.each([
    ["tells to look for a webhook when the server fails", 500, "webhook"],
    ["tells to look for a policy or a quota when the server refuses", 422, "admission policies"],
  ])("%s", async (_, status, word) => {
    expect(await answerTo(UPDATE, refusal(status))).toMatchObject({
      message: expect.stringContaining(word),
    });
  });
});

describe("what is asked", () => {
  const list = { metadata: { resourceVersion: "42" }, items: [] };

  it("is a creation that can overwrite nothing", async () => {
    const { call } = await sent(CREATE, () => STORED);
    expect([call?.method, call?.path]).toEqual(["POST", "/api/v1/namespaces/team-a/secrets"]);
  });

  it("is an update that fails when the Secret is another one by now", async () => {
    const { call } = await sent(UPDATE, () => STORED);
    expect(call).toMatchObject({
      method: "PATCH",
      contentType: "application/strategic-merge-patch+json",
      body: { metadata: { resourceVersion: LIVE.resourceVersion } },
    });
  });

  it("is a deletion of the very Secret that was seen", async () => {
    const { call } = await sent(DELETE, () => ({}));
    expect(call?.body).toMatchObject({
      preconditions: { uid: LIVE.uid, resourceVersion: LIVE.resourceVersion },
    });
  });

  it("is for metadata only when the Secret may be anybody's", async () => {
    const { call } = await sent(LOOK, () => list);
    expect(call?.accept).toBe(
      "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
    );
  });

  it("is for any Secret of this name in a look, whatever its labels", async () => {
    const { call } = await sent(LOOK, () => list);
    expect(call?.query).toEqual({ fieldSelector: "metadata.name=sshkeys-alice" });
  });

  it("is for a Secret with the installation's label where its data is asked for", async () => {
    const { call } = await sent(READ, () => list);
    expect([call?.query, call?.accept]).toEqual([
      { fieldSelector: "metadata.name=sshkeys-alice", labelSelector: `${MANAGED_LABEL}=default` },
      undefined,
    ]);
  });

  it.each([CREATE, UPDATE, DELETE, READ, LOOK])("is never asked twice: $kind", async (request) => {
    expect((await sent(request, () => refusal(503))).count).toBe(1);
  });
});

describe("the count of requests in flight", () => {
  it("is one while there is no answer, and none afterwards", async () => {
    const answer = Promise.withResolvers<unknown>();
    const server = scripted(() => answer.promise);
    const writer = new SecretWriter(server, "default");
    const sending = writer.send(UPDATE, new AbortController().signal);
    await until("it is sent", () => server.calls.length > 0);
    const during = writer.inFlight;
    answer.resolve(refusal(500));
    await sending;
    expect([during, writer.inFlight]).toEqual([1, 0]);
  });
});
