import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../cluster/run.ts";

/** A key pair that ssh-keygen made. */
export interface KeyPair {
  /** Path of the private key. */
  readonly file: string;
  /** One line: type, base64 and comment. */
  readonly publicKey: string;
}

/** Makes a key pair in the folder; undefined if this ssh-keygen does not know the type. */
export async function keyPair(
  folder: string,
  name: string,
  type: readonly string[] = ["ed25519"],
): Promise<KeyPair | undefined> {
  const file = join(folder, name);
  const args = ["-q", "-N", "", "-C", `${name}@test`, "-f", file, "-t", ...type];
  const { code, stderr } = await run("ssh-keygen", args);
  if (code === 0) return { file, publicKey: (await readFile(`${file}.pub`, "utf8")).trim() };
  if (/unknown key type/i.test(stderr)) return undefined;
  throw new Error(`ssh-keygen ${args.join(" ")} failed: ${stderr.trim()}`);
}

/** As keyPair, for ed25519, which every ssh-keygen knows. */
export async function ed25519(folder: string, name: string): Promise<KeyPair> {
  const pair = await keyPair(folder, name);
  if (pair === undefined) throw new Error("this ssh-keygen makes no ed25519 keys");
  return pair;
}
