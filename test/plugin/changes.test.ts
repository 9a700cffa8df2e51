import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authorizedKeysPath, podsPath } from "../../src/api/paths.ts";
import { eventually } from "../cluster/eventually.ts";
import { authorizedKeys } from "../deploy/objects.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Playground, type Team } from "./playground.ts";
import { plugin } from "./plugin.ts";
import { Terminal } from "./terminal.ts";

let playground: Playground;
let team: Team;

beforeAll(async () => {
  playground = await Playground.open();
  team = await playground.team();
});

afterAll(async () => {
  await playground?.close();
});

async function editor(...args: readonly string[]) {
  return await team.as("editor", args);
}

/** SSHKeys of these names, each of the user of its name, whose keys are in their Secrets. */
async function given(...names: readonly string[]): Promise<void> {
  for (const name of names) await team.create(name, { user: name, key: freshKey() });
  for (const name of names) await team.until(name, "Projected");
}

async function namesOf(user: string): Promise<readonly string[]> {
  return (await team.list()).filter(({ spec }) => spec.user === user).map(({ metadata }) => metadata.name);
}

/** Waits until the operator has put the key of this SSHKey into this Secret. */
async function untilItHolds(secret: string, name: string): Promise<void> {
  await eventually(`${secret} holds ${name}`, async () => {
    const files = Object.values((await team.secret(secret))?.data ?? {});
    return files.some((file) => file.includes(` ${team.namespace}/${name}\n`));
  });
}

async function pod(name: string, secretName: string, mount: object): Promise<void> {
  const volumes = [{ name: "v", secret: { secretName } }];
  const containers = [{ name: "sshd", image: "sshd", volumeMounts: [{ name: "v", ...mount }] }];
  await team.send("POST", podsPath(team.namespace), {
    metadata: { name },
    spec: { automountServiceAccountToken: false, volumes, containers },
  });
}

const FLUX = { "kustomize.toolkit.fluxcd.io/name": "people" };

describe("disable", () => {
  test("takes the key out of its Secret before it ends", async () => {
    await given("ada");
    const { code, stdout, stderr } = await editor("disable", "ada");
    expect([code, stdout]).toEqual([0, "sshkey.sshkey-operator.dev/ada disabled\n"]);
    expect(stderr).toMatch(/^ada is Disabled: /m);
    expect((await team.secret("sshkeys-ada"))?.data.authorized_keys).toBe("");
  });

  test("takes those out that it can and tells of the others, with exit code 2", async () => {
    await given("ben", "bea");
    const { code, stdout, stderr } = await editor("disable", "ben", "nobody", "bea");
    expect([code, stdout.split("\n").length]).toEqual([2, 3]);
    expect(stderr).toMatch(/^error: there is no SSHKey nobody/m);
    expect((await team.read("bea")).spec.disabled).toBe(true);
  });

  test("takes all keys of a user out, and nobody else's", async () => {
    await given("cid", "eve");
    await team.create("cid-2", { user: "cid", key: freshKey() });
    const { code, stdout } = await editor("disable", "--user", "cid");
    expect([code, stdout.split("\n").length]).toEqual([0, 3]);
    expect((await team.read("eve")).spec.disabled).toBeUndefined();
  });

  test("says with exit code 1 that the key is still in a Secret that is not the operator's any more", async () => {
    await given("dan");
    const { secretName = "" } = await team.until("dan", "Projected");
    await team.editSecret(secretName, { metadata: { labels: { "sshkey-operator.dev/managed": null } } });
    const { code, stderr } = await editor("disable", "dan");
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^dan is SecretConflict: /m)]);
  });

  test("changes nothing that is as it should be", async () => {
    await team.create("off", { user: "off", key: freshKey(), disabled: true });
    expect(await editor("disable", "off")).toMatchObject({
      code: 0,
      stdout: "sshkey.sshkey-operator.dev/off unchanged\n",
    });
  });

  test("stores nothing with a dry run", async () => {
    await given("dry");
    for (const how of ["client", "server"]) await editor("disable", "dry", `--dry-run=${how}`);
    expect((await team.read("dry")).spec.disabled).toBeUndefined();
  });

  test("leaves what Flux keeps to git", async () => {
    await given("flo");
    await team.label("flo", FLUX);
    const { code, stderr } = await editor("disable", "flo");
    expect([code, (await team.read("flo")).spec.disabled]).toEqual([2, undefined]);
    expect(stderr).toContain(
      "error: flo is kept by Flux (Kustomization people), whose next sync would undo this: set spec.disabled: true in the git repository or chart that it comes from; --force-gitops does it here all the same\n",
    );
  });

  test("takes that out too with --force-gitops, and warns", async () => {
    await given("fay");
    await team.label("fay", FLUX);
    const { code, stderr } = await editor("disable", "fay", "--force-gitops");
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^warning: fay is kept by Flux/m)]);
  });

  test("is known in managedFields by a name that Flux does not take for kubectl's", async () => {
    await given("max");
    await editor("disable", "max");
    const { managedFields } = (await team.read("max")).metadata as {
      managedFields?: readonly { manager: string; fieldsV1: object }[];
    };
    const owner = managedFields?.find(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes("f:disabled"));
    expect(owner?.manager).toBe("sshkey-plugin");
  });
});

describe("enable", () => {
  test("puts the key back before it ends", async () => {
    await team.create("ira", { user: "ira", key: freshKey(), disabled: true });
    const { code, stderr } = await editor("enable", "ira");
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^ira is Projected: /)]);
  });

  test("says with exit code 1 that another holds the key by now", async () => {
    const key = freshKey();
    await team.create("holder", { user: "holder", key });
    await team.until("holder", "Projected");
    await team.untilYounger();
    await team.create("late", { user: "late", key, disabled: true });
    const { code, stderr } = await editor("enable", "late");
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^late is Duplicate: .*holder/)]);
  });
});

describe("delete", () => {
  test("says which Secrets lose the key, of its user and of the AuthorizedKeys that hold it", async () => {
    await given("joe");
    const path = authorizedKeysPath(team.namespace);
    await team.send("POST", path, authorizedKeys("all-here", { from: [{ users: ["joe"] }] }));
    await team.send("POST", path, authorizedKeys("not-joe", { from: [{ users: ["sue"] }] }));
    await untilItHolds("all-here", "joe");
    const { code, stdout, stderr } = await editor("delete", "joe");
    expect([code, stdout]).toEqual([0, "sshkey.sshkey-operator.dev/joe deleted\n"]);
    expect(stderr.split("\n").slice(0, 3)).toEqual([
      expect.stringMatching(/^joe \(joe, SHA256:.*\) stands in$/),
      `  Secret ${team.namespace}/all-here (joe) of AuthorizedKeys ${team.namespace}/all-here`,
      `  Secret ${team.namespace}/sshkeys-joe (authorized_keys)`,
    ]);
  });

  test.each(["delete", "disable"])(
    "as %s says which pods have the key, and where it stays",
    async (command) => {
      const name = `worn-by-${command}`;
      await given(name);
      await pod(`live-${command}`, `sshkeys-${name}`, { mountPath: "/keys" });
      await pod(`frozen-${command}`, `sshkeys-${name}`, { mountPath: "/k", subPath: "authorized_keys" });
      const { code, stderr } = await editor(command, name, "--dry-run=client");
      expect(code).toBe(0);
      expect(stderr).toContain(`(authorized_keys), in pods: frozen-${command}, live-${command}\n`);
      expect(stderr).toMatch(
        new RegExp(
          `^warning: in pod ${team.namespace}/frozen-${command}, container sshd: .*restart the pod`,
          "m",
        ),
      );
    },
  );

  test("says that nothing loses a key that only another SSHKey has in a Secret", async () => {
    const key = freshKey();
    await team.create("first", { user: "first", key });
    await team.until("first", "Projected");
    await team.untilYounger();
    await team.create("second", { user: "second", key });
    await team.until("second", "Duplicate");
    await pod("of-first", "sshkeys-first", { mountPath: "/k", subPath: "authorized_keys" });
    const { stderr } = await editor("delete", "second", "--dry-run=client");
    expect(stderr).toMatch(/^second \(.*\) is Duplicate: it stands in no Secret that you may see$/m);
    expect(stderr).not.toContain("of-first");
  });

  test("takes the keys of a user who leaves in all namespaces, and nobody else's", async () => {
    const other = await playground.team();
    await given("leo", "liz");
    await other.create("leo-2", { user: "leo", key: freshKey() });
    const everywhere = ["--user", "leo", "-A", "--yes"];
    const { kubeconfig } = playground.stage.cluster.controlPlane;
    const { code, stdout } = await plugin(["delete", ...everywhere], { kubeconfig });
    expect([code, stdout.split("\n").length]).toEqual([0, 3]);
    expect([await namesOf("leo"), (await other.list()).length, await namesOf("liz")]).toEqual([
      [],
      0,
      ["liz"],
    ]);
  });

  test("does that without a terminal only with --yes", async () => {
    await given("ned");
    const { code, stderr } = await editor("delete", "--user", "ned");
    expect([code, await namesOf("ned")]).toEqual([2, ["ned"]]);
    expect(stderr).toContain("--yes");
  });

  test("says that a user has no keys, rather than nothing", async () => {
    const { code, stderr } = await editor("delete", "--user", "tpyo", "--yes");
    expect([code, stderr]).toEqual([2, expect.stringContaining("tpyo has no SSHKeys in namespace")]);
  });

  test("says that in the words of where", async () => {
    const [deleted, where] = await Promise.all(
      [["delete", "--yes"], ["where"]].map(([command = "", ...flags]) =>
        editor(command, "--user", "tpyo", ...flags),
      ),
    );
    expect(deleted).toEqual(where);
  });

  test("leaves what Helm keeps to the chart, and takes the rest", async () => {
    await given("hal", "hui");
    const annotations = { "meta.helm.sh/release-name": "people" };
    await team.send("PATCH", `/apis/sshkey-operator.dev/v1alpha1/namespaces/${team.namespace}/sshkeys/hal`, {
      metadata: { annotations },
    });
    const { code, stderr } = await editor("delete", "hal", "hui");
    expect([code, await namesOf("hal"), await namesOf("hui")]).toEqual([2, ["hal"], []]);
    expect(stderr).toMatch(/^error: hal is kept by Helm \(release people\), .*: remove it in the git/m);
  });

  test("deletes nothing with a dry run", async () => {
    await given("dot");
    await editor("delete", "dot", "--dry-run=client");
    await editor("delete", "dot", "--dry-run=server");
    expect(await namesOf("dot")).toEqual(["dot"]);
  });
});

describe("in a terminal delete asks", () => {
  function deleting(name: string): Terminal {
    const { kubeconfig } = playground.stage.cluster.controlPlane;
    return new Terminal(["delete", name, "-n", team.namespace], { KUBECONFIG: kubeconfig });
  }

  test.each([
    ["y", 0, 0],
    ["n", 2, 1],
    ["", 2, 1],
  ])("and after the answer %j ends with %i", async (answer, code, left) => {
    const name = `asked-${code}-${answer === "" ? "nothing" : answer}`;
    await given(name);
    const terminal = deleting(name);
    await terminal.untilItShows("Delete this SSHKey? [y/N] ");
    terminal.type(`${answer}\n`);
    expect([await terminal.end(), (await namesOf(name)).length]).toEqual([code, left]);
  });

  test("and deletes nothing after Ctrl-C", async () => {
    await given("kept");
    const terminal = deleting("kept");
    await terminal.untilItShows("[y/N] ");
    const { code } = await terminal.interrupt();
    expect([code, await namesOf("kept")]).toEqual([130, ["kept"]]);
  });
});
