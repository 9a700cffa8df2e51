import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import type { Tenant } from "./tenant.ts";

/** A folder of lists, and alice's keys `leaked` and `kept`, of which the first one comes onto them. */
export class Leak {
  readonly stage: Stage;
  readonly tenant: Tenant;
  readonly #folder: string;
  readonly #config: string;
  readonly #state: "Compromised" | "Revoked";
  readonly #leaked = freshKey();
  readonly #kept = freshKey();

  private constructor(stage: Stage, tenant: Tenant, folder: string, o: LeakOptions) {
    this.stage = stage;
    this.tenant = tenant;
    this.#folder = folder;
    this.#config = o.config(folder);
    this.#state = o.state;
  }

  /** Both are in the file, and the lists are empty. */
  static async open(o: LeakOptions): Promise<Leak> {
    const stage = await Stage.open();
    const folder = await mkdtemp(join(tmpdir(), "leak-"));
    const leak = new Leak(stage, await stage.tenant(), folder, o);
    if (o.file !== undefined) await leak.put(o.file, "");
    await leak.restart();
    await leak.tenant.create("leaked", { user: "alice", key: leak.#leaked });
    await leak.tenant.create("kept", { user: "alice", key: leak.#kept });
    await leak.untilBack();
    return leak;
  }

  /** Of the leaked key. */
  async fingerprint(): Promise<string> {
    return (await this.tenant.read("leaked")).status?.fingerprint ?? "";
  }

  /** The whole file is another one from one moment to the next, as in a mounted volume. */
  async put(name: string, content: string | Buffer): Promise<void> {
    const file = join(this.#folder, name);
    await writeFile(join(this.#folder, `.${name}`), content);
    await rename(join(this.#folder, `.${name}`), file);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name));
  }

  /** The operator starts, again too, with what is in the folder. */
  async restart(): Promise<void> {
    await this.stage.run({ config: this.#config });
  }

  /** Waits until the leaked key is out, and the other one alone in the file. */
  async untilOut(): Promise<SSHKeyStatus> {
    const status = await this.tenant.until("leaked", this.#state);
    await this.tenant.untilFile("sshkeys-alice", [this.tenant.line("kept", this.#kept)]);
    return status;
  }

  /** Waits until both are in the file. */
  async untilBack(): Promise<void> {
    await this.tenant.until("leaked", "Projected");
    const lines = [this.tenant.line("kept", this.#kept), this.tenant.line("leaked", this.#leaked)];
    await this.tenant.untilFile("sshkeys-alice", lines);
  }

  /** An SSHKey of the leaked key that is made now, elsewhere, never gets into a Secret. */
  async staysOut(): Promise<void> {
    const other = await this.stage.tenant();
    await other.create("leaked", { user: "bob", key: this.#leaked });
    await other.until("leaked", this.#state);
    expect(await other.secrets()).toEqual([]);
  }

  async close(): Promise<void> {
    await this.stage.close();
    await rm(this.#folder, { recursive: true });
  }
}

interface LeakOptions {
  /** The configuration that names the folder, or a file in it. */
  readonly config: (folder: string) => string;
  /** What a key is that is on a list. */
  readonly state: "Compromised" | "Revoked";
  /** A list that has to be there when the operator starts. */
  readonly file?: string;
}
