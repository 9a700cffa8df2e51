import { DATA_KEY } from "./names.ts";

/** Is this the name of an account that a login of AuthorizedKeys may have? The rule of crds/authorizedkeys.yaml. */
export function isLogin(text: string): boolean {
  return LOGIN.test(text) && text !== DATA_KEY;
}

/** What the CRD says of a login that is none. */
export const LOGIN_RULE =
  "a login has 1 to 32 characters, the first one a to z or _, the others a to z, 0 to 9, _ . or -, and is not authorized_keys. An account with another name, such as one of digits only or with capital letters, cannot be had, by map neither: rename the account";

/** The most items that the lists of an AuthorizedKeys may have. */
export const AUTHORIZED_KEYS_LIMITS = { from: 32, users: 512, map: 256, omitted: 50 } as const;

// No `$` at its end as useradd allows: a data key of a Secret cannot have it.
const LOGIN = /^[a-z_][a-z0-9_.-]{0,31}$/;
