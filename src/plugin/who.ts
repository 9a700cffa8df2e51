import { Option } from "commander";
import { printable } from "../ssh/unprintable.ts";
import type { KeyMention } from "../whereabouts/sshdlog.ts";
import { Cluster } from "./cluster/cluster.ts";
import { addAllNamespaces, addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { pluginCommand } from "./command.ts";
import { EXIT, type ExitCode, PluginError, type Session } from "./session/session.ts";
import type { KeyOwner, KeyOwners, SecretLine } from "./whereabouts/keyowners.ts";

interface WhoFlags extends ClusterFlags {
  readonly log?: string;
  readonly at?: string;
  readonly output?: "json";
}

/** Least time between two lists of everything, in ms; and how many times longer it is than a list takes. */
const REFRESH_MS = 2_000;
const REFRESH_FACTOR = 20;

/** How old what is known of a key may become, in ms. */
const KNOWN_MS = 60_000;

export const who = pluginCommand<WhoFlags>({
  name: "who",
  args: "[key...]",
  summary: "Tell whose key it is, by a fingerprint, a key or the log of sshd",
  description: `The key is a fingerprint (SHA256:… or MD5:…, as ssh-keygen and sshd print them), a key line, or - for the content of a .pub file on standard input. Keys are looked for in the SSHKeys of the namespace, and in the operator's Secrets if you may list them: there a key stands until it is taken out, its SSHKey deleted or not.

With --log each line of a log in which sshd names a key is answered as it comes. Read are the lines of sshd, of syslog, of the journal (also -o json) and of containers, with the prefixes of kubectl logs. What other programs write of a fingerprint is answered too, as "mentioned". What stands for the user in a line is what was asked for: sshd writes it before it knows whether there is such a user.

The exit code is 0 if the key, or one of the log, is somebody's, and 1 if not.

With -o json the answer is one object, with --log one for each line: "fingerprint", as asked; "owners", empty for nobody's key, each with "user", "namespace" and "name" of the SSHKey, "title" if it has one, "state": its STATE, or Edited (it has another key now), Deleted, Unreadable (you may not read it), Claimed (only a line says so that people of another namespace, or whoever copied a Secret, may have written) or Foreign (a line that the operator did not write); and "secrets" if no SSHKey accounts for the key: "namespace", "name", "file" and "line" of each place where it stands. With --log also "outcome": accepted, partial (sshd asks for more than the key), failed, offered (the key is known, and nobody has signed with it yet) or mentioned; "user", "address" and "port" if the line has them, and "time" as the log writes it.

With --at the log is the operator's, as kubectl logs prints it, and no cluster is asked: its lines AccessChanged tell who could log in at that time, by which Secret; -n shows the Secrets of one namespace only. A key that was in a Secret before the log begins is told if it was taken out later. -o json prints "at" and the list "access", with "namespace" and "secret", "user", "authorizedKeys" and "login" where the Secret is that of an AuthorizedKeys, "fingerprint", "sshKeyNamespace" and "sshKey", and "since", which is missing if the key was in before the log begins. The exit code is 1 if nobody could.`,
  examples: [
    { does: "whose key is it", run: "who SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg" },
    { does: "the same in all namespaces, of a .pub file", run: "who -A - < id_ed25519.pub" },
    { does: "who logs in to a bastion, as it happens", run: "who -A --log - < sshd.log" },
    {
      does: "who could log in then, by the log of the operator",
      run: "who --at 2026-07-24T13:00:00Z --log operator.log",
    },
    { does: "for a program", run: "who --log sshd.log -o json" },
  ],
  addOptions: (command) =>
    addClusterFlags(
      addAllNamespaces(command)
        .option("--log <file>", "answer the lines of this log of sshd; - is standard input")
        .option("--at <time>", "who could log in at this time, by the operator's log; RFC 3339")
        .addOption(new Option("-o, --output <format>", "how to print").choices(["json"])),
    ),
  async run(session, options, args) {
    const { toFingerprint, readKeyFromStdin } = await import("./whereabouts/keyquery.ts");
    const readsKey = args.length === 1 && args[0] === "-";
    if (readsKey && options.log === "-")
      throw new PluginError("standard input cannot be both the key and the log: give one of them as a file");
    if (args.length === 0 && options.log === undefined && options.at === undefined)
      throw new PluginError("whose key? Give a fingerprint, a key line, - for a .pub file, or --log FILE");
    const text = readsKey ? await readKeyFromStdin(session) : args.join(" ");
    const asked = text === "" ? undefined : toFingerprint(text);
    if (options.at !== undefined) return await answerThen(session, options, asked);
    const stdin = readsKey ? "the key" : options.log === "-" ? "the log" : undefined;
    const cluster = await Cluster.open(session, options, stdin);
    try {
      const owners = new FreshOwners(session, cluster, options);
      if (options.log !== undefined) return await answerLog(session, options.log, owners, options, asked);
      return await answerKey(session, asked ?? "", owners, options);
    } finally {
      cluster.close();
    }
  },
});

async function answerThen(
  session: Session,
  { at = "", log, output, namespace }: WhoFlags,
  fingerprint: string | undefined,
): Promise<ExitCode> {
  if (log === undefined) throw new PluginError("--at needs the operator's log: give --log FILE");
  const { answerAt } = await import("./logs/whoat.ts");
  return await answerAt(session, { at, log, fingerprint, namespace, output });
}

async function answerKey(
  session: Session,
  fingerprint: string,
  owners: FreshOwners,
  { output }: WhoFlags,
): Promise<ExitCode> {
  const found = await owners.find(fingerprint);
  if (output === "json") await session.print(JSON.stringify({ fingerprint, owners: found }, undefined, 4));
  else for (const owner of ownerTexts(found)) await session.print(`${fingerprint} ${owner}`);
  if (found.length === 0 && output !== "json")
    session.say(`Nobody in ${owners.where} has ${fingerprint}${owners.elsewhere}.`);
  return found.length === 0 ? EXIT.found : EXIT.ok;
}

async function answerLog(
  session: Session,
  file: string,
  owners: FreshOwners,
  { output }: WhoFlags,
  asked: string | undefined,
): Promise<ExitCode> {
  const { inputName } = await import("./session/input.ts");
  const { logLines } = await import("./logs/loglines.ts");
  const { readLogLine } = await import("../whereabouts/sshdlog.ts");
  await owners.read();
  let isSomebodys = false;
  let isCutTold = false;
  let isNobodysTold = owners.elsewhere === "";
  let isAnyNamed = false;
  for await (const line of logLines(session, file)) {
    const { mentions, isCut } = readLogLine(line);
    if (isCut && !isCutTold) {
      isCutTold = true;
      session.say("journalctl has left out long messages, which could be logins: run it with --all.");
    }
    for (const mention of mentions) {
      isAnyNamed = true;
      if (asked !== undefined && mention.fingerprint !== asked) continue;
      const found = await owners.find(mention.fingerprint);
      if (found.length > 0) isSomebodys = true;
      else if (!isNobodysTold && output !== "json") {
        isNobodysTold = true;
        session.say(`"nobody's" is a key that nobody in ${owners.where} has${owners.elsewhere}.`);
      }
      const answer =
        output === "json" ? JSON.stringify({ ...mention, owners: found }) : logText(mention, found);
      await session.print(answer);
    }
  }
  if (!isAnyNamed)
    session.say(
      `No line of ${inputName(file)} names a key: give the log of sshd, which does at LogLevel INFO.`,
    );
  return isSomebodys ? EXIT.ok : EXIT.found;
}

/** What is known of the owners of keys, listed anew when somebody comes whom nobody knows. */
class FreshOwners {
  /** Where is looked, as a sentence has it. */
  readonly where: string;
  /** How to look where is not looked, at the end of that sentence. */
  readonly elsewhere: string;
  readonly #session: Session;
  readonly #cluster: Cluster;
  readonly #namespace: string | undefined;
  #known: KeyOwners | undefined;
  #readAt = 0;
  #refreshMs = REFRESH_MS;
  #isForbiddenTold = false;

  constructor(session: Session, cluster: Cluster, { allNamespaces }: WhoFlags) {
    this.#session = session;
    this.#cluster = cluster;
    this.#namespace = allNamespaces === true ? undefined : cluster.namespace;
    this.where = this.#namespace === undefined ? "any namespace" : `namespace ${this.#namespace}`;
    this.elsewhere = this.#namespace === undefined ? "" : "; -A looks in all namespaces";
  }

  async find(fingerprint: string): Promise<readonly KeyOwner[]> {
    const known = this.#known ?? (await this.read());
    const found = await known.find(fingerprint);
    const age = performance.now() - this.#readAt;
    if (age < (found.length === 0 ? this.#refreshMs : Math.max(KNOWN_MS, this.#refreshMs))) return found;
    return await (await this.#refresh(known)).find(fingerprint);
  }

  async read(): Promise<KeyOwners> {
    const started = performance.now();
    const { KeyOwners } = await import("./whereabouts/keyowners.ts");
    this.#known = await KeyOwners.read(this.#cluster, this.#namespace, () => this.#tellForbidden());
    this.#readAt = performance.now();
    this.#refreshMs = Math.max(REFRESH_MS, REFRESH_FACTOR * (this.#readAt - started));
    return this.#known;
  }

  /** A log goes on: what was known is better than no answer. */
  async #refresh(known: KeyOwners): Promise<KeyOwners> {
    try {
      return await this.read();
    } catch (error) {
      if (this.#session.signal.aborted || !(error instanceof PluginError)) throw error;
      this.#session.say(`the SSHKeys could not be listed anew: ${error.message}`);
      this.#readAt = performance.now();
      return known;
    }
  }

  #tellForbidden(): void {
    if (this.#isForbiddenTold) return;
    this.#isForbiddenTold = true;
    this.#session.say(
      `You may not list Secrets in ${this.where}, so keys without an SSHKey that still stand in one are not found.`,
    );
  }
}

function logText(mention: KeyMention, owners: readonly KeyOwner[]): string {
  const { time, outcome, user, address, port, fingerprint } = mention;
  const login = user === undefined ? "" : ` ${asWord(user)} from ${printable(address ?? "")} port ${port}`;
  const whose = owners.length === 0 ? "nobody's" : ownerTexts(owners).join("; ");
  return `${time === undefined ? "" : `${printable(time)} `}${outcome}${login} ${fingerprint} ${whose}`;
}

/** So many owners, and places of each, are told to a person: anybody may write down a key that is public. */
const MOST_TOLD = 20;

function ownerTexts(owners: readonly KeyOwner[]): readonly string[] {
  const more = owners.length - MOST_TOLD;
  return [
    ...owners.slice(0, MOST_TOLD).map(ownerText),
    ...(more > 0 ? [`and ${more} more, which -o json shows`] : []),
  ];
}

/** Whose key it is and why that is known, on one line. */
function ownerText({ user, namespace, name, title, state, secrets = [] }: KeyOwner): string {
  const more = secrets.length - MOST_TOLD;
  const places = [
    ...secrets.slice(0, MOST_TOLD).map(placeText),
    ...(more > 0 ? [`and ${more} places more`] : []),
  ].join(", ");
  if (name === undefined)
    return printable(`nobody's: the operator did not write it, and it stands in ${places}`);
  const sshKey = `SSHKey ${namespace}/${name}`;
  if (state === "Claimed")
    return printable(`nobody's that is known: that it was ${sshKey}'s says only a line in ${places}`);
  const called = title === undefined ? "" : ` ${JSON.stringify(printable(title))}`;
  const whose = user === undefined ? "somebody's" : asWord(user);
  const still = places === "" ? "" : `, and still stands in ${places}`;
  return printable(`${whose}: ${sshKey}${called}${STATE_TEXTS[state] ?? `, ${state}`}${still}`);
}

/** A name that others chose, in quotes where it could be taken for more of the sentence. */
function asWord(name: string): string {
  const text = printable(name);
  return /^[^\s"';:,]+$/.test(text) ? text : JSON.stringify(text);
}

const STATE_TEXTS: Readonly<Record<string, string>> = {
  Edited: " had it before it was changed",
  Deleted: " is deleted",
  Unreadable: ", which you may not read",
};

function placeText({ namespace, name, file, line }: SecretLine): string {
  return `Secret ${namespace}/${name}, ${file} line ${line}`;
}
