import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { proofCommand, readProof, verified } from "../../claims/proof.ts";
import { isPipe } from "../../filestream.ts";
import { findPrivateKey } from "../../ssh/privatekey.ts";
import { type PublicKey, parsePublicKey } from "../../ssh/publickey.ts";
import { printable } from "../../ssh/unprintable.ts";
import { PluginError, type Session } from "../session/session.ts";
import { INSTALL_OPENSSH, runProgram } from "../session/subprocess.ts";
import { lineOf } from "./keytext.ts";

/** What has to be proven: that this user has the private half of this key. */
export interface Provable {
  readonly user: string;
  readonly key: PublicKey;
  /** Of the signature (SSHSIG): the operator's setting proofNamespace. */
  readonly namespace: string;
  /** The file that the key was read from. */
  readonly publicFile?: string | undefined;
}

/** The command line that prints the proof. */
export function commandFor({ user, key, namespace }: Provable): string {
  return proofCommand(user, key.type, namespace);
}

/** The proof as it is stored; rejects with a PluginError where it proves nothing. */
export function checkedProof(text: string, what: Provable): string {
  const { user, key, namespace } = what;
  const privateKey = findPrivateKey(text);
  if (privateKey !== undefined)
    throw new PluginError(
      `this is a private key (${privateKey.kind}) and no proof; it was read no further and sent nowhere: give what this prints: ${commandFor(what)}`,
    );
  const proof = text.trim();
  const facts = { ...key, base64: key.blob.toString("base64"), options: "" };
  const result = verified(readProof(proof, user, facts, namespace, undefined));
  if (result.result === "Proven") return `${proof}\n`;
  const why = "message" in result ? result.message.replace(/\.$/, "") : "it could not be verified";
  throw new PluginError(
    `this is no proof: ${why.replaceAll("in spec.proof ", "")}: make it with: ${commandFor(what)}`,
  );
}

/**
 * Lets ssh-keygen sign, and gives the proof, verified. The private key is only named to it: `file`, or the one beside the
 * .pub file that the key was read from, or the one in ~/.ssh whose .pub file is this key, or the one that ssh-agent holds.
 */
export async function sign(session: Session, what: Provable, file: string | undefined): Promise<string> {
  const { user, key, namespace, publicFile } = what;
  const found = file ?? fileBeside(publicFile) ?? (await fileOf(session, key));
  const folder = await mkdtemp(join(tmpdir(), "kubectl-sshkey-"));
  try {
    const named = found ?? join(folder, "key.pub");
    if (found === undefined) await writeFile(named, `${lineOf(key)}\n`);
    else session.say(`signing with ${named}`);
    const args = ["-Y", "sign", "-n", namespace, "-f", named, "-"];
    const { code, stdout } = await runProgram(session, "ssh-keygen", args, {
      input: user,
      tells: true,
      missing: INSTALL_OPENSSH,
    });
    if (code !== 0)
      throw new PluginError(
        found === undefined
          ? `neither ~/.ssh nor ssh-agent has the private key of this public key${publicFile === undefined ? "" : `, nor is it beside ${printable(publicFile)}`}: add it with ssh-add, or give --proof FILE with what this prints: ${commandFor(what)}`
          : `ssh-keygen could not sign with ${named}: check that it is the private key's file`,
      );
    return checkedProof(stdout, what);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function fileBeside(publicFile = ""): string | undefined {
  const file = publicFile.endsWith(".pub") ? publicFile.slice(0, -".pub".length) : "";
  return file !== "" && existsSync(file) ? file : undefined;
}

/** The file in ~/.ssh beside the .pub file of this key. */
async function fileOf(session: Session, key: PublicKey): Promise<string | undefined> {
  const folder = join(session.env.HOME ?? homedir(), ".ssh");
  const names = await readdir(folder).catch((): string[] => []);
  const files = names.filter((name) => name.endsWith(".pub")).map((name) => join(folder, name));
  for (const file of files) {
    const text = isPipe(file) ? "" : await readFile(file, "utf8").catch(() => "");
    const parsed = parsePublicKey(text);
    const privateFile = file.slice(0, -".pub".length);
    const isHere = parsed.ok && parsed.value.blob.equals(key.blob);
    if (isHere && names.includes(privateFile.slice(folder.length + 1))) return privateFile;
  }
  return undefined;
}
