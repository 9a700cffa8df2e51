import type { Command } from "commander";
import { DEFAULT_POLICY } from "../../claims/policy.ts";
import { inputText, ONE_KEY } from "../session/input.ts";
import { PluginError, type Session } from "../session/session.ts";
import { checkedProof, type Provable, sign } from "./possessionproof.ts";

/** How a person proves to have the private key of a key that is added. */
export interface ProofFlags {
  readonly proof?: string;
  readonly prove?: boolean;
  readonly proofNamespace: string;
}

export function addProofFlags(command: Command): Command {
  return addProofNamespace(
    command
      .option(
        "--proof <file>",
        "the proof of possession that ssh-keygen -Y sign has printed; - for standard input",
      )
      .option(
        "--prove",
        "let ssh-keygen make the proof of possession, with the private key beside the .pub file, in ~/.ssh or in ssh-agent",
      ),
  );
}

export function addProofNamespace(command: Command): Command {
  return command.option(
    "--proof-namespace <name>",
    "what proofs are signed for, if the operator is set to another proofNamespace",
    DEFAULT_POLICY.proofNamespace,
  );
}

/** What is read from standard input, as the end of a sentence; undefined for nothing. Rejects where two things would be. */
export function readsStdin(keyFile: string | undefined, { proof }: Pick<ProofFlags, "proof">) {
  if (keyFile === "-" && proof === "-")
    throw new PluginError("the key and the proof cannot both come from standard input: give one as a file");
  return keyFile === "-" ? "the key" : proof === "-" ? "the proof" : undefined;
}

/** The proof that was asked for, verified; undefined without any. */
export async function proofFor(
  session: Session,
  what: Provable,
  { proof, prove }: Pick<ProofFlags, "proof" | "prove">,
): Promise<string | undefined> {
  if (proof !== undefined && prove === true)
    throw new PluginError("--proof and --prove both give the proof: give one of them");
  if (proof !== undefined) return checkedProof(await inputText(session, proof, ONE_KEY), what);
  return prove === true ? await sign(session, what, undefined) : undefined;
}
