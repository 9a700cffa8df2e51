import { isFaulty, isStillGood, knownFiles, ownerOf } from "./authorizedkeystruth.ts";
import { PREFIX } from "./installation.ts";
import { filesOf, linesOf, type StoredSecret } from "./secretserver.ts";
import type { World } from "./world.ts";

/** Lines that Secrets of AuthorizedKeys hold or lack, though there is no doubt about them. None at rest. */
export function doubtfulLines(world: World): readonly string[] {
  const { known } = world;
  const secrets = world.server.all().filter(({ metadata }) => {
    // Where the SSHKeys of its own namespace are not known, no Secret is written.
    const isWritten = !known.unlisted.includes(metadata.namespace);
    return isWritten && !metadata.name.startsWith(PREFIX);
  });
  return secrets.flatMap((secret) => wrongIn(world, secret));
}

function wrongIn(world: World, secret: StoredSecret): readonly string[] {
  const { known, rules } = world;
  const { namespace, name } = secret.metadata;
  const id = `${namespace}/${name}`;
  const owner = ownerOf(id, known.objects);
  const held = filesOf(secret);
  const holds = (isRight: (line: string, dataKey: string) => boolean) =>
    Object.entries(held).flatMap(([dataKey, text]) =>
      linesOf(text)
        .filter((line) => !isRight(line, dataKey))
        .map((line) => `${id} holds ${line} in ${dataKey}`),
    );
  if (owner === undefined) return holds(() => false);
  if (isFaulty(owner)) return holds((line) => isStillGood(line, namespace, known));
  const wanted = knownFiles(owner, known, rules.expiryTimeFormat, held);
  const hasLine = (files: Readonly<Record<string, string>>, dataKey: string, line: string) =>
    linesOf(files[dataKey] ?? "").includes(line);
  const lacks = Object.entries(wanted).flatMap(([dataKey, text]) =>
    linesOf(text)
      .filter((line) => !hasLine(held, dataKey, line))
      .map((line) => `${id} lacks ${line} in ${dataKey}`),
  );
  return [...lacks, ...holds((line, dataKey) => hasLine(wanted, dataKey, line))];
}
