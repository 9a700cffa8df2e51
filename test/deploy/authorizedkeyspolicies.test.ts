import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isLogin } from "../../src/api/logins.ts";
import { API_VERSION, AUTHORIZED_KEYS_PLURAL } from "../../src/api/names.ts";
import { secretPath, secretsPath } from "../../src/api/paths.ts";
import type { Answer, Method } from "../cluster/adminclient.ts";
import { eventually } from "../cluster/eventually.ts";
import { type ImpersonatedOptions, requestAs } from "./impersonated.ts";
import { type Installation, NAMESPACE, SERVICE_ACCOUNT, startInstallation } from "./installation.ts";
import { authorizedKeys, base64, fieldManagers, managed, managedFor, secret, TEAM } from "./objects.ts";

const OPERATOR = `system:serviceaccount:${NAMESPACE}:${SERVICE_ACCOUNT}`;
const PEOPLE = "people";
const PIPELINE = "system:serviceaccount:gitops:flux";
const INSIDER = `system:serviceaccount:${PEOPLE}:flux`;
const OWNER = [{ apiVersion: "v1", kind: "Secret", name: "x", uid: "x" }];

let installation: Installation;

beforeAll(async () => {
  installation = await startInstallation({ controllerManager: true });
  const { kubectl } = installation;
  await kubectl(["apply", "-k", "deploy"]);
  await kubectl(["wait", "--for=condition=Established", "crd/authorizedkeys.sshkey-operator.dev"]);
  for (const namespace of [TEAM, PEOPLE]) await kubectl(["create", "namespace", namespace]);
  await kubectl(["label", "namespace", PEOPLE, "sshkey-operator.dev/self-service=true"]);
  await kubectl([
    "create",
    "clusterrole",
    "assigner",
    "--verb=assign",
    "--resource=sshkeys.sshkey-operator.dev",
  ]);
  const bind = (namespace: string, role: string, user: string) =>
    kubectl([
      ...["create", "rolebinding", `${role}-${user.replaceAll(":", "-")}`, "-n", namespace],
      ...[`--clusterrole=${role}`, `--user=${user}`],
    ]);
  for (const namespace of [TEAM, PEOPLE]) {
    await bind(namespace, "edit", "editor");
    await bind(namespace, "admin", "owner");
  }
  for (const user of ["assigner", PIPELINE, INSIDER]) {
    await bind(PEOPLE, "admin", user);
    await bind(PEOPLE, "assigner", user);
  }
  await eventually("roles and policies are in force", async () => {
    const probe = authorizedKeys("probe");
    const [allowed, ...refused] = [
      await as("assigner", "POST", path(PEOPLE), probe, { dryRun: true }),
      await as("owner", "POST", path(PEOPLE), probe, { dryRun: true }),
      await as(OPERATOR, "POST", secretsPath(TEAM), secret("probe", {}), { dryRun: true }),
    ];
    return allowed.status === 201 && refused.every(({ status }) => status === 403);
  });
});

afterAll(async () => {
  await installation?.stop();
});

describe("own-secrets: the operator's account", () => {
  const make = (object: object) => as(OPERATOR, "POST", secretsPath(TEAM), object, { dryRun: true });

  test("creates, changes and deletes a Secret with a file for each login", async () => {
    const at = secretPath(TEAM, "bastion");
    const changed = { data: { alice: null, robert: base64("x\n") } };
    expect([
      (await as(OPERATOR, "POST", secretsPath(TEAM), managedFor("bastion", ["alice", "bob"]))).status,
      (await as(OPERATOR, "PATCH", at, changed)).status,
      (await as(OPERATOR, "DELETE", at)).status,
    ]).toEqual([201, 200, 200]);
  });

  test("writes one file for everybody under any name", async () => {
    expect((await make(managedFor("bastion", ["authorized_keys"]))).status).toBe(201);
  });

  test("writes no file of a login into the Secret of a single user", async () => {
    const { status, body } = await make(managedFor("sshkeys-bastion", ["authorized_keys", "alice"]));
    expect([status, JSON.stringify(body)]).toEqual([
      403,
      expect.stringContaining("data keys that are logins; not where its name begins with sshkeys-."),
    ]);
  });

  test("writes none into a Secret that does not say for which AuthorizedKeys it is", async () => {
    const { status } = await make(managed("bastion", { data: { alice: "" } }));
    expect(status).toBe(403);
  });

  test("writes exactly the files that are named after logins", async () => {
    const character = fc.constantFrom(..."az_09.-AZ");
    const dataKey = fc.oneof(
      fc.array(character, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("")),
      fc.integer({ min: 28, max: 36 }).map((length) => "x".repeat(length)),
    );
    // The API server's own rule: such a name could leave the folder of a volume.
    const isNoPath = (key: string) => key !== "." && !key.startsWith("..");
    await fc.assert(
      fc.asyncProperty(dataKey.filter(isNoPath), async (key) => {
        expect((await make(managedFor("bastion", [key]))).status).toBe(isLogin(key) ? 201 : 403);
      }),
      { numRuns: 200 },
    );
  });

  test("writes as many files as fit into a Secret, of the longest names", async () => {
    const logins = Array.from({ length: 10_000 }, (_, i) => `u${i}`.padEnd(32, "x"));
    expect((await make(managedFor("bastion", logins))).status).toBe(201);
  });

  test.each([
    [
      "an annotation by which another controller copies it",
      { annotations: { "example.dev/replicate-to": "*" } },
    ],
    ["a label", { labels: { app: "bastion" } }],
  ])("cannot give one %s", async (_, added) => {
    const { metadata, ...rest } = managedFor("bastion", []);
    const { annotations, labels } = { ...metadata, ...added };
    const all = {
      annotations: { ...metadata.annotations, ...annotations },
      labels: { ...metadata.labels, ...labels },
    };
    expect((await make({ ...rest, metadata: { ...metadata, ...all } })).status).toBe(403);
  });

  test("leaves what others put on one, and cannot change it", async () => {
    const object = managedFor("marked", ["alice"]);
    const annotations = { ...object.metadata.annotations, "example.dev/kept": "x" };
    const labels = { ...object.metadata.labels, "example.dev/kept": "x" };
    await admin("POST", secretsPath(TEAM), {
      ...object,
      metadata: { ...object.metadata, annotations, labels },
    });
    const change = (body: object) => as(OPERATOR, "PATCH", secretPath(TEAM, "marked"), body);
    expect([
      (await change({ data: { alice: base64("x\n") } })).status,
      (await change({ metadata: { annotations: { "example.dev/kept": "y" } } })).status,
      (await change({ metadata: { labels: { "example.dev/kept": "y" } } })).status,
    ]).toEqual([200, 403, 403]);
  });
});

describe("who may edit a namespace", () => {
  // With it they could give themselves another's login, or take a name before that other's first SSHKey.
  test.each([TEAM, PEOPLE])("cannot write AuthorizedKeys in %s", async (namespace) => {
    const map = [{ namespace, user: "editor", login: "root" }];
    const object = authorizedKeys("mine", { secretName: "sshkeys-victim", logins: { map } });
    expect((await as("editor", "POST", path(namespace), object)).status).toBe(403);
  });

  test("reads them", async () => {
    expect((await as("editor", "GET", path(TEAM))).status).toBe(200);
  });
});

describe("self-service-authorizedkeys", () => {
  test("leaves the admin of a namespace without the label alone", async () => {
    expect((await as("owner", "POST", path(TEAM), authorizedKeys("theirs"))).status).toBe(201);
  });

  test("lets an account with assign create, change and delete them", async () => {
    expect([
      (await as("assigner", "POST", path(PEOPLE), authorizedKeys("short"))).status,
      (await as("assigner", "PATCH", path(PEOPLE, "short"), { spec: { options: ["restrict"] } })).status,
      (await as("assigner", "DELETE", path(PEOPLE, "short"))).status,
    ]).toEqual([201, 200, 200]);
  });

  test.each([
    ["the admin of the namespace without assign", "owner", 403],
    ["a service account of another namespace with assign", PIPELINE, 201],
    ["a service account of this namespace, assign or not", INSIDER, 403],
  ])("%s creates one as %s: %i", async (_, who, status) => {
    const name = `by-${who.replaceAll(":", "-")}`;
    expect((await as(who, "POST", path(PEOPLE), authorizedKeys(name))).status).toBe(status);
  });

  test("tells whom to ask", async () => {
    const { body } = await as("owner", "POST", path(PEOPLE), authorizedKeys("refused"));
    expect((body as { message: string }).message).toContain(
      "you are owner; AuthorizedKeys say who logs in as whom, so in the self-service namespace people they are for accounts with the verb assign on sshkeys",
    );
  });

  describe("protects, from the admin of the namespace, another's", () => {
    beforeAll(async () => {
      await admin("POST", path(PEOPLE), authorizedKeys("bastion"));
    });

    test.each<[string, Method, object?]>([
      ["users", "PATCH", { spec: { from: [{ users: ["owner"] }] } }],
      ["labels", "PATCH", { metadata: { labels: { a: "b" } } }],
      ["annotations", "PATCH", { metadata: { annotations: { a: "b" } } }],
      ["finalizers", "PATCH", { metadata: { finalizers: ["example.dev/x"] } }],
      ["owner", "PATCH", { metadata: { ownerReferences: OWNER } }],
      ["existence", "DELETE"],
    ])("%s", async (_, method, body) => {
      expect((await as("owner", method, path(PEOPLE, "bastion"), body)).status).toBe(403);
    });

    test("existence together with that of all", async () => {
      expect((await as("owner", "DELETE", path(PEOPLE))).status).toBe(403);
    });

    test("managed fields", async () => {
      const object = (await admin("GET", path(PEOPLE, "bastion"))).body as { readonly metadata: object };
      const body = { ...object, metadata: { ...object.metadata, managedFields: fieldManagers(200) } };
      expect((await as("owner", "PUT", path(PEOPLE, "bastion"), body)).status).toBe(403);
    });

    test("and lets an update pass that changes nothing", async () => {
      const { body } = await admin("GET", path(PEOPLE, "bastion"));
      expect((await as("owner", "PUT", path(PEOPLE, "bastion"), body as object)).status).toBe(200);
    });
  });

  test("does not stand in the way of the garbage collector", async () => {
    const { body } = await admin("POST", `/api/v1/namespaces/${PEOPLE}/configmaps`, {
      metadata: { name: "owner" },
    });
    const { uid } = (body as { metadata: { uid: string } }).metadata;
    const ownerReferences = [
      { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid, blockOwnerDeletion: true },
    ];
    const owned = authorizedKeys("owned");
    await admin("POST", path(PEOPLE), { ...owned, metadata: { ...owned.metadata, ownerReferences } });
    await installation.kubectl(["delete", "configmap", "owner", "-n", PEOPLE, "--cascade=foreground"]);
    await eventually(
      "it is collected",
      async () => (await admin("GET", path(PEOPLE, "owned"))).status === 404,
    );
  });

  test("does not stand in the way of the deletion of the namespace", async () => {
    await admin("POST", path(PEOPLE), authorizedKeys("left"));
    await installation.kubectl(["delete", "namespace", PEOPLE, "--wait=false"]);
    await eventually(
      "it is gone",
      async () => (await admin("GET", `/api/v1/namespaces/${PEOPLE}`)).status === 404,
    );
  });
});

function path(namespace: string, name?: string): string {
  const all = `/apis/${API_VERSION}/namespaces/${namespace}/${AUTHORIZED_KEYS_PLURAL}`;
  return name === undefined ? all : `${all}/${name}`;
}

function as(
  user: string,
  method: Method,
  at: string,
  body?: object,
  o?: ImpersonatedOptions,
): Promise<Answer> {
  return requestAs(installation, user, method, at, body, o);
}

/** As a member of system:masters. */
function admin(method: Method, at: string, body?: object): Promise<Answer> {
  return installation.request(method, at, body);
}
