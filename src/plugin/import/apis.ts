import { isObject } from "../../api/object.ts";
import { parseRFC3339 } from "../../api/time.ts";
import { PluginError } from "../session/session.ts";
import type { Source } from "./importedkeys.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The keys in what Foreman says: the list of a user's ssh_keys, one of them, a user with the keys in it, or the parameters
 * of a host (ENC), as JSON or YAML.
 */
export function foremanKeys(file: string, document: unknown): readonly Source[] {
  if (document === null || document === undefined) return [];
  const found = [
    ...parametersOf(document).flatMap((parameters) => parameterKeys(file, parameters)),
    ...rowsOf(document).flatMap(({ row, path }) => rowKeys(`${file}: ${path}`, row)),
  ];
  if (found.length > 0 || isEmptyList(document)) return found;
  throw new PluginError(
    `${file} has no keys in a form of Foreman: give what GET /api/users/ID/ssh_keys or GET /api/users/ID answers, or the parameters of a host`,
  );
}

/** What may hold the parameters ssh_authorized_keys and foreman_users. */
function parametersOf(document: unknown): readonly Fields[] {
  const root = fieldsOf(document);
  const data = fieldsOf(root.data);
  return [root, fieldsOf(root.parameters), data, fieldsOf(data.parameters)];
}

function parameterKeys(file: string, { foreman_users, ssh_authorized_keys }: Fields): readonly Source[] {
  const known = new Set<string>();
  const found: Source[] = [];
  for (const [login, fields] of Object.entries(fieldsOf(foreman_users))) {
    for (const [index, entry] of listOf(fieldsOf(fields).ssh_authorized_keys).entries()) {
      const { type, key, comment = "" } = fieldsOf(entry);
      const place = `${file}: foreman_users ${login}, key ${index + 1}`;
      if (typeof type !== "string" || typeof key !== "string") {
        found.push({ place, leftOut: "it has no type and key" });
        continue;
      }
      known.add(JSON.stringify([login, type, key]));
      const words = typeof comment === "string" ? `${type} ${key} ${comment}` : `${type} ${key}`;
      found.push({ place, text: oneLine(words), user: login, isOneLine: true });
    }
  }
  for (const [index, line] of listOf(ssh_authorized_keys).entries()) {
    const place = `${file}: ssh_authorized_keys ${index + 1}`;
    if (typeof line !== "string") {
      found.push({ place, leftOut: "it is no key line" });
      continue;
    }
    const user = loginOf(line);
    const [type, key] = line.split(" ");
    // Foreman gives the keys of an owner in both forms.
    if (known.has(JSON.stringify([user, type, key]))) continue;
    found.push({ place, text: oneLine(line), ...(user === undefined ? {} : { user }), isOneLine: true });
  }
  return found;
}

/** Foreman puts LOGIN@HOST in place of the comment, and a number behind it from the second key on in some templates. */
function loginOf(line: string): string | undefined {
  const [, , ...words] = line.trim().split(" ");
  const comment = words.join(" ").replace(/ - \d{1,9}$/, "");
  const at = comment.lastIndexOf("@");
  return at > 0 ? comment.slice(0, at) : undefined;
}

interface Row {
  readonly row: Fields;
  readonly path: string;
}

function rowsOf(document: unknown): readonly Row[] {
  const { results } = fieldsOf(document);
  if (Array.isArray(results)) return rowsIn(results, "results");
  return Array.isArray(document)
    ? rowsIn(document, "item")
    : [{ row: fieldsOf(document), path: "the object" }];
}

function rowsIn(list: readonly unknown[], of: string): readonly Row[] {
  return list.map((each, index) => ({ row: fieldsOf(each), path: `${of} ${index + 1}` }));
}

/** A key, or a user with a list of them. */
function rowKeys(place: string, row: Fields, user?: string): readonly Source[] {
  const { key, name, login, ssh_keys } = row;
  if (Array.isArray(ssh_keys)) {
    const owner = typeof login === "string" ? login : undefined;
    return rowsIn(ssh_keys, "ssh_keys").flatMap((each) => rowKeys(`${place}, ${each.path}`, each.row, owner));
  }
  if (typeof key !== "string") return [];
  return [
    {
      place,
      text: oneLine(key),
      isOneLine: true,
      ...(user === undefined ? {} : { user }),
      ...(typeof name === "string" ? { title: name } : {}),
    },
  ];
}

/** The keys in what GitLab's API answers to GET /users/ID/keys, /user/keys, /keys and /keys/ID. */
export function gitlabKeys(file: string, document: unknown): readonly Source[] {
  if (document === null || document === undefined) return [];
  const rows = Array.isArray(document) ? document : [document];
  return rows.map((each: unknown, index): Source => {
    const { key, title, expires_at, usage_type, user } = fieldsOf(each);
    const place = `${file}: key ${index + 1}`;
    if (typeof key !== "string") {
      if (!Array.isArray(document))
        throw new PluginError(
          `${file} is no answer of GitLab with keys: give what GET /users/ID/keys answers`,
        );
      return { place, leftOut: "it has no key" };
    }
    const { username, state = "active" } = fieldsOf(user);
    if (usage_type === "signing")
      return { place, leftOut: "it is for signing commits, and not for logging in" };
    if (state !== "active") return { place, leftOut: "its user is not active in GitLab" };
    if (typeof expires_at === "string" && parseRFC3339(expires_at) === undefined)
      return { place, leftOut: "its expires_at is no time of RFC 3339" };
    return {
      place,
      text: oneLine(key),
      isOneLine: true,
      ...(typeof username === "string" ? { user: username } : {}),
      ...(typeof title === "string" ? { title } : {}),
      ...(typeof expires_at === "string" ? { expiresAt: expires_at } : {}),
    };
  });
}

/** Several lines in one field are none that the source meant, and the reader of lines would take each for a key. */
function oneLine(text: string): string {
  return text.trim().replace(/[\r\n]+/g, " ");
}

function isEmptyList(document: unknown): boolean {
  const { results, ssh_keys } = fieldsOf(document);
  return [document, results, ssh_keys].some((each) => Array.isArray(each) && each.length === 0);
}

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
