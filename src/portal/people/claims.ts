import type { OIDCSettings, PortalSettings } from "../../config/portalsettings.ts";
import { asGroups, asUser, type Person, Refused } from "./person.ts";

/** The claims of an ID token; whatever an issuer puts there. */
export type IDClaims = Readonly<Record<string, unknown>>;

/**
 * The person whom the claims of an ID token name. Throws a Refused, for that person to read, when they name none: a user is
 * `sub`, an e-mail address that the issuer has verified, or a claim that the administrator has declared immutable.
 */
export function personOf(
  claims: IDClaims,
  oidc: OIDCSettings,
  { groups: wanted, namespaceClaim, namespaces }: PortalSettings,
  namespace: string,
): Person {
  const groups = groupsOf(claims, oidc.groupsClaim, wanted);
  const user = asUser(userName(claims, oidc.userClaim));
  return {
    user,
    groups,
    namespace: namespaceOf(claims, namespaceClaim, namespaces) ?? namespace,
    signedInBy: "oidc",
  };
}

function userName(claims: IDClaims, claim: string): string {
  const value = claims[claim];
  if (typeof value !== "string" || value === "") {
    throw new Refused(
      `your sign-in has no claim ${claim} that is a text, by which you would be known here: ask your administrator, who may choose another with portal.oidc.userClaim`,
    );
  }
  const { email_verified: verified } = claims;
  if (claim === "email" && verified !== true && verified !== "true") {
    throw new Refused(
      "your e-mail address is not verified (claim email_verified): verify it where you sign in; or the administrator sets portal.oidc.userClaim to sub, or to a claim that never changes",
    );
  }
  return value;
}

/** With the longest user name the session is still a cookie that browsers keep. */
const MOST_GROUP_BYTES = 1400;

/** Only those that the configuration names where it names any: a session must fit into a cookie. */
function groupsOf(claims: IDClaims, claim: string, wanted: readonly string[] | undefined): readonly string[] {
  const { _claim_names: elsewhere, hasgroups: isTooMany } = claims;
  const isElsewhere =
    (typeof elsewhere === "object" && elsewhere !== null && Object.hasOwn(elsewhere, claim)) ||
    (claim === "groups" && (isTooMany === true || isTooMany === "true"));
  const value = claims[claim];
  if (value === undefined && isElsewhere) {
    if (wanted === undefined) return [];
    throw tooManyGroups();
  }
  const names = typeof value === "string" ? [value] : Array.isArray(value) ? value : [];
  const groups = asGroups(names.filter((name) => typeof name === "string"));
  const kept = wanted === undefined ? groups : groups.filter((name) => wanted.includes(name));
  if (Buffer.byteLength(JSON.stringify(kept)) <= MOST_GROUP_BYTES) return kept;
  // Without them nobody has more rights than with them.
  if (wanted === undefined) return [];
  throw tooManyGroups();
}

function tooManyGroups(): Refused {
  return new Refused(
    "you are in so many groups that your sign-in cannot name them: ask your administrator to let the issuer send only the groups of this application, or application roles",
  );
}

function namespaceOf(
  claims: IDClaims,
  claim: string | undefined,
  namespaces: readonly string[],
): string | undefined {
  if (claim === undefined) return undefined;
  const value = claims[claim];
  const found = namespaces.find((name) => name === value);
  if (found === undefined)
    throw new Refused(
      `your sign-in names no namespace of this portal (claim ${claim}): ask your administrator`,
    );
  return found;
}
