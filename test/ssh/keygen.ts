import { execFileSync, spawn } from "node:child_process";

/** What `ssh-keygen -l` says of one line. */
export interface KeygenAnswer {
  readonly bits: number;
  /** With SHA256: or MD5: before it. */
  readonly fingerprint: string;
}

/**
 * Asks one ssh-keygen about many lines, none of which may hold a line feed; undefined where it finds no key.
 *
 * ssh-keygen prints a line for each key and nothing for the rest, so a known key stands behind each line asked:
 * what is printed before it belongs to that line.
 */
export async function keygenAnswers(
  lines: readonly string[],
  digest: "sha256" | "md5",
): Promise<(KeygenAnswer | undefined)[]> {
  const longest = Math.max(...lines.map((line) => Buffer.byteLength(line)));
  // ssh-keygen keeps a pointer into its line buffer; a first line that is the longest keeps the buffer in place.
  const input = [`#${" ".repeat(longest)}`, MARKER, ...lines.flatMap((line) => [line, MARKER]), ""].join(
    "\n",
  );
  const output = (await run(["-l", "-E", digest, "-f", "-"], input)).split("\n");
  const marker = output[0] ?? "";
  const answers: (KeygenAnswer | undefined)[] = [];
  let answer: KeygenAnswer | undefined;
  for (const printed of output.slice(1, -1)) {
    if (printed === marker) {
      answers.push(answer);
      answer = undefined;
    } else {
      if (answer !== undefined) throw new Error(`ssh-keygen printed two lines for case ${answers.length}`);
      answer = readAnswer(printed);
    }
  }
  if (answers.length !== lines.length) throw new Error(`ssh-keygen stopped at case ${answers.length}`);
  return answers;
}

/** What `ssh-keygen -Y sign` prints for this text, with this private key. */
export function keygenSSHSIG(
  file: string,
  message: string,
  namespace = "sshkey-operator.dev",
  options: readonly string[] = [],
): string {
  const args = ["-Y", "sign", "-q", "-n", namespace, "-f", file, ...options, "-"];
  return execFileSync("ssh-keygen", args, {
    input: message,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
  });
}

/** Runs ssh-keygen with a text on stdin and gives its output; fails when it does. */
function run(args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("ssh-keygen", args, { env: { ...process.env, LC_ALL: "C" } });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    child.stdin.on("error", () => child.kill());
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(output).toString("latin1"));
      else reject(new Error(`ssh-keygen ${args.join(" ")} ended with ${code}: ${Buffer.concat(errors)}`));
    });
    child.stdin.end(input);
  });
}

function readAnswer(printed: string): KeygenAnswer {
  const [, bits, fingerprint] = /^(\d+) ((?:SHA256|MD5):\S+) /.exec(printed) ?? [];
  if (bits === undefined || fingerprint === undefined)
    throw new Error("ssh-keygen printed a line of unknown form");
  return { bits: Number(bits), fingerprint };
}

const MARKER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ marker";
