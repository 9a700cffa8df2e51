import { KIND } from "../../src/api/names.ts";
import { type ExampleObject, exampleObjects } from "../sshd/example.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { applyWhole } from "./kubernetes.ts";

/** In which an example is applied: its namespaces have other names here, and its SSHKeys other keys. */
export interface Surroundings {
  readonly names: Readonly<Record<string, string>>;
  /** By the SSHKey's name. */
  readonly keys: ReadonlyMap<string, KeyPair>;
}

/** Applies a manifest of an example as it is, but for names, keys, the image, and a folder in place of a persistent volume. */
export async function applyExample(
  file: string,
  folder: string,
  { names, keys }: Surroundings,
): Promise<void> {
  const objects = await exampleObjects(file, folder, names);
  const image = process.env.E2E_ACCOUNTS_IMAGE ?? "";
  const text = JSON.stringify(objects.map((object) => withKey(object, keys)))
    .replaceAll(/registry\.example\.com\/[^"]+/g, image)
    .replaceAll(/"persistentVolumeClaim":\{[^}]*\}/g, '"emptyDir":{}');
  const all: readonly ExampleObject[] = JSON.parse(text);
  await applyWhole(all.filter(({ kind }) => kind !== "PersistentVolumeClaim"));
}

function withKey(object: ExampleObject, keys: ReadonlyMap<string, KeyPair>): ExampleObject {
  if (object.kind !== KIND) return object;
  const key = keys.get(object.metadata.name);
  if (key === undefined) throw new Error(`there is no key for SSHKey ${object.metadata.name}`);
  return { ...object, spec: { ...object.spec, key: key.publicKey } };
}
