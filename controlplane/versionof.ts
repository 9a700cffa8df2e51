import { execFile } from "node:child_process";
import { basename } from "node:path";
import { promisify } from "node:util";

/** How each program is asked for its version, and where it says it. */
const QUESTIONS: Readonly<Record<string, { readonly args: readonly string[]; readonly version: RegExp }>> = {
  etcd: { args: ["--version"], version: /^etcd Version: (\S+)$/m },
  "kube-apiserver": { args: ["--version"], version: /^Kubernetes (v\S+)$/m },
  kubectl: { args: ["version", "--client", "-o", "json"], version: /"gitVersion": "(v[^"]+)"/ },
};
const ANSWER_MS = 10_000;

/** The version that an etcd, kube-apiserver or kubectl says to be; undefined if it does not run here or says none. */
export async function versionOf(path: string): Promise<string | undefined> {
  const question = QUESTIONS[basename(path)];
  if (question === undefined) return undefined;
  try {
    const { stdout } = await promisify(execFile)(path, question.args, { timeout: ANSWER_MS });
    return question.version.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
