import type { Command } from "commander";
import { inputName, inputText, ONE_KEY } from "../session/input.ts";
import { PluginError, type Session } from "../session/session.ts";
import { agentKeys } from "./agentkeys.ts";
import { keysWith, oneOf, tellConversion } from "./keychoice.ts";
import { type GivenKey, readKeys } from "./keytext.ts";

/** Where a person's keys come from; one of these. */
export interface KeySourceFlags {
  /** A word of its comment chooses the key; true where none is given. */
  readonly agent?: string | true;
  readonly fromUrl?: string;
  /** Of a published list: those with this word. */
  readonly only?: string;
  readonly allowHttp?: boolean;
}

export interface GivenKeys {
  readonly keys: readonly GivenKey[];
  /** Did they come from somebody else, so that the person has not seen them yet? */
  readonly isForeign: boolean;
}

export function addAgent(command: Command): Command {
  return command.option(
    "--agent [word]",
    "the key in ssh-agent with this word in its comment or fingerprint; without a word it is asked which",
  );
}

export function addKeySource(command: Command): Command {
  return addAgent(command)
    .option("--from-url <url>", "the keys of a published list, such as https://github.com/USER.keys")
    .option(
      "--only <word>",
      "of a published list the keys with this word in their comment, type or fingerprint",
    )
    .option("--allow-http", "take a list over plain http too, where anybody on the way can change it");
}

/** The keys of a file, of standard input (`-`), of ssh-agent or of a published list. Asks nothing of the cluster. */
export async function givenKeys(
  session: Session,
  file: string | undefined,
  flags: KeySourceFlags,
): Promise<GivenKeys> {
  const { agent, fromUrl, only, allowHttp = false } = flags;
  const given = [file, agent, fromUrl].filter((each) => each !== undefined);
  if (given.length !== 1)
    throw new PluginError(
      given.length === 0
        ? "give a key: a .pub file, - for standard input, --agent, or --from-url URL"
        : "give one key: a file, --agent or --from-url, and not several of them",
    );
  if (only !== undefined && fromUrl === undefined)
    throw new PluginError("--only chooses from a published list: give --from-url, or --agent WORD");
  if (fromUrl !== undefined) {
    const { publishedKeys } = await import("./publishedkeys.ts");
    const keys = await publishedKeys(session, fromUrl, { allowsHTTP: allowHttp });
    return { keys: only === undefined ? keys : keysWith(only, keys, "the list"), isForeign: true };
  }
  if (agent !== undefined) {
    const keys = await agentKeys(session);
    const fitting = agent === true ? keys : keysWith(agent, keys, "ssh-agent");
    return { keys: [await oneOf(session, fitting, "ssh-agent", "--agent WORD")], isForeign: false };
  }
  return { keys: [await keyOfFile(session, file ?? "-")], isForeign: false };
}

/** The one key of a file, or of standard input. */
async function keyOfFile(session: Session, file: string): Promise<GivenKey> {
  const source = inputName(file);
  const keys = readKeys(await inputText(session, file, ONE_KEY), source);
  const [key] = keys;
  if (key === undefined || keys.length > 1)
    throw new PluginError(
      `${source} has ${keys.length} keys: give one, or make SSHKeys of all with \`kubectl sshkey import\``,
    );
  tellConversion(session, key);
  return file === "-" ? key : { ...key, file };
}
