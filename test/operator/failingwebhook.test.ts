import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { secretsPath } from "../../src/api/paths.ts";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey, freshRSAKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, readyOf, type Tenant } from "./tenant.ts";

const WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(async () => {
  await stage.close();
});

describe("while an admission webhook fails for all writes of a Secret", () => {
  let bobs: Tenant;
  let alices: Tenant;
  let key: string;

  beforeAll(async () => {
    [bobs, alices, key] = [await stage.tenant(), await stage.tenant(), freshKey()];
    await bobs.create("bobs", { user: "bob", key });
    await bobs.until("bobs", "Projected");
    await breakWebhook(bobs);
    await bobs.edit("bobs", { disabled: true });
    await bobs.create("carols", { user: "carol", key: freshKey() });
  });

  test("a key that cannot go is Pending, and neither Stalled nor said to be out", async () => {
    const status = await bobs.until("bobs", "Pending");
    expect(readyOf(status)?.message).toMatch(
      /must be removed from Secret sshkeys-bob and is still in it.*failed/,
    );
    expect(byType(status, "Projected")).toBe("True");
    expect(byType(status, "Stalled")).toBe(undefined);
  });

  test("a key that cannot come in is Pending, and neither Stalled nor said to be in", async () => {
    const status = await bobs.until("carols", "Pending");
    expect(readyOf(status)?.message).toMatch(
      /not in Secret sshkeys-carol yet.*look for a failing admission webhook/,
    );
    expect(byType(status, "Projected")).toBe("False");
    expect(byType(status, "Stalled")).toBe(undefined);
  });

  test("the key comes in for another user of another namespace", async () => {
    await alices.create("alices", { user: "alice", key });
    await alices.until("alices", "Projected");
  });

  test("all of it is carried out when the webhook is gone, without anybody touching an SSHKey", async () => {
    await bobs.send("DELETE", `${WEBHOOKS}/${bobs.namespace}`);
    await bobs.until("bobs", "Disabled");
    await bobs.untilFile("sshkeys-bob", []);
    await bobs.until("carols", "Projected");
  });
});

describe("when one key is revoked and an admission webhook fails because of another one", () => {
  let tenant: Tenant;
  let kept: string;

  beforeAll(async () => {
    tenant = await stage.tenant();
    kept = freshKey();
    await tenant.create("kept", { user: "alice", key: kept, options: ["no-pty"] });
    await tenant.create("revoked", { user: "alice", key: freshKey() });
    await tenant.until("kept", "Projected");
    await tenant.until("revoked", "Projected");
    await breakWebhook(tenant, "size(object.data['authorized_keys']) > 800");
    await tenant.create("new", { user: "alice", key: freshRSAKey(4096) });
    await tenant.edit("kept", { options: ["no-pty", "no-agent-forwarding"] });
    await tenant.edit("revoked", { disabled: true });
  });

  test("the revoked key goes out of the Secret", async () => {
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept, "no-pty")]);
  });

  test("its status says so", async () => {
    await tenant.until("revoked", "Disabled");
  });

  test("all else comes when the webhook is gone", async () => {
    await tenant.send("DELETE", `${WEBHOOKS}/${tenant.namespace}`);
    await tenant.until("new", "Projected");
    await tenant.until("kept", "Projected");
  });
});

function byType({ conditions = [] }: SSHKeyStatus, type: string): string | undefined {
  return conditions.find((condition) => condition.type === type)?.status;
}

/** From now on the API server answers writes of a Secret in the namespace with 500: all, or those that match. */
async function breakWebhook(tenant: Tenant, match?: string): Promise<void> {
  const { cluster, namespace } = tenant;
  const rule = {
    apiGroups: [""],
    apiVersions: ["v1"],
    operations: ["CREATE", "UPDATE"],
    resources: ["secrets"],
  };
  const webhook = {
    name: "webhook.example.com",
    clientConfig: { url: "https://127.0.0.1:1/" },
    rules: [rule],
    ...(match === undefined ? {} : { matchConditions: [{ name: "match", expression: match }] }),
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
    failurePolicy: "Fail",
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
  };
  await tenant.send("POST", WEBHOOKS, { metadata: { name: namespace }, webhooks: [webhook] });
  const isInForce = async () => {
    const probe = { metadata: { name: "probe" }, stringData: { authorized_keys: "x".repeat(1000) } };
    return (await cluster.request("POST", `${secretsPath(namespace)}?dryRun=All`, probe)).status >= 500;
  };
  await eventually("the webhook is called", isInForce, DEADLINE_MS);
}
