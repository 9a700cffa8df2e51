import { Cluster } from "./cluster/cluster.ts";
import { addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { getSSHKey } from "./cluster/sshkeys.ts";
import { pluginCommand } from "./command.ts";
import { EXIT } from "./session/session.ts";

export const raw = pluginCommand<ClusterFlags>({
  name: "raw",
  args: "<name>",
  summary: "Print the key line of an SSHKey and nothing else",
  description: "As it stands in `spec.key`: what a .pub file holds.",
  examples: [{ does: "a file for ssh-keygen", run: "raw alice-laptop > alice.pub" }],
  addOptions: addClusterFlags,
  async run(session, flags, [name = ""]) {
    const cluster = await Cluster.open(session, flags);
    try {
      const { spec } = await getSSHKey(cluster, name);
      await session.print(spec.key.trim());
      return EXIT.ok;
    } finally {
      cluster.close();
    }
  },
});
