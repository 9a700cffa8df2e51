import { join } from "node:path";
import { SELF_SERVICE_LABEL } from "../../src/api/names.ts";
import { namespacePath } from "../../src/api/paths.ts";
import { eventually } from "../cluster/eventually.ts";
import type { Finished } from "../cluster/run.ts";
import { type OperatorSettings, Stage } from "../operator/stage.ts";
import { Tenant } from "../operator/tenant.ts";
import { personWith } from "./person.ts";
import { type PluginOptions, plugin } from "./plugin.ts";

const DEPLOY = join(import.meta.dirname, "..", "..", "deploy");

/** A cluster with the operator, its roles and the self-service policy, for people with the plugin and no more rights than theirs. */
export class Playground {
  readonly stage: Stage;

  private constructor(stage: Stage) {
    this.stage = stage;
  }

  static async open(settings: OperatorSettings = {}): Promise<Playground> {
    const stage = await Stage.open();
    const policy = join(DEPLOY, "policies", "self-service.yaml");
    const { code, stderr } = await stage.cluster.kubectl(["apply", "-f", policy]);
    if (code !== 0) throw new Error(stderr);
    await stage.run(settings);
    return new Playground(stage);
  }

  /** A fresh namespace in which `editor` may edit and `viewer` may view. */
  async team(): Promise<Team> {
    const team = new Team(this.stage.cluster, await this.stage.cluster.namespace());
    await personWith("edit", team, "editor");
    await personWith("view", team, "viewer");
    return team;
  }

  /** A fresh namespace with self-service, in which these may write their own SSHKeys. */
  async people(...users: readonly string[]): Promise<Team> {
    const team = new Team(this.stage.cluster, await this.stage.cluster.namespace());
    await team.send("PATCH", namespacePath(team.namespace), {
      metadata: { labels: { [SELF_SERVICE_LABEL]: "true" } },
    });
    for (const user of users) await personWith("self-service", team, user);
    await eventually("the policy is in force", async () => {
      const other = await team.as("alice", ["add", "-", "--user", "nobody", "--dry-run=server"], {
        input: PROBE,
      });
      return other.stderr.includes("you may write only SSHKeys with spec.user alice");
    });
    return team;
  }

  async close(): Promise<void> {
    await this.stage.close();
  }
}

/** People of one namespace. */
export class Team extends Tenant {
  /** The plugin in this namespace, as this user and with this user's rights. */
  async as(user: string, args: readonly string[], o: PluginOptions = {}): Promise<Finished> {
    const { kubeconfig } = this.cluster.controlPlane;
    const who = ["--as", user, "--as-group", "system:authenticated", "-n", this.namespace];
    return await plugin([...args, ...who], { kubeconfig, ...o });
  }
}

const PROBE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ";
