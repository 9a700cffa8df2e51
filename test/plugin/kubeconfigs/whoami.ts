import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../cluster/run.ts";
import { plugin } from "../plugin.ts";

/** A folder with kubeconfigs, and what a person has set and typed there. */
export interface Shape {
  /** Content by name; objects are written as JSON. */
  readonly files: Readonly<Record<string, unknown>>;
  /** The names of $KUBECONFIG; "" is an empty item. Without it only the home folder counts. */
  readonly listed?: readonly string[];
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** As whom, in which namespace and on which API server they come out; the same for kubectl and the plugin when they agree. */
export interface Outcome {
  readonly kubectl: string;
  readonly plugin: string;
}

/** Lists SSHKeys with both. `cache` is a folder where kubectl keeps what it learnt of API servers. */
export async function listedByBoth(kubectl: string, shape: Shape, cache: string): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), "kubeconfigs-"));
  try {
    for (const [name, content] of Object.entries(shape.files)) {
      const file = join(dir, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    }
    const env = {
      HOME: dir,
      KUBECONFIG: shape.listed?.map((name) => (name === "" ? "" : join(dir, name))).join(":") ?? "",
      KUBECACHEDIR: cache,
      ...shape.env,
    };
    const flags = (shape.flags ?? []).map((flag) => flag.replace("DIR", dir));
    const [real, own] = await Promise.all([
      run(kubectl, ["get", "sshkeys", "-o", "name", ...flags], { env: { ...process.env, ...env }, cwd: dir }),
      plugin(["list", "-o", "name", ...flags], { env, cwd: dir }),
    ]);
    return { kubectl: outcome(real), plugin: outcome(own) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** What the API server said of the person, or how far they came. */
function outcome({ code, stdout, stderr }: Awaited<ReturnType<typeof run>>): string {
  if (code === 0) return `may list, and finds: ${stdout.trim()}`;
  const refused = /sshkeys\.sshkey-operator\.dev is forbidden: .*/.exec(stderr)?.[0];
  if (refused !== undefined) return refused;
  if (/cannot impersonate resource/.test(stderr)) return stderr.replace(/^.*?is forbidden/s, "").trim();
  if (/Unauthorized|must be logged in|does not know you/.test(stderr)) return "unknown to the API server";
  // In an API server's stead kubectl tries this address when nothing names one.
  if (/localhost:8080 was refused/.test(stderr)) return "not sent";
  if (/was refused|no connection|tls: |x509: /.test(stderr)) return "no connection";
  if (/Please enter Username/.test(stdout)) return "asked for a name and a password";
  if (/HTTP request to an HTTPS server|rejected our request for an unknown reason|BadRequest/.test(stderr))
    return "no TLS";
  return "not sent";
}
