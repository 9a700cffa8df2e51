import { validateUser } from "../../api/rules.ts";

/** Somebody who is signed in. */
export interface Person {
  /** `spec.user` of the own keys. */
  readonly user: string;
  /** As the issuer, the proxy or the API server names them; none that begins with `system:`. */
  readonly groups: readonly string[];
  /** Where the own keys are. */
  readonly namespace: string;
  readonly signedInBy: SignIn;
}

/** `insecure`: the name that the command line gives to everybody on loopback; `admin` may do everything. */
export type SignIn = "oidc" | "token" | "proxy" | "insecure" | "insecure-admin";

/** Why somebody is not let in, in a sentence for that person. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/**
 * The name as the user of SSHKeys, just as it is: nothing is normalised, so that no two names are one person. Throws a
 * Refused for a name that no user can have, and for the API server's own.
 */
export function asUser(name: string): string {
  if (name.startsWith("system:"))
    throw new Refused("names that begin with system: are the API server's own: sign in as a person");
  const problem = validateUser(name);
  if (problem !== undefined)
    throw new Refused(`your user name cannot have keys: ${problem.message}; ask your administrator`);
  return name;
}

/** The groups that may count: names of the API server's own groups are nobody's to give. */
export function asGroups(names: readonly string[]): readonly string[] {
  return names.filter((name) => name !== "" && !name.startsWith("system:"));
}
