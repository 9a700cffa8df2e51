import { existsSync } from "node:fs";
import { AUTHORIZED_KEYS_KIND, KIND } from "../../api/names.ts";
import { type KubeObject, namespacedName, refOf } from "../../api/object.ts";
import type { StoredAuthorizedKeys } from "../../authorizedkeys/record.ts";
import type { StoredSSHKey } from "../../claims/record.ts";
import { printable } from "../../ssh/unprintable.ts";
import { plannedObjects } from "../foresight/plannedobjects.ts";
import { type FileText, fileTexts, isManifestFile, STDIN } from "../manifests/files.ts";
import { type Manifest, manifestsIn } from "../manifests/objects.ts";
import { PluginError, type Session } from "../session/session.ts";
import { turnsOf } from "../session/turns.ts";
import { gitTexts } from "./gittexts.ts";
import { isKeyFile } from "./keylines.ts";

/** The state that manifests are compared with, as if a cluster held it. */
export interface Base {
  /** As it was named. */
  readonly name: string;
  readonly sshKeys: readonly StoredSSHKey[];
  readonly authorizedKeys: readonly StoredAuthorizedKeys[];
  readonly namespaces: readonly KubeObject[];
  /** What could not be read or would not be stored, and counts as not there; each a sentence. */
  readonly notes: readonly string[];
  /** The object of this kind and `namespace/name`. */
  find(kind: string, id: string): StoredSSHKey | StoredAuthorizedKeys | undefined;
}

export interface BaseOptions {
  /** A folder or file, or else a git ref. */
  readonly name: string;
  /** What is compared with it: of a git ref the same is read. */
  readonly files: readonly string[];
  readonly recursive: boolean;
  /** ms since the epoch. */
  readonly now: number;
}

/**
 * Reads a folder or file whole, or of a git ref what is named. Of several objects with one name the last counts, as it does
 * for whoever applies them; of several with one key the first is the older. Throws a PluginError where there is no such state.
 */
export async function readBase(session: Session, o: BaseOptions): Promise<Base> {
  const manifests: Pick<Manifest, "object">[] = [];
  const notes: string[] = [];
  const turns = turnsOf(session);
  const note = (file: string, problem: string) => notes.push(notThere(file, problem));
  for await (const { file, text, problem = "" } of textsOf(session, o)) {
    if (text === undefined) note(file, problem);
    else if (!isKeyFile(file, text)) {
      for (const { manifest, fault } of manifestsIn(text)) {
        if (fault !== undefined) note(`${file}:${fault.position.line}`, fault.message);
        // Where its fields stand is of no use, and much.
        else manifests.push({ object: manifest.object });
        if (turns.areOver) await turns.next();
      }
    }
  }
  return baseOf(o.name, manifests, o.now, notes);
}

/** These manifests as a cluster that got them in this order, just before `now`, in ms since the epoch, would hold them. */
export function baseOf(
  name: string,
  manifests: readonly Pick<Manifest, "object">[],
  now: number,
  notes: readonly string[] = [],
): Base {
  const planned = plannedObjects(manifests, { sshKeys: [], authorizedKeys: [] }, "", now - HEAD_START_MS);
  const sshKeys = new Map(planned.sshKeys.map((object) => [namespacedName(refOf(object)), older(object)]));
  const authorizedKeys = new Map(
    planned.authorizedKeys.map((object) => [namespacedName(refOf(object)), object]),
  );
  return {
    name,
    sshKeys: [...sshKeys.values()],
    authorizedKeys: [...authorizedKeys.values()],
    namespaces: planned.namespaces,
    notes: [
      ...notes,
      ...planned.refused.map((refusal) => notThere(refusal, "the API server would not have stored it")),
    ],
    find: (kind, id) => {
      if (kind === KIND) return sshKeys.get(id);
      return kind === AUTHORIZED_KEYS_KIND ? authorizedKeys.get(id) : undefined;
    },
  };
}

/** Where dates say nothing, UIDs decide: these come before those of what is new. */
function older(object: StoredSSHKey): StoredSSHKey {
  return { ...object, metadata: { ...object.metadata, uid: `base-${object.metadata.uid}` } };
}

function notThere(what: string, why: string): string {
  return `${printable(what)} of the base counts as not there: ${printable(why)}`;
}

/** Its claims are older than all that come in, and its keys have lived for no time that matters. */
const HEAD_START_MS = 2000;

function textsOf(session: Session, { name, files, recursive }: BaseOptions): AsyncIterable<FileText> {
  if (name === STDIN)
    throw new PluginError("--base takes a folder, a file or a git ref, and no standard input");
  if (name.startsWith("-") || !existsSync(name)) return gitTexts(session, name, files, recursive);
  return fileTexts(session, [name], { recursive, takes: isManifestFile });
}
