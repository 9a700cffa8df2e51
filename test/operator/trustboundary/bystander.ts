import { expect } from "vitest";
import { makeKey, makeProof, publicKeyLine } from "../../ssh/signer.ts";
import { freshKey } from "../publickeys.ts";
import type { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";

/** A key that came and went. */
interface Life {
  readonly name: string;
  readonly secret: string;
}

/** A tenant of another namespace, to whom nothing of an attack may be noticeable. */
export class Bystander {
  readonly tenant: Tenant;
  #count = 0;

  private constructor(tenant: Tenant) {
    this.tenant = tenant;
  }

  static async in(stage: Stage): Promise<Bystander> {
    return new Bystander(await stage.tenant());
  }

  /** As livesOn, with a proof. */
  async livesOnWithProof(): Promise<Life> {
    const key = makeKey("ssh-ed25519");
    return await this.livesOn(publicKeyLine(key), makeProof(key, this.nextUser));
  }

  private get nextUser(): string {
    return `bystander-${this.#count + 1}`;
  }

  /** A new key comes in and is revoked again; gives the names of its SSHKey and of its Secret. */
  async livesOn(key = freshKey(), proof?: string): Promise<Life> {
    const [name, user] = [`key-${this.#count + 1}`, this.nextUser];
    this.#count += 1;
    const secret = `sshkeys-${user}`;
    await this.tenant.create(name, { user, key, ...(proof === undefined ? {} : { proof }) });
    await this.tenant.until(name, "Projected");
    await this.tenant.untilFile(secret, [this.tenant.line(name, key)]);
    await this.tenant.edit(name, { disabled: true });
    await this.tenant.until(name, "Disabled");
    const { data } = await this.tenant.untilFile(secret, []);
    expect(data).toEqual({ authorized_keys: "" });
    return { name, secret };
  }
}
