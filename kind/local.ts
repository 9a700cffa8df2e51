import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../controlplane/build.ts";
import { onPath } from "../controlplane/executable.ts";
import { withLock } from "../controlplane/lock.ts";
import { Buildah } from "./buildah.ts";
import { type Run, runCommand } from "./command.ts";
import { type Engine, EngineError } from "./engine.ts";
import { makeLocalImages, NODE_IMAGE } from "./localimages.ts";
import { Sandbox } from "./sandbox.ts";

/** Of Debian and Ubuntu. */
const PACKAGES = readFileSync(join(import.meta.dirname, "packages.txt"), "utf8")
  .trim()
  .split(/\s+/);
/** Programs by which to see that the packages are there. */
const PROGRAMS = ["podman", "buildah", "runc", "iptables", "ip", "mmdebstrap", "unshare", "nsenter"];

/**
 * Makes all images on this machine, and runs the node by podman in namespaces of its own: where no image can be
 * pulled. Another process that does so waits. Throws an EngineError where that cannot be done.
 */
export async function withLocalImages<T>(
  run: Run,
  repository: string,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  checkMachine();
  const folder = join(cacheFolder(process.env), "kind");
  mkdirSync(folder, { recursive: true });
  const waiting = () => run.progress(`waiting for another process that has a cluster in ${folder}`);
  return withLock(join(folder, ".lock"), waiting, async () => {
    const env = { ...process.env, KIND_EXPERIMENTAL_PROVIDER: "podman", ...writeConfiguration(folder) };
    const buildah = new Buildah({ ...run, env });
    await makeLocalImages({ buildah, folder, repository, env: process.env, progress: run.progress });
    const sandbox = await Sandbox.start();
    try {
      // What an earlier run could not remove goes first.
      const command = sandbox.within(["podman", "rm", "--all", "--force", "--volumes"]);
      await runCommand({ ...run, title: "removing containers", command, env });
      return await use({
        provider: "podman",
        nodeImage: NODE_IMAGE,
        env,
        within: (command) => sandbox.within(command),
        async buildImage({ name, dockerfile, context, archive }) {
          await buildah.build({ name, dockerfile, context, volumes: registrySettings() });
          await buildah.save(name, archive);
          await buildah.removeImage(name);
        },
      });
    } finally {
      await sandbox.close();
    }
  });
}

function checkMachine(): void {
  const missing = PROGRAMS.filter((program) => onPath(program, process.env) === undefined);
  const isRoot = process.getuid?.() === 0;
  if (process.platform === "linux" && isRoot && missing.length === 0) return;
  throw new EngineError(
    `A cluster needs Docker or podman that runs and can pull images (none does here), or, to make the images on this machine, root on Debian or Ubuntu with: apt-get install --no-install-recommends ${PACKAGES.join(" ")}${isRoot && missing.length > 0 ? `; missing here: ${missing.join(", ")}` : ""}.`,
  );
}

/** What reaches the registries of packages from this machine, for RUN alone: it does not get into an image. */
function registrySettings(): string[] {
  const files = ["/etc/ssl/certs/ca-certificates.crt", "/root/.npmrc", "/usr/local/etc/npmrc"];
  return files.filter((file) => existsSync(file)).map((file) => `${file}:${file}:ro`);
}

/** Makes a store that is nobody else's; the environment that names it. */
function writeConfiguration(folder: string): NodeJS.ProcessEnv {
  const storage = join(folder, "storage.conf");
  const containers = join(folder, "containers.conf");
  writeFileSync(
    storage,
    `[storage]\ndriver = "overlay"\ngraphroot = "${join(folder, "storage")}"\nrunroot = "${join(folder, "run")}"\n`,
  );
  // cgroupfs and runc: also where systemd does not run, and under cgroup v1.
  writeFileSync(
    containers,
    `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
network_config_dir = "${join(folder, "networks")}"
`,
  );
  return { CONTAINERS_CONF: containers, CONTAINERS_STORAGE_CONF: storage };
}
