import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeKeyBlob } from "../../src/ssh/blob.ts";
import { isConfirmed, readSignature } from "../../src/ssh/signature.ts";
import { parseSSHSig, signedBytes } from "../../src/ssh/sshsig.ts";
import { run } from "../cluster/run.ts";

/** ssh-keygen reads one signature a run; so many runs at once. */
const WORKERS = 3;

/** Of each text: does `ssh-keygen -Y check-novalidate` take it for a signature of the message in the namespace? */
export async function keygenAccepts(
  texts: readonly string[],
  message: string,
  namespace: string,
): Promise<boolean[]> {
  const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-sshsig-"));
  try {
    writeFileSync(join(folder, "message"), message);
    for (const [index, text] of texts.entries()) writeFileSync(join(folder, `${index}.sig`), text);
    const share = Math.ceil(texts.length / WORKERS);
    const codes = await Promise.all(
      Array.from({ length: WORKERS }, (_, worker) => {
        const end = Math.min(texts.length, (worker + 1) * share);
        return exitCodes(folder, namespace, worker * share, end);
      }),
    );
    return codes.flat().map((code, index) => {
      if (code !== 0 && code !== 255) throw new Error(`ssh-keygen ended with ${code}: ${texts[index]}`);
      return code === 0;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** By one shell, since starting processes takes node longer. */
async function exitCodes(folder: string, namespace: string, start: number, end: number): Promise<number[]> {
  const script = `i=$3; while [ $i -lt $4 ]; do
    ssh-keygen -Y check-novalidate -n "$2" -s "$1/$i.sig" < "$1/message" >/dev/null 2>&1; echo $?; i=$((i+1))
  done`;
  const args = ["-c", script, "sh", folder, namespace, String(start), String(end)];
  const { stdout } = await run("sh", args);
  return stdout.trim().split("\n").filter(Boolean).map(Number);
}

/** What we say to the same question: why it is none, undefined if it is one. */
export function refusalOf(text: string, message: string, namespace: string): string | undefined {
  const sig = parseSSHSig(text);
  if (!sig.ok) return sig.refusal.message;
  const key = decodeKeyBlob(sig.value.publicKey);
  if (!key.ok) return key.refusal.code;
  if (sig.value.namespace !== namespace) return "is for another namespace";
  const signature = readSignature(key.value, sig.value.signature);
  if (!signature.ok) return signature.refusal.message;
  const checks = signature.value.checksOf(signedBytes(sig.value, Buffer.from(message)));
  return isConfirmed(checks) ? undefined : UNCONFIRMED;
}

/** The one refusal by arithmetic. */
export const UNCONFIRMED = "is not confirmed";
