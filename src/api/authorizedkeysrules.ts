import { codePoints, firstUnprintable } from "../ssh/unprintable.ts";
import type { AuthorizedKeysSource, AuthorizedKeysSpec, LoginMapping } from "./authorizedkeys.generated.ts";
import { isLogin, LOGIN_RULE } from "./logins.ts";
import { validateOptions } from "./rules.ts";
import type { FieldPath } from "./schema.ts";

/** Why a field of an AuthorizedKeys is not accepted. */
export interface AuthorizedKeysError {
  /** As the API server names it. */
  readonly field: "spec.secretName" | "spec.from" | "spec.logins.map" | "spec.options";
  /** The part of it that is wrong. */
  readonly path: FieldPath;
  /** What is wrong and what to do, in the CRD's own words. */
  readonly message: string;
}

/**
 * The rules of crds/authorizedkeys.yaml for a new AuthorizedKeys, as its CEL has them, one error a rule. Of a spec without
 * schema errors, with its defaults. Empty where the API server would store it.
 */
export function validateAuthorizedKeysSpec(spec: AuthorizedKeysSpec): readonly AuthorizedKeysError[] {
  return [
    ...secretNameErrors(spec),
    ...fromErrors(spec),
    ...identityErrors(spec),
    ...mapErrors(spec),
    ...optionErrors(spec),
  ];
}

/**
 * The CRD's words on another spec.secretName than before, given or left out; undefined where it stays. Of an AuthorizedKeys
 * that is there nothing else is said of that field.
 */
export function validateSecretNameChange(
  { secretName }: AuthorizedKeysSpec,
  old: AuthorizedKeysSpec,
): string | undefined {
  return secretName === old.secretName
    ? undefined
    : "the name of the Secret cannot be changed, nor given or left out later: delete this AuthorizedKeys and create one with the other name, which pods then have to mount";
}

function secretNameErrors({ secretName }: AuthorizedKeysSpec): AuthorizedKeysError[] {
  if (secretName === undefined || SECRET_NAME.test(secretName)) return [];
  const message =
    "a Secret's name has small letters, digits, - and . and begins and ends with a letter or digit, such as bastion-keys";
  return [{ field: "spec.secretName", path: ["spec", "secretName"], message }];
}

function fromErrors({ from }: AuthorizedKeysSpec): AuthorizedKeysError[] {
  if (from === undefined) return [];
  if (from.length === 0) {
    const message =
      "from is empty: leave it out for everybody of this namespace, or delete the AuthorizedKeys so that nobody can log in";
    return [{ field: "spec.from", path: ["spec", "from"], message }];
  }
  return ENTRY_RULES.flatMap(({ isBroken, at, message }) => {
    const index = from.findIndex(isBroken);
    return index === -1
      ? []
      : [{ field: "spec.from" as const, path: ["spec", "from", index, ...at], message }];
  });
}

/** What holds for each entry of `from`. */
const ENTRY_RULES: readonly {
  readonly isBroken: (entry: AuthorizedKeysSource) => boolean;
  readonly at: FieldPath;
  readonly message: string;
}[] = [
  {
    isBroken: ({ namespace, namespaceSelector }) =>
      namespace !== undefined && namespaceSelector !== undefined,
    at: ["namespaceSelector"],
    message: "an entry has both namespace and namespaceSelector: keep one of them, or make two entries",
  },
  {
    isBroken: ({ namespace }) => namespace !== undefined && !isNamespace(namespace),
    at: ["namespace"],
    message:
      "namespace is the name of one namespace, such as people; for several, make an entry for each, or select them by their labels with namespaceSelector",
  },
  {
    isBroken: ({ namespaceSelector }) =>
      namespaceSelector !== undefined && Object.keys(namespaceSelector.matchLabels).length === 0,
    at: ["namespaceSelector"],
    message: "namespaceSelector.matchLabels is empty: give at least one label",
  },
  {
    isBroken: ({ users }) => users?.length === 0,
    at: ["users"],
    message: "users of an entry is empty: leave it out for all users, or take the entry away for none",
  },
  {
    isBroken: ({ users = [] }) => users.some((user) => user === "" || /[\p{Cc}\p{Cf}]/u.test(user)),
    at: ["users"],
    message: "an item of users is empty or has a character that cannot be seen: remove it",
  },
];

/** Where a user name says who somebody is, it must not pass from one namespace to another. */
function identityErrors({ from, identity, layout, options = [] }: AuthorizedKeysSpec): AuthorizedKeysError[] {
  if (from === undefined || from.length === 0 || identity === "ByName") return [];
  if (layout === "SingleFile" && !options.some((option) => withoutPairs(option).includes("%"))) return [];
  const selector = from.findIndex(({ namespaceSelector }) => namespaceSelector !== undefined);
  if (selector !== -1) {
    const message =
      "with namespaceSelector one user name could be another person's in each namespace. If your namespaces give people one name everywhere, set identity to ByName; otherwise name each namespace, or use the layout SingleFile without %u, %n and %l in options";
    return [{ field: "spec.from", path: ["spec", "from", selector, "namespaceSelector"], message }];
  }
  const nameless = from.findIndex(({ users }, i) => users === undefined && i < from.length - 1);
  if (nameless === -1) return [];
  const message =
    "every entry but the last has to name its users, or else a name could pass from one namespace's person to another's: add users, put the entry without users last, or, if your namespaces give people one name everywhere, set identity to ByName";
  return [{ field: "spec.from", path: ["spec", "from", nameless], message }];
}

function mapErrors({ logins, identity }: AuthorizedKeysSpec): AuthorizedKeysError[] {
  const { map } = logins ?? {};
  if (map === undefined) return [];
  const error = (index: number, at: FieldPath, message: string): AuthorizedKeysError[] =>
    index === -1
      ? []
      : [{ field: "spec.logins.map", path: ["spec", "logins", "map", index, ...at], message }];
  return [
    ...error(
      map.findIndex(({ login }) => !isLogin(login)),
      ["login"],
      LOGIN_RULE,
    ),
    ...error(
      firstRepeated(map.map(({ login }) => login)),
      ["login"],
      "two entries have one login: give each user a login of their own",
    ),
    ...error(
      map.findIndex(
        ({ user }) => user === "" || firstUnprintable(user) !== undefined || /^\p{Z}|\p{Z}$/u.test(user),
      ),
      ["user"],
      "an entry's user is empty, begins or ends with a space, or has a character that cannot be seen: give the name as spec.user of the SSHKeys has it",
    ),
    ...(identity === "ByName"
      ? error(map.findIndex(hasNamespace), ["namespace"], NO_NAMESPACE)
      : error(
          map.findIndex(({ namespace = "" }) => !isNamespace(namespace)),
          ["namespace"],
          NAMESPACE_NEEDED,
        )),
  ];
}

const NO_NAMESPACE = "with identity ByName a user is one person in every namespace: leave out namespace";
const NAMESPACE_NEEDED =
  "with identity ByNamespace each entry names the namespace of its user, also where it is the own one: add namespace";

function hasNamespace({ namespace = "" }: LoginMapping): boolean {
  return namespace !== "";
}

function firstRepeated(texts: readonly string[]): number {
  const seen = new Set<string>();
  return texts.findIndex((text) => seen.size === seen.add(text).size);
}

function optionErrors({ options, layout }: AuthorizedKeysSpec): AuthorizedKeysError[] {
  if (options === undefined) return [];
  const error = (message: string, isBroken: (option: string) => boolean): AuthorizedKeysError[] => {
    const index = options.findIndex(isBroken);
    return index === -1 ? [] : [{ field: "spec.options", path: ["spec", "options", index], message }];
  };
  const asOfSSHKeys = validateOptions(options);
  const unseen = options.findIndex((option) => option === "" || firstUnprintable(option) !== undefined);
  const path: FieldPath = unseen === -1 ? ["spec", "options"] : ["spec", "options", unseen];
  return [
    ...(asOfSSHKeys === undefined
      ? []
      : [{ field: "spec.options" as const, path, message: asOfSSHKeys.message }]),
    ...error(
      "in an option %u stands for the user, %n for the namespace of the SSHKey and %l for the login: write any other percent sign as %%",
      (option) => /%([^unl]|$)/.test(withoutPairs(option)),
    ),
    ...(layout === "FilePerLogin"
      ? []
      : error(
          "in a SingleFile there are no logins for %l to stand for: use %u, or the layout FilePerLogin",
          (option) => withoutPairs(option).includes("%l"),
        )),
  ];
}

function withoutPairs(option: string): string {
  return option.replaceAll("%%", "");
}

function isNamespace(text: string): boolean {
  return codePoints(text) <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
}

const SECRET_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
