import { printable } from "../ssh/unprintable.ts";
import { pluginCommand } from "./command.ts";
import { SCRIPTS } from "./completion/scripts.ts";
import { EXIT, PluginError } from "./session/session.ts";

export const completion = pluginCommand({
  name: "completion",
  args: "<shell>",
  choices: Object.keys(SCRIPTS),
  summary: "Print what makes a shell complete the words of this plugin",
  description: `The shell is bash, zsh, fish or powershell: that prints a script, which completes \`kubectl-sshkey\`. Or it is kubectl, which (1.26 or newer, with its own completion) completes \`kubectl sshkey\` too, if there is a program \`kubectl_complete-sshkey\` in a folder of your PATH: that prints this program. The npm package has it already.

Completed are commands, flags and what they can be, and from the cluster the names of SSHKeys, users and namespaces, with the rights and in the namespace that the command would have. Where the cluster takes longer than 750 ms nothing is completed; KUBECTL_SSHKEY_COMPLETION_TIMEOUT=3s waits longer. Nobody is ever asked: a sign-in helper that needs the terminal is not run. Names of users that a shell might take for more than a word are left out.`,
  examples: [
    {
      does: "for kubectl sshkey, beside kubectl's own completion; any folder of the PATH",
      run: "completion kubectl > kubectl_complete-sshkey && chmod +x kubectl_complete-sshkey",
    },
    { does: "for kubectl-sshkey in this bash", run: "completion bash > sshkey.bash && . ./sshkey.bash" },
    { does: "in zsh, in a folder of its fpath", run: "completion zsh > _kubectl-sshkey" },
    { does: "in fish, in ~/.config/fish/completions", run: "completion fish > kubectl-sshkey.fish" },
    { does: "in PowerShell, to be run by $PROFILE", run: "completion powershell > sshkey.ps1" },
  ],
  addOptions: (command) => command,
  async run(session, _, [shell = ""]) {
    const script = Object.entries(SCRIPTS).find(([name]) => name === shell)?.[1];
    if (script === undefined)
      throw new PluginError(
        `there is no completion for ${printable(shell)}: it is there for ${Object.keys(SCRIPTS).join(", ")}`,
      );
    await session.print(script);
    return EXIT.ok;
  },
});
