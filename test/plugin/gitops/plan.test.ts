import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { type Cluster, startCluster } from "../../cluster/cluster.ts";
import type { Finished } from "../../cluster/run.ts";
import { freshKey } from "../../operator/publickeys.ts";
import { flatKubeconfig } from "../flatkubeconfig.ts";
import { plugin } from "../plugin.ts";
import { EXAMPLE, KeysRepository, workflowIn } from "./keysrepository.ts";

const WORKFLOW = workflowIn(readFileSync(join(EXAMPLE, ".github/workflows/plan.yaml"), "utf8"));
const JOB = WORKFLOW.jobs.plan;
const ALICE = "keys/team-a/alice-laptop.yaml";

let cluster: Cluster;
let kubeconfig: string;

/** The cluster has what the main branch has. */
beforeAll(async () => {
  cluster = await startCluster();
  await kubectl("create", "namespace", "sshkey-operator");
  await kubectl("apply", "-f", join(EXAMPLE, "plan/reader.yaml"));
  await kubectl("apply", "-k", join(EXAMPLE, "namespaces"));
  await kubectl("apply", "-k", join(EXAMPLE, "keys"));
  const token = await kubectl("create", "token", "sshkey-plan", "-n", "sshkey-operator");
  const config = await flatKubeconfig(cluster);
  for (const each of config.users) Object.assign(each, { user: { token: token.trim() } });
  kubeconfig = JSON.stringify(config);
});

afterAll(async () => {
  await cluster?.stop();
});

describe("the workflow that plans", () => {
  let repository: KeysRepository;
  let temp: string;

  beforeEach(async () => {
    repository = await KeysRepository.fork(cluster.controlPlane.kubectl);
    temp = join(repository.home, "temp");
    await mkdir(temp);
  });

  afterEach(async () => {
    await repository.close();
  });

  test("comments that nothing changes, where nothing does", async () => {
    await propose(() => repository.write("README.md", "Ours.\n"));
    expect((await plan()).code).toBe(0);
    expect(comment()).toMatch(/^<!-- kubectl sshkey plan -->\nMerging this changes nobody's access\.\n/);
  });

  test("comments who loses access when a key is deleted", async () => {
    await propose(() => {
      repository.remove(ALICE);
      const file = "keys/team-a/kustomization.yaml";
      repository.write(
        file,
        readFileSync(join(EXAMPLE, file), "utf8").replace("  - alice-laptop.yaml\n", ""),
      );
    });
    expect((await plan()).code).toBe(0);
    expect(comment()).toMatch(/^Merging this changes who may log in[\s\S]*^ {4}.*alice/m);
  });

  test("fails where there is something that cannot be planned, and says so", async () => {
    await propose(() => repository.write(ALICE, "{"));
    expect((await plan()).code).not.toBe(0);
    expect(comment()).toContain("could not be told:\n\n    error: keys/team-a/alice-laptop.yaml:1:2");
  });

  test("reads no file that a symbolic link of the pull request points to", async () => {
    await propose(() => {
      repository.remove(ALICE);
      symlinkSync("../../../kubeconfig", join(repository.folder, ALICE));
    });
    await plan();
    expect(readFileSync(join(temp, "change", ALICE), "utf8")).toBe("../../../kubeconfig");
  });

  test("keeps what a pull request says out of Markdown and out of the runner's commands", async () => {
    await propose(() =>
      repository.write(
        "keys/team-b/zoe.yaml",
        sshKey({ user: "zoe", key: freshKey(), title: "``` ::error::x @everyone" }),
      ),
    );
    const { stdout } = await plan();
    const [, , ...told] = comment().trimEnd().split("\n");
    expect(told.filter((line) => line !== "" && !line.startsWith("    "))).toEqual([]);
    expect(stdout).not.toMatch(/^::/m);
  });

  test("says that there is no plan where there is no kubeconfig", async () => {
    await propose(() => repository.remove(ALICE));
    expect(await step("Get the manifests as they would be merged")).toMatchObject({ code: 0 });
    expect(await step("Plan", { SSHKEY_PLAN_KUBECONFIG: "" })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("there is no plan"),
    });
    expect(await step("Comment")).toMatchObject({ code: 0 });
    expect(existsSync(join(repository.home, "comment"))).toBe(false);
  });

  test("leaves no kubeconfig behind", async () => {
    await propose(() => repository.remove(ALICE));
    await plan();
    expect(existsSync(join(temp, "kubeconfig"))).toBe(false);
  });

  test("replaces its comment on the next change", async () => {
    await propose(() => repository.remove(ALICE));
    await plan();
    await plan({ COMMENT: "42" });
    expect(readFileSync(join(repository.home, "calls"), "utf8")).toMatch(
      /^api --method POST repos\/repository\/issues\/7\/comments [\s\S]*^api --method PATCH repos\/repository\/issues\/comments\/42 /m,
    );
  });

  test("runs nothing of the pull request", () => {
    expect(Object.keys(WORKFLOW.on)).toEqual(["pull_request_target"]);
    const uses = (JOB?.steps ?? []).flatMap((each) => each.uses ?? []);
    expect(uses).toEqual([expect.stringMatching(/^actions\/setup-node@/)]);
    const [install, ...others] = (JOB?.steps ?? []).flatMap((each) => each.run ?? []);
    expect(install).toBe(`npm install --global --ignore-scripts kubectl-sshkey@${manifest.version}`);
    expect(others.join("\n")).not.toMatch(/npm|npx|kustomize|\$\{\{/);
  });

  test("gives pull requests from forks nothing, and its secret to one step alone", () => {
    expect(JOB?.if).toBe("github.event.pull_request.head.repo.full_name == github.repository");
    expect(JOB?.environment).toBe("plan");
    expect([WORKFLOW.permissions, JOB?.permissions]).toEqual([
      {},
      { contents: "read", "pull-requests": "write" },
    ]);
    const knowing = (JOB?.steps ?? []).filter((each) => JSON.stringify(each.env ?? {}).includes("secrets."));
    expect(knowing.map(({ name }) => name)).toEqual(["Plan"]);
  });

  /** What merging the change would make of the main branch, as the pull request 7. */
  async function propose(change: () => void): Promise<void> {
    await repository.git("checkout", "--quiet", "-b", "change");
    change();
    await repository.git("add", "--all");
    await repository.git("commit", "--quiet", "--message=Change");
    await repository.git("update-ref", "refs/pull/7/merge", "HEAD");
    await repository.git("checkout", "--quiet", "main");
  }

  /** All steps behind the installation, the last one also if one before failed, as its condition says. */
  async function plan(env: Readonly<Record<string, string>> = {}): Promise<Finished> {
    await rm(join(temp, "change"), { recursive: true, force: true });
    const got = await step("Get the manifests as they would be merged");
    if (got.code !== 0) throw new Error(got.stderr);
    const planned = await step("Plan", { SSHKEY_PLAN_KUBECONFIG: kubeconfig });
    const commented = await step("Comment", env);
    if (commented.code !== 0) throw new Error(commented.stderr);
    return planned;
  }

  async function step(name: string, env: Readonly<Record<string, string>> = {}): Promise<Finished> {
    const found = JOB?.steps.find((each) => each.name === name);
    // In place of GitHub: COMMENT is the comment that is there.
    repository.program(
      "gh",
      `echo "$*" >>"$HOME/calls"
case "$*" in *--paginate*) echo "$COMMENT" ;; *) for word; do case "$word" in body=@*) cp "\${word#body=@}" "$HOME/comment" ;; esac; done ;; esac`,
    );
    return await repository.shell(found?.run ?? "false", {
      GITHUB_SERVER_URL: `file://${repository.home}`,
      GITHUB_REPOSITORY: "repository",
      NUMBER: "7",
      RUNNER_TEMP: temp,
      COMMENT: "",
      ...env,
    });
  }

  function comment(): string {
    return readFileSync(join(repository.home, "comment"), "utf8");
  }
});

describe("the account that plans", () => {
  test("may see all that a plan compares with", async () => {
    const { stderr } = await asReader("plan", "-R", "-f", "keys", "-f", "namespaces", "--prune");
    expect(stderr).not.toContain("You may not");
  });

  test.each(["create sshkeys", "patch authorizedkeys", "get secrets", "patch namespaces"])(
    "may not %s",
    async (right) => {
      const account = "system:serviceaccount:sshkey-operator:sshkey-plan";
      const { stdout } = await cluster.kubectl(["auth", "can-i", ...right.split(" "), "-A", "--as", account]);
      expect(stdout).toBe("no\n");
    },
  );

  async function asReader(...args: readonly string[]): Promise<Finished> {
    const as = ["--as", "system:serviceaccount:sshkey-operator:sshkey-plan"];
    return await plugin([...args, ...as], { kubeconfig: cluster.controlPlane.kubeconfig, cwd: EXAMPLE });
  }
});

function sshKey(spec: object): string {
  const metadata = { name: "zoe", namespace: "team-b" };
  return JSON.stringify({ apiVersion: "sshkey-operator.dev/v1alpha1", kind: "SSHKey", metadata, spec });
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}
