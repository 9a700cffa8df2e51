import {
  isFaulty,
  isInDoubt,
  isRefusedName,
  isStillGood,
  knownFiles,
  mayTakeFrom,
  ownerOf,
  secretOf,
} from "./authorizedkeystruth.ts";
import { PREFIX } from "./installation.ts";
import { idOf, reasonOf, statusOf } from "./objectserver.ts";
import { filesOf, linesOf, type StoredSecret } from "./secretserver.ts";
import type { World } from "./world.ts";

/** Statuses of AuthorizedKeys that do not say whether there is a doubt. None at rest. */
export function untoldDoubts(world: World): readonly string[] {
  const { known } = world;
  const owners = known.objects.filter((object) => {
    const id = secretOf(object);
    const isOwner = !isRefusedName(id) && ownerOf(id, known.objects) === object;
    // Nobody is told of what is about to be known.
    const isPassing = world.access.catchingUp.some((name) => mayTakeFrom(object, name));
    return (
      isOwner && !isFaulty(object) && !isPassing && !known.unlisted.includes(object.metadata.namespace ?? "")
    );
  });
  return owners.flatMap((object) => {
    const stored = world.authorizedKeys.get(idOf(object));
    const said = [reasonOf(stored, "Ready"), statusOf(stored).observedGeneration];
    const wanted = [isInDoubt(object, known) ? "Unknown" : "Projected", object.metadata.generation];
    return said.join() === wanted.join() ? [] : [`${idOf(object)} says ${said} and not ${wanted}`];
  });
}

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
