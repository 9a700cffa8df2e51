import type { Claim } from "../../src/claims/claim.ts";
import { Claims } from "../../src/claims/claims.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/claims/policy.ts";
import type { Standing } from "../../src/claims/standing.ts";
import { CREATED, type SSHKeyFacts, sshKeyRecord } from "./sshkeys.ts";

export const NOW = (CREATED + 60) * 1000;
export const OLDER = { name: "older", createdAt: CREATED } as const;
export const YOUNGER = { name: "younger", createdAt: CREATED + 1 } as const;

/** SSHKeys, and who holds which key. */
export class Scene {
  readonly claims: Claims;
  readonly policy: Policy;

  constructor(changes: Partial<Policy> = {}) {
    this.policy = { ...DEFAULT_POLICY, ...changes };
    this.claims = new Claims(this.policy);
  }

  put(...all: SSHKeyFacts[]): this {
    for (const facts of all) this.claims.put(sshKeyRecord(facts), NOW);
    return this;
  }

  claim(name: string, namespace = "team-a"): Claim {
    const claim = this.claims.get(namespace, name);
    if (claim === undefined) throw new Error(`there is no ${name}`);
    return claim;
  }

  standing(name: string, namespace?: string): Standing {
    return this.claims.standing(this.claim(name, namespace));
  }
}

export function messageOf(standing: Standing): string {
  return standing.state === "InForce" ? "" : standing.message;
}
