import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import manifest from "../../../package.json" with { type: "json" };
import type { Finished } from "../../cluster/run.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { freshKey } from "../../operator/publickeys.ts";
import { EXAMPLE, KeysRepository, type Step, workflowIn } from "./keysrepository.ts";

let repository: KeysRepository;

beforeEach(async () => {
  repository = await KeysRepository.fork((await sharedCluster()).controlPlane.kubectl);
});

afterEach(async () => {
  await repository.close();
});

const LAPTOP = "keys/team-a/erin-laptop.yaml";
const KUSTOMIZATION = "keys/team-a/kustomization.yaml";

/** Adds Erin's key, as a pull request does: the manifest and its line in the kustomization. */
function addKey(key: string): void {
  const metadata = { name: "erin-laptop", namespace: "team-a" };
  const object = {
    apiVersion: "sshkey-operator.dev/v1alpha1",
    kind: "SSHKey",
    metadata,
    spec: { user: "erin", key },
  };
  repository.write(LAPTOP, JSON.stringify(object, null, 2));
  repository.write(
    KUSTOMIZATION,
    `${readFileSync(join(EXAMPLE, KUSTOMIZATION), "utf8")}  - erin-laptop.yaml\n`,
  );
}

describe("the workflow that checks pull requests", () => {
  const workflow = workflowIn(readFileSync(join(EXAMPLE, ".github/workflows/check.yaml"), "utf8"));
  const steps = workflow.jobs.check?.steps ?? [];

  test("passes the example", async () => {
    expect(await runSteps(steps)).toMatchObject({ failed: [] });
  });

  test("passes a good key", async () => {
    addKey(freshKey());
    expect(await runSteps(steps)).toMatchObject({ failed: [] });
  });

  test("tells who gains access, and who loses it", async () => {
    addKey(freshKey());
    repository.remove("keys/team-b/dan-contractor.yaml");
    const { stdout } = await runSteps(steps);
    expect(stdout).toMatch(/^\+ +erin .* team-a\/erin-laptop /m);
    expect(stdout).toMatch(/^- +dan .* team-b\/dan-contractor /m);
  });

  test("refuses another user for an SSHKey, which the API server would not take", async () => {
    const file = "keys/team-a/bob-workstation.yaml";
    repository.write(file, readFileSync(join(EXAMPLE, file), "utf8").replace("user: bob", "user: rob"));
    expect((await runSteps(steps)).failed).toEqual(["As they are written"]);
  });

  test("gets the commit that it compares with", () => {
    const checkout = steps.find(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkout?.with).toMatchObject({ "fetch-depth": 2 });
  });

  test("refuses a bad key, at its place in the change", async () => {
    addKey("ssh-ed25519 AAAA");
    const { failed, stdout } = await runSteps(steps);
    expect(failed).toEqual(["As they are written", "As kustomize renders them"]);
    expect(stdout).toMatch(/^::error file=keys\/team-a\/erin-laptop\.yaml,line=10,col=\d+/m);
  });

  test("refuses a key that is there already", async () => {
    addKey(
      readFileSync(join(EXAMPLE, "keys/team-a/alice-laptop.yaml"), "utf8").split("key: ")[1]?.trim() ?? "",
    );
    const { failed, stdout } = await runSteps(steps);
    expect([failed[0], stdout]).toEqual(["As they are written", expect.stringContaining("alice-laptop")]);
  });

  test("finds it in the list that kustomize itself writes", async () => {
    addKey(freshKey());
    const { stdout } = await repository.shell(
      `sed -i 's/^  - /- /' ${KUSTOMIZATION} && cat ${KUSTOMIZATION}`,
    );
    expect(stdout).toContain("\n- erin-laptop.yaml\n");
    expect(await runSteps(steps)).toMatchObject({ failed: [] });
  });

  test("refuses a key that kustomize would leave out", async () => {
    addKey(freshKey());
    await repository.git("checkout", "--", KUSTOMIZATION);
    const { failed, stdout } = await runSteps(steps);
    expect(failed).toEqual(["None that kustomize leaves out"]);
    expect(stdout).toContain(`error: ${LAPTOP} is in no kustomization: add it to ${KUSTOMIZATION}\n`);
  });

  test("judges what the kustomization makes of the manifests", async () => {
    const patch =
      "patches:\n  - patch: |\n      - { op: replace, path: /spec/user, value: ' alice' }\n    target: { kind: SSHKey }\n";
    repository.write(KUSTOMIZATION, `${readFileSync(join(EXAMPLE, KUSTOMIZATION), "utf8")}${patch}`);
    expect((await runSteps(steps)).failed).toEqual(["As kustomize renders them"]);
  });

  test("has no secret and no right to write, and leaves no token behind", () => {
    expect(Object.keys(workflow.on)).toEqual(["pull_request"]);
    expect(workflow.permissions).toEqual({ contents: "read" });
    expect(JSON.stringify(workflow)).not.toContain("secrets.");
    expect(steps.find(({ uses }) => uses?.startsWith("actions/checkout@"))?.with).toMatchObject({
      "persist-credentials": false,
    });
  });
});

describe("the pipeline of GitLab", () => {
  const { check } = parse(readFileSync(join(EXAMPLE, ".gitlab-ci.yml"), "utf8"));
  const [install, ...script]: string[] = check.script;

  test("passes the example, with a report", async () => {
    expect((await runScript()).code).toBe(0);
    expect(report()).toContain("<testsuites");
  });

  test("refuses a bad key, in its log and its report", async () => {
    addKey("ssh-ed25519 AAAA");
    const { code, stdout } = await runScript();
    expect([code, stdout]).toEqual([1, expect.stringContaining(LAPTOP)]);
    expect(report()).toContain("<failure");
  });

  test("tells who gains access", async () => {
    addKey(freshKey());
    expect((await runScript()).stdout).toMatch(/^\+ +erin /m);
  });

  test("installs the plugin of this version", () => {
    expect(install).toBe(`npm install --global --ignore-scripts kubectl-sshkey@${manifest.version}`);
  });

  async function runScript(): Promise<Finished> {
    const base = (await repository.git("rev-parse", "HEAD")).trim();
    return await repository.shell(script.join("\n"), { CI_MERGE_REQUEST_DIFF_BASE_SHA: base });
  }

  function report(): string {
    return readFileSync(join(repository.folder, check.artifacts.reports.junit), "utf8");
  }
});

describe("the git hook", () => {
  beforeEach(async () => {
    await repository.git("config", "core.hooksPath", "hooks");
  });

  test("lets a good key be committed", async () => {
    addKey(freshKey());
    expect(await commit()).toMatchObject({ code: 0 });
  });

  test("refuses to commit a bad key, and says where it is", async () => {
    addKey("ssh-ed25519 AAAA");
    const { code, stdout, stderr } = await commit();
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining(`${LAPTOP}:10:`)]);
  });

  test("refuses a bad key that is corrected in the working tree only", async () => {
    addKey("ssh-ed25519 AAAA");
    await repository.git("add", "--all");
    addKey(freshKey());
    expect((await repository.tryGit("commit", "--message=Erin")).code).toBe(1);
  });

  test("lets a good key be committed that is spoilt in the working tree only", async () => {
    addKey(freshKey());
    await repository.git("add", "--all");
    addKey("ssh-ed25519 AAAA");
    expect((await repository.tryGit("commit", "--message=Erin")).code).toBe(0);
  });

  test("lets all keys be deleted", async () => {
    await repository.git("rm", "--quiet", "-r", "keys");
    expect((await repository.tryGit("commit", "--message=The end")).code).toBe(0);
  });

  test("has nothing to say of a commit without keys", async () => {
    repository.write("README.md", "Ours.\n");
    repository.program("kubectl-sshkey", "exit 2");
    expect(await commit()).toMatchObject({ code: 0 });
  });

  test("says what is missing where the plugin is", async () => {
    repository.program("kubectl-sshkey", "exit 2");
    addKey(freshKey());
    await repository.git("add", "--all");
    await repository.shell("rm ../bin/kubectl-sshkey");
    const { code, stderr } = await repository.tryGit("commit", "--message=Erin");
    expect([code, stderr]).toEqual([
      1,
      "pre-commit: kubectl-sshkey is missing; npm install --global kubectl-sshkey installs it\n",
    ]);
  });

  async function commit(): Promise<Finished> {
    await repository.git("add", "--all");
    return await repository.tryGit("commit", "--quiet", "--message=Erin");
  }
});

describe("the configuration of pre-commit.com", () => {
  const [{ hooks }] = parse(readFileSync(join(EXAMPLE, ".pre-commit-config.yaml"), "utf8")).repos;
  const [hook] = hooks;

  test("brings the plugin of this version along, and the Node that it is tested with", () => {
    expect([hook.language, hook.language_version, hook.additional_dependencies]).toEqual([
      "node",
      manifest.devDependencies.node,
      [`kubectl-sshkey@${manifest.version}`],
    ]);
  });

  test("refuses a bad key, and passes the example", async () => {
    const before = await repository.shell(hook.entry);
    addKey("ssh-ed25519 AAAA");
    expect([before.code, (await repository.shell(hook.entry)).code]).toEqual([0, 1]);
  });
});

/** Runs what the steps run, all of them, and tells which failed. The plugin and what other steps set up is there already. */
async function runSteps(
  steps: readonly Step[],
): Promise<{ readonly failed: readonly string[]; readonly stdout: string }> {
  // What GitHub checks out is the change as a commit on top of the main branch.
  await repository.git("add", "--all");
  await repository.git("commit", "--quiet", "--allow-empty", "--message=Merge");
  const failed: string[] = [];
  let output = "";
  for (const { name = "", run } of steps) {
    if (run === undefined) continue;
    if (name === "Install") {
      expect(run).toBe(`npm install --global --ignore-scripts kubectl-sshkey@${manifest.version}`);
      continue;
    }
    const { code, stdout } = await repository.shell(run);
    output += stdout;
    if (code !== 0) failed.push(name);
  }
  return { failed, stdout: output };
}
