import type { Adapter, AdapterPayload } from "oidc-provider";

/** What the issuer remembers, for as long as it runs. Whether something is over yet is its library's to see. */
export class Memory implements Adapter {
  readonly #known = new Map<string, AdapterPayload>();

  async upsert(id: string, payload: AdapterPayload): Promise<void> {
    this.#known.set(id, payload);
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#known.get(id);
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#that((payload) => payload.uid === uid);
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#that((payload) => payload.userCode === userCode);
  }

  async consume(id: string): Promise<void> {
    const payload = this.#known.get(id);
    if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id: string): Promise<void> {
    this.#known.delete(id);
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [id, payload] of this.#known) if (payload.grantId === grantId) this.#known.delete(id);
  }

  #that(is: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
    return [...this.#known.values()].find(is);
  }
}
