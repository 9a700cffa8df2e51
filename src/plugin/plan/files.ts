import { fileTexts, isManifestFile } from "../manifests/files.ts";
import { type Manifest, manifestsIn } from "../manifests/objects.ts";
import { counted } from "../output/counted.ts";
import { PluginError, type Session } from "../session/session.ts";
import { turnsOf } from "../session/turns.ts";

/** Every object of these files; rejects with a PluginError at the first that cannot be read, or where there is no file. */
export async function readManifests(
  session: Session,
  names: readonly string[],
  recursive: boolean,
): Promise<readonly Manifest[]> {
  const manifests: Manifest[] = [];
  const turns = turnsOf(session);
  let files = 0;
  const choice = { recursive, takes: isManifestFile };
  const told = () => `reading the files: ${counted(manifests.length, "object", "objects")}`;
  await session.during(told, async () => {
    for await (const { file, text, problem } of fileTexts(session, names, choice)) {
      files += 1;
      if (text === undefined) throw new PluginError(`${file}: ${problem}`);
      for (const { manifest, fault } of manifestsIn(text)) {
        if (fault !== undefined)
          throw new PluginError(`${file}:${fault.position.line}:${fault.position.column}: ${fault.message}`);
        manifests.push(manifest);
        if (turns.areOver) await turns.next();
      }
    }
  });
  // An empty plan would be an answer about other files than the ones that were meant.
  if (files === 0)
    throw new PluginError(
      "there is no manifest in these folders: name a folder with .yaml, .yml or .json files, or give -R for the folders below",
    );
  return manifests;
}
