import { rmSync } from "node:fs";
import { type Run, runCommand } from "./command.ts";

export interface Build {
  readonly name: string;
  readonly dockerfile: string;
  readonly context: string;
  /** Folders that `COPY --from=NAME` reads from. */
  readonly contexts?: Readonly<Record<string, string>>;
  readonly args?: Readonly<Record<string, string>>;
  /** HOST:CONTAINER:ro, for `RUN` alone. */
  readonly volumes?: readonly string[];
}

/** Builds images without a daemon, in a store of its own. */
export class Buildah {
  readonly #base: Run & { readonly env: NodeJS.ProcessEnv };

  /** `env` names the store's configuration. */
  constructor(base: Run & { readonly env: NodeJS.ProcessEnv }) {
    this.#base = base;
  }

  run(title: string, command: readonly string[]): Promise<void> {
    return runCommand({ ...this.#base, title, command });
  }

  async build(b: Build): Promise<void> {
    const volumes = (b.volumes ?? []).flatMap((volume) => ["--volume", volume]);
    const contexts = pairs(b.contexts).flatMap((pair) => ["--build-context", pair]);
    const args = pairs(b.args).flatMap((pair) => ["--build-arg", pair]);
    const how = ["--isolation", "chroot", "--network", "host", "--pull-never", "--layers=false"];
    const what = ["--tag", b.name, "--file", b.dockerfile, b.context];
    await this.run(`building ${b.name}`, [
      "buildah",
      "build",
      ...how,
      ...volumes,
      ...contexts,
      ...args,
      ...what,
    ]);
  }

  async save(name: string, archive: string): Promise<void> {
    rmSync(archive, { force: true });
    await this.run(`saving ${name}`, [
      "buildah",
      "push",
      "--quiet",
      name,
      `docker-archive:${archive}:${name}`,
    ]);
  }

  async removeImage(name: string): Promise<void> {
    await this.run(`removing ${name}`, ["buildah", "rmi", name]);
  }

  async removeAllImages(): Promise<void> {
    await this.run("removing earlier images", ["buildah", "rmi", "--all", "--force"]);
  }
}

function pairs(record: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(record).map(([name, value]) => `${name}=${value}`);
}
