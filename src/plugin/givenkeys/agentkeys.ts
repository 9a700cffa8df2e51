import { printable } from "../../ssh/unprintable.ts";
import { PluginError, type Session } from "../session/session.ts";
import { INSTALL_OPENSSH, runProgram } from "../session/subprocess.ts";
import { type GivenKey, readKeys } from "./keytext.ts";

/** The public keys that ssh-agent holds, without those that become no SSHKey: of these the person is told. */
export async function agentKeys(session: Session): Promise<readonly GivenKey[]> {
  const { code, stdout, stderr } = await runProgram(session, "ssh-add", ["-L"], {
    missing: INSTALL_OPENSSH,
  });
  if (code !== 0) {
    // ssh-add(1): 1 if the agent has none, 2 if there is no agent.
    throw new PluginError(
      code === 1
        ? "ssh-agent holds no keys: add yours with ssh-add, or give the .pub file"
        : `ssh-agent cannot be asked (${printable(stderr) || `ssh-add ended with ${code}`}): start one with eval "$(ssh-agent)", or give the .pub file`,
    );
  }
  const lines = stdout.split("\n").filter((line) => line.trim() !== "");
  const keys = lines.flatMap((line) => {
    try {
      return readKeys(line, "a key in ssh-agent");
    } catch (error) {
      if (!(error instanceof PluginError)) throw error;
      session.say(`left out: ${error.message}`);
      return [];
    }
  });
  if (keys.length === 0)
    throw new PluginError("ssh-agent holds no plain public key: give the .pub file of your key");
  return keys;
}
