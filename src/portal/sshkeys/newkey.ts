import { validateTitle } from "../../api/rules.ts";
import type { SSHKeySpec } from "../../api/sshkey.generated.ts";
import { type Finding, judge, NO_KNOWLEDGE } from "../../claims/judgement.ts";
import type { Policy } from "../../claims/policy.ts";
import { toSSHKeyRecord } from "../../claims/record.ts";
import { readForeign } from "../../ssh/foreign.ts";
import { findPrivateKey } from "../../ssh/privatekey.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { printable } from "../../ssh/unprintable.ts";

/** What somebody typed, pasted or sent. */
export interface TypedKey {
  readonly key: string;
  readonly title: string;
  /** RFC 3339; undefined for none. */
  readonly expiresAt: string | undefined;
  readonly options: readonly string[];
}

export type TypedField = keyof TypedKey;

/** What is wrong with a field: a stable code, and a sentence with the next step. */
export interface Problem {
  readonly field: TypedField;
  readonly code: string;
  readonly message: string;
}

export type NewKey =
  | { readonly spec: SSHKeySpec; readonly problems: readonly [] }
  | {
      readonly problems: readonly Problem[];
      /** The one line that was most likely meant, to be looked at and sent again. */
      readonly suggestion?: string;
      /** Further keys of what was pasted, one a line. */
      readonly others?: readonly string[];
      /** Nothing of a private key is ever shown again. */
      readonly isPrivate?: true;
    };

/** The spec of a new SSHKey of this user, or everything that is wrong with it. `now` is in ms since the epoch. */
export function newKey(typed: TypedKey, user: string, policy: Policy, now: number): NewKey {
  const privateKey = findPrivateKey([typed.key, typed.title, ...typed.options].join("\n"));
  if (privateKey !== undefined) {
    const message = `This is a private key (${privateKey.kind}). It was not stored, but it has left your computer: make a new pair, and paste the public half, which this prints: ${privateKey.publicHalf}`;
    return { problems: [{ field: "key", code: "PrivateKey", message }], isPrivate: true };
  }
  const lines = typed.key.split(/\r\n|\r|\n/).map((line) => line.trim());
  const given = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const title = typed.title.trim();
  const problems: Problem[] = [];
  const badTitle = validateTitle(title);
  if (badTitle !== undefined)
    problems.push({ field: "title", code: badTitle.code, message: badTitle.message });
  if (given.length === 0) {
    problems.push({ field: "key", code: "Missing", message: "Paste the line of your .pub file." });
    return { problems };
  }
  const foreign = readForeign(typed.key);
  if (foreign !== undefined) {
    const { what, key, advice, comment } = foreign;
    if (key === undefined)
      return {
        problems: [...problems, { field: "key", code: "ForeignFormat", message: `${what}${advice}.` }],
      };
    const suggestion = [key.type, key.blob.toString("base64"), printable(comment)].join(" ").trim();
    const message = `${what}. This is the same key as an OpenSSH line: look at it and add it.`;
    return { problems: [...problems, { field: "key", code: "ForeignFormat", message }], suggestion };
  }
  if (given.length > 1) return severalLines(given, problems);
  const [line = ""] = given;
  const spec: SSHKeySpec = {
    user,
    key: line,
    ...(title === "" ? {} : { title }),
    ...(typed.options.length === 0 ? {} : { options: [...typed.options] }),
    ...(typed.expiresAt === undefined ? {} : { expiresAt: typed.expiresAt }),
  };
  problems.push(...judged(spec, policy, now));
  return problems.length === 0 ? { spec, problems: [] } : { problems };
}

/** One key whose line was broken, or several keys. */
function severalLines(
  lines: readonly string[],
  problems: readonly Problem[],
): Exclude<NewKey, { spec: SSHKeySpec }> {
  if (lines.every((line) => parsePublicKey(line).ok)) {
    const [suggestion = "", ...others] = lines;
    const message = `These are ${lines.length} keys: add them one by one, beginning with the first.`;
    return { problems: [...problems, { field: "key", code: "SeveralKeys", message }], suggestion, others };
  }
  const joined = lines.join("");
  if (parsePublicKey(joined).ok) {
    const message =
      "The key is broken over several lines. This is the same key on one line: look at it and add it.";
    return { problems: [...problems, { field: "key", code: "BrokenLine", message }], suggestion: joined };
  }
  const message =
    "This is more than one line, and not every line is a key: paste the one line of your .pub file.";
  return { problems: [...problems, { field: "key", code: "SeveralLines", message }] };
}

/** What the operator will say of it. */
function judged(spec: SSHKeySpec, policy: Policy, now: number): readonly Problem[] {
  const metadata = {
    name: "new",
    namespace: "new",
    uid: "new",
    resourceVersion: "1",
    generation: 1,
    creationTimestamp: new Date(now).toISOString(),
  };
  const record = toSSHKeyRecord({ metadata, spec });
  const problems = judge(record, policy, NO_KNOWLEDGE)
    // A proof is given when the key is there.
    .filter(({ state }) => state !== "Unproven")
    .map((finding) => ({ field: fieldOf(finding), code: finding.code, message: finding.message }));
  if (record.expiresAt !== undefined && record.expiresAt <= now)
    return [
      ...problems,
      { field: "expiresAt", code: "Past", message: "This time has passed: choose a later one." },
    ];
  return problems;
}

function fieldOf({ code, message }: Finding): TypedField {
  if (code === "LifetimeTooLong" || message.startsWith("spec.expiresAt")) return "expiresAt";
  return code.includes("Option") && code !== "OptionsInKey" ? "options" : "key";
}
