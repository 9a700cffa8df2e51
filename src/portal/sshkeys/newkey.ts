import { validateExpiresAt, validateSpec, validateTitle } from "../../api/rules.ts";
import type { SSHKeySpec } from "../../api/sshkey.generated.ts";
import { formatRFC3339, parseRFC3339 } from "../../api/time.ts";
import { examined } from "../../claims/examination.ts";
import { judge, type Knowledge, NO_KNOWLEDGE } from "../../claims/judgement.ts";
import { newKeyCommand, type Policy } from "../../claims/policy.ts";
import { toSSHKeyRecord } from "../../claims/record.ts";
import { parseOptions } from "../../ssh/options.ts";
import { findPrivateKey } from "../../ssh/privatekey.ts";
import { latestDay } from "./expiry.ts";
import { type FirstKey, readPasted } from "./pastedkey.ts";
import type { PortalKey } from "./portalkey.ts";

/** What somebody typed, pasted or sent. */
export interface TypedKey {
  readonly key: string;
  readonly title: string;
  /** RFC 3339, or what is no time and is told; undefined for none. */
  readonly expiresAt: string | undefined;
  readonly options: readonly string[];
}

/** Of the proof see givenproof.ts. */
export type TypedField = keyof TypedKey | "proof";

/** What is wrong with a field: a stable code, and a sentence with the next step. */
export interface Problem {
  readonly field: TypedField;
  readonly code: string;
  readonly message: string;
  /** The SSHKey that is in the way. */
  readonly holder?: PortalKey;
}

/** What counts beside the typed key itself. */
export interface Circumstances {
  /** The keys that the user has. */
  readonly own?: readonly PortalKey[];
  readonly knowledge?: Knowledge;
  /** May whoever adds the key give it options? */
  readonly mayGiveOptions?: boolean;
}

export type NewKey =
  | { readonly spec: SSHKeySpec; readonly problems: readonly [] }
  | {
      readonly problems: readonly [Problem, ...Problem[]];
      /** What was most likely meant, to be looked at and sent again; what was typed where that is not known. */
      readonly offer: Pick<TypedKey, "key" | "options">;
      /** The texts of further keys in what was pasted. */
      readonly others: readonly string[];
      /** Nothing of a private key is ever shown again. */
      readonly isPrivate: boolean;
    };

/** The spec of a new SSHKey of this user, or everything that is wrong with it. `now` is in ms since the epoch. */
export function newKey(
  typed: TypedKey,
  user: string,
  policy: Policy,
  now: number,
  circumstances: Circumstances = {},
): NewKey {
  const { mayGiveOptions = false } = circumstances;
  const secret = privateKeyProblem(
    [typed.key, typed.title, typed.expiresAt, ...typed.options].join("\n"),
    policy,
  );
  if (secret !== undefined)
    return { problems: [secret], offer: { key: "", options: [] }, others: [], isPrivate: true };
  const { first, others } = readPasted(typed.key);
  const found = "code" in first ? undefined : first;
  const title = typed.title.trim();
  const options = [...typed.options, ...((mayGiveOptions && found?.options) || [])];
  const spec: SSHKeySpec = {
    user,
    key: found?.line ?? "",
    ...(title === "" ? {} : { title }),
    ...(options.length === 0 ? {} : { options }),
    ...(typed.expiresAt === undefined ? {} : { expiresAt: typed.expiresAt }),
  };
  const problems: Problem[] = [
    ...severalKeys(others.length),
    ...("code" in first
      ? [{ field: "key", code: first.code, message: first.message } as const]
      : keyProblems(first, spec, policy, now, circumstances)),
    ...titleProblems(title),
    ...optionProblems(typed.options, found?.options ?? [], mayGiveOptions),
    ...expiryProblems(typed.expiresAt, policy, now),
  ];
  // Of what the API server would refuse, nothing has been missed; but if it has, it is told here.
  if (problems.length === 0) problems.push(...refusals(spec));
  const [problem, ...more] = problems;
  if (problem === undefined) return { spec, problems: [] };
  const offer = { key: found?.line ?? typed.key, options: mayGiveOptions ? options : typed.options };
  return { problems: [problem, ...more], offer, others, isPrivate: false };
}

/** Says that a text holds a private key, without a word of it; undefined where it shows no sign of one. */
export function privateKeyProblem(text: string, policy: Policy): Problem | undefined {
  const secret = findPrivateKey(text);
  if (secret === undefined) return undefined;
  const message = `This is a private key (${secret.kind}). It was not stored, but it has left your computer, so it is no longer secret: make a new pair with ${newKeyCommand(policy)}, and paste the line of its .pub file.`;
  return { field: "key", code: "PrivateKey", message };
}

function severalKeys(others: number): readonly Problem[] {
  if (others === 0) return [];
  const message = `These are ${others + 1} keys: add them one by one. The first one is filled in; the others wait below.`;
  return [{ field: "key", code: "SeveralKeys", message }];
}

/** What the operator will say of the key itself, and what was done to the text to get it. */
function keyProblems(
  { blob, change }: FirstKey,
  { user, key }: SSHKeySpec,
  policy: Policy,
  now: number,
  { own = [], knowledge = NO_KNOWLEDGE }: Circumstances,
): readonly Problem[] {
  const metadata = {
    name: "new",
    namespace: "new",
    uid: "new",
    resourceVersion: "1",
    generation: 1,
    creationTimestamp: new Date(now).toISOString(),
  };
  const record = examined(toSSHKeyRecord({ metadata, spec: { user, key } }), knowledge.primeProducts);
  const problems: Problem[] = judge(record, { ...policy, maximumLifetime: undefined }, knowledge)
    // A proof is given when the key is there.
    .filter(({ state }) => state !== "Unproven")
    .map(({ code, message }) => ({ field: "key", code, message }));
  const holder = own.find(({ facts, isTerminating }) => !isTerminating && facts?.blob.equals(blob));
  if (holder !== undefined) problems.push(duplicate(holder));
  if (change === undefined) return problems;
  const message = problems.length === 0 ? `${change} Look at it, then add it.` : change;
  return [{ field: "key", code: "Changed", message }, ...problems];
}

/** Says that the user has the key already. */
export function duplicate(holder: PortalKey): Problem {
  return { field: "key", code: "Duplicate", message: "This key is here already:", holder };
}

function titleProblems(title: string): readonly Problem[] {
  const refused = validateTitle(title);
  return refused === undefined ? [] : [{ field: "title", code: refused.code, message: sentence(refused) }];
}

/** `before` stood before the key in what was pasted. */
function optionProblems(
  given: readonly string[],
  before: readonly string[],
  mayGiveOptions: boolean,
): readonly Problem[] {
  const problem = (code: string, message: string): Problem => ({ field: "options", code, message });
  if (!mayGiveOptions)
    return [
      ...(given.length === 0
        ? []
        : [problem("OptionsNotAllowed", "Only administrators give keys options: remove them.")]),
      ...(before.length === 0
        ? []
        : [
            {
              field: "key",
              code: "OptionsLeftOut",
              message: `Options stood before the key: ${before.join(", ")}. Only administrators can add a key with them. Here is the key without them, so without their limits.`,
            } as const,
          ]),
    ];
  const parsed = parseOptions([...given, ...before]);
  return [
    ...(before.length === 0
      ? []
      : [problem("OptionsMoved", "These options stood before the key: look at them, then add the key.")]),
    ...(parsed.ok ? [] : [problem(parsed.refusal.code, parsed.refusal.message)]),
  ];
}

function expiryProblems(expiresAt: string | undefined, policy: Policy, now: number): readonly Problem[] {
  const problem = (code: string, message: string): readonly Problem[] => [
    { field: "expiresAt", code, message },
  ];
  const latest = latestDay(policy, now);
  if (expiresAt === undefined)
    return latest === undefined
      ? []
      : problem("LifetimeTooLong", `Keys must expire here: choose ${latest} or an earlier day.`);
  const time = validateExpiresAt(expiresAt) === undefined ? parseRFC3339(expiresAt) : undefined;
  if (time === undefined)
    return problem("InvalidExpiresAt", "There is no such day: write one as year, month and day, 2027-01-31.");
  if (time <= now) return problem("Past", `This day is over (${formatRFC3339(time)}): choose a later one.`);
  if (policy.maximumLifetime !== undefined && time > now + policy.maximumLifetime)
    return problem("LifetimeTooLong", `Keys may not live as long here: choose ${latest} or an earlier day.`);
  return [];
}

function refusals(spec: SSHKeySpec): readonly Problem[] {
  return validateSpec(spec).map((refused) => {
    const field = refused.field.replace("spec.", "");
    const isTyped = field === "title" || field === "expiresAt" || field === "options";
    return { field: isTyped ? field : "key", code: refused.code, message: sentence(refused) };
  });
}

/** The CRD's words begin in the middle of a sentence. */
function sentence({ message }: { readonly message: string }): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
