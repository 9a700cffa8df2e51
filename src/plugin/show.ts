import { lastUse } from "../api/lastused.ts";
import { STATES } from "../api/states.ts";
import { formatRFC3339, parseRFC3339 } from "../api/time.ts";
import { fingerprintMD5, fingerprintSHA256 } from "../ssh/fingerprint.ts";
import { optionMeaning } from "../ssh/optionmeanings.ts";
import { parseOptions } from "../ssh/options.ts";
import { parsePublicKey } from "../ssh/publickey.ts";
import { randomart } from "../ssh/randomart.ts";
import { printable } from "../ssh/unprintable.ts";
import { Cluster } from "./cluster/cluster.ts";
import { addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { addObjectOutput, isForPrograms, namedOutput, type Output } from "./cluster/objectoutput.ts";
import { adviceFor, getSSHKey, type SSHKeyObject, stateOf } from "./cluster/sshkeys.ts";
import { pluginCommand } from "./command.ts";
import { age } from "./output/table.ts";
import { EXIT, type Session } from "./session/session.ts";
import { findKeyPlaces, type KeyPlaces, othersIn, toldPlace } from "./whereabouts/keyplaces.ts";

interface ShowFlags extends ClusterFlags {
  readonly output?: Output;
}

export const show = pluginCommand<ShowFlags>({
  name: "show",
  args: "<name>",
  summary: "Tell all about an SSHKey: what it is, whether it works, and where it stands",
  description:
    "Fingerprints and the picture are those of `ssh-keygen -lv`. STATE comes with the operator's message and what to do; each option with what it does. When it was last used is there where `sshkey-operator usage` has found a login in a log. Where the key stands is read from the operator's Secrets, in all namespaces if you may list them, or else told by the status; what you may not read is said. With -o json or yaml it is the object itself, as `kubectl get sshkey NAME` prints it.",
  examples: [
    { does: "what is wrong with a key", run: "show alice-laptop" },
    { does: "the same object for a program", run: "show alice-laptop -o json" },
  ],
  addOptions: (command) => addClusterFlags(addObjectOutput(command)),
  async run(session, options, [name = ""]) {
    const { output } = options;
    const cluster = await Cluster.open(session, options);
    try {
      const key = await getSSHKey(cluster, name);
      if (isForPrograms(output)) {
        await session.print(namedOutput([key], output, []));
        return EXIT.ok;
      }
      const places = await findKeyPlaces(cluster, [key]);
      await session.print(page(session, key, places, Date.now()));
      return EXIT.ok;
    } finally {
      cluster.close();
    }
  },
});

/** A line of the page: what it is about, and lines of text; what is undefined is not shown. */
type Row = readonly [title: string, lines: readonly (string | undefined)[]];

function page(session: Session, key: SSHKeyObject, places: KeyPlaces, now: number): string {
  const { metadata, spec } = key;
  const parsed = parsePublicKey(spec.key);
  const rows: readonly Row[] = [
    ["Name", [metadata.name]],
    ["Namespace", [metadata.namespace]],
    ["User", [spec.user]],
    ["Title", [spec.title]],
    ...(parsed.ok
      ? [
          ["Key", [`${parsed.value.type}, ${parsed.value.bits} bits`]] as const,
          ["Comment", [parsed.value.comment]] as const,
          [
            "Fingerprint",
            [fingerprintSHA256(parsed.value.blob), `MD5:${fingerprintMD5(parsed.value.blob)}`],
          ] as const,
        ]
      : [["Key", [`none: ${parsed.refusal.message}`]] as const]),
    ["State", stateLines(key)],
    ["Advice", [adviceFor(key)?.message]],
    ["Created", [ago(String(metadata.creationTimestamp ?? ""), now)]],
    ["Expires", [spec.expiresAt === undefined ? "never" : expiry(spec.expiresAt, now)]],
    ["Last used", [lastUseOf(key, now)]],
    ["Proof", [proofOf(key)]],
    ["Options", optionLines(spec.options ?? [])],
    ["Stands in", placeLines(key, places)],
    [
      "Left out of",
      places.leftOut.map((each) => `AuthorizedKeys ${each.authorizedKeys}: ${each.reason}: ${each.message}`),
    ],
    ["Not looked at", places.unread],
  ];
  const width = Math.max(...rows.map(([title]) => title.length)) + 2;
  const text = rows
    .map(([title, lines]) => [title, lines.filter((line) => line !== undefined && line !== "")] as const)
    .filter(([, lines]) => lines.length > 0)
    .flatMap(([title, lines]) =>
      lines.map(
        (line, i) => `${(i === 0 ? `${title}:` : "").padEnd(width)}${shown(session, key, title, line ?? "")}`,
      ),
    )
    .join("\n");
  return parsed.ok ? `${text}\n${randomart(parsed.value)}` : text;
}

/** Of what others wrote nothing but what can be seen is shown; colours are put on behind that. */
function shown(session: Session, key: SSHKeyObject, title: string, line: string): string {
  const text = printable(line);
  const isState = title === "State" && text === stateOf(key);
  return isState ? session.styled(isGood(key) ? "green" : "red", text) : text;
}

function isGood(key: SSHKeyObject): boolean {
  const state = stateOf(key);
  return state !== "Unknown" && STATES[state].ready === "True";
}

function stateLines(key: SSHKeyObject): readonly string[] {
  const state = stateOf(key);
  if (state === "Unknown")
    return ["Unknown: the operator has not looked at it yet; check that it runs and watches this namespace"];
  const { meaning, whatToDo } = STATES[state];
  const message = key.status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "";
  const doing = whatToDo === "nothing" ? [] : [`What to do: ${whatToDo}`];
  return [state, message || `The key is ${meaning}`, ...doing];
}

/** Undefined where no log that was read has a login with the key. */
function lastUseOf({ status = {} }: SSHKeyObject, now: number): string | undefined {
  const day = lastUse(status, now);
  if (day === undefined) return undefined;
  return `${formatRFC3339(day).slice(0, "2027-01-31".length)}, says the log of ${status.lastUsed?.source}`;
}

function proofOf({ spec, status }: SSHKeyObject): string {
  const proven = status?.conditions?.find(({ type }) => type === "Proven");
  if (proven?.status === "True") return "good: the private key has signed the user's name";
  if (proven !== undefined) return `${proven.reason}: ${proven.message}`;
  return spec.proof === undefined ? "none" : "not checked yet";
}

function optionLines(options: readonly string[]): readonly string[] {
  const parsed = parseOptions(options);
  if (!parsed.ok) return [...options, `which is refused: ${parsed.refusal.message}`];
  return parsed.value.map((option) => `${option.name}: ${optionMeaning(option)}`);
}

function placeLines(key: SSHKeyObject, { places }: KeyPlaces): readonly string[] {
  if (places.length === 0) return ["no Secret that you may read"];
  return places.map((place) => {
    const others = othersIn(place, [key]);
    return `${toldPlace(place)}${others.length === 0 ? "" : `, in the name of SSHKey ${others.join(", ")}`}`;
  });
}

function ago(time: string, now: number): string {
  const at = parseRFC3339(time);
  return at === undefined ? time : `${time} (${age(at, now)} ago)`;
}

function expiry(time: string, now: number): string {
  const at = parseRFC3339(time);
  if (at === undefined) return time;
  return at > now ? `${time} (in ${age(now, at)})` : `${time} (${age(at, now)} ago)`;
}
