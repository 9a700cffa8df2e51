import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exactly, lineWith, nowhere } from "./expectation.ts";
import { BASTION, NAMESPACE } from "./guest.ts";
import type { Narrator } from "./narrator.ts";
import { OMITTED } from "./screen.ts";
import { quoted } from "./shell.ts";
import { portalArguments, type Stage } from "./stage.ts";

const EXAMPLES = "examples/quickstart";
const IN = `-n ${NAMESPACE}`;

const LAPTOP = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ";
const LAPTOP_FINGERPRINT = "SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg";
const TABLET = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILOEM8KiqrgTJIdeKjvae2ZPV22jrU8U2uwmG4Wuy+wz";
const CONTRACTOR = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKAr9bULR3gqjpJDMWuQWUZ8R1oIe5Kjp5ojV/bs4/yr";
const LAPTOP_LINE = `${LAPTOP} team-a/alice-laptop\n`;
const TABLET_LINE = `${TABLET} team-a/alice-tablet\n`;

/** The demo from the installation to the portal, whose address it gives. Throws StepFailed at the first step that shows anything else. */
export async function tell(narrator: Narrator, stage: Stage): Promise<string> {
  await install(narrator, stage);
  await apply(narrator);
  await refusal(narrator);
  await secret(narrator);
  await duplicate(narrator);
  await privateKey(narrator, stage);
  await possession(narrator, stage);
  await healing(narrator);
  await revocation(narrator);
  await bastion(narrator);
  await expiry(narrator);
  await record(narrator, stage);
  return await portal(narrator, stage);
}

async function install(narrator: Narrator, stage: Stage): Promise<void> {
  await narrator.look("kubectl version", [lineWith("Server Version: v")]);
  narrator.step("Install the SSHKey API and start the operator, a process of its own.");
  await narrator.act("kubectl apply --server-side -f crds/", lineWith("sshkeys.sshkey-operator.dev"));
  await narrator.until("kubectl wait --for=condition=Established --timeout=30s -f crds/");
  narrator.say(`${stage.operatorCommand} &`);
  const operator = await stage.startOperator();
  narrator.remark(`Process ${operator.pid} watches SSHKeys. Its log: ${operator.log}`);
}

async function apply(narrator: Narrator): Promise<void> {
  narrator.step("Apply five public keys, as a person or a GitOps tool would.");
  const names = ["alice-laptop", "alice-tablet", "bob-workstation", "carol-desktop", "dana-contractor"];
  const created = names.map((name) => lineWith(name, "created"));
  await narrator.act(`kubectl apply -f ${EXAMPLES}/`, ...created);
  narrator.step("See in one line a key whether it works.");
  await narrator.look(
    `kubectl get sshkeys ${IN}`,
    [
      lineWith("alice-laptop", "ssh-ed25519", " 256 ", LAPTOP_FINGERPRINT, "Projected"),
      lineWith("alice-tablet", "ssh-ed25519", " 256 ", "SHA256:", "Projected"),
      lineWith("bob-workstation", "ssh-rsa", " 3072 ", "SHA256:", "Projected"),
      lineWith("carol-desktop", "Invalid"),
      lineWith("dana-contractor", "Projected", "2099-12-31T18:00:00Z"),
    ],
    { layout: "table" },
  );
}

async function refusal(narrator: Narrator): Promise<void> {
  narrator.step("Ask why Carol's key is refused: she copied only a part of the line.");
  await narrator.look(
    `kubectl describe sshkey carol-desktop ${IN}`,
    [
      lineWith("Message:", "The key ends too early; copy the whole line again."),
      lineWith("Reason:", "Truncated"),
      lineWith("Warning", "Invalid", "The key ends too early; copy the whole line again."),
    ],
    { show: partsOfDescription },
  );
}

async function secret(narrator: Narrator): Promise<void> {
  narrator.step(
    "Read what pods mount: the accepted keys of a user are the authorized_keys file of one Secret.",
  );
  await narrator.look(authorizedKeysOf("alice"), [exactly(LAPTOP_LINE + TABLET_LINE)], FILE);
  await narrator.look(`kubectl get secrets ${IN}`, [
    lineWith("sshkeys-alice"),
    lineWith("sshkeys-bob"),
    lineWith("sshkeys-dana"),
    nowhere("the user with no accepted key", "sshkeys-carol"),
  ]);
}

async function duplicate(narrator: Narrator): Promise<void> {
  narrator.step(
    "Bob claims Alice's key. In a namespace one key stands for one user, and the older claim keeps it.",
  );
  const file = `${EXAMPLES}/later/bob-laptop.yaml`;
  const creationTime = "-o jsonpath={.metadata.creationTimestamp}";
  const older = await narrator.until(`kubectl get sshkey alice-laptop ${IN} ${creationTime}`);
  // Ages count in whole seconds: wait until the API server's clock shows a later one.
  await narrator.until(`kubectl create --dry-run=server -f ${file} ${creationTime}`, {
    what: `a time after ${older}`,
    holds: (time) => time > older,
  });
  await narrator.act(`kubectl apply -f ${file}`, lineWith("bob-laptop", "created"));
  await narrator.look(
    `kubectl get sshkeys alice-laptop bob-laptop ${IN}`,
    [
      lineWith("alice-laptop", LAPTOP_FINGERPRINT, "Projected"),
      lineWith("bob-laptop", LAPTOP_FINGERPRINT, "Duplicate"),
    ],
    { layout: "table" },
  );
  const message = `-o jsonpath='{.status.conditions[?(@.type=="Ready")].message}{"\\n"}'`;
  await narrator.look(`kubectl get sshkey bob-laptop ${IN} ${message}`, [
    lineWith("SSHKey alice-laptop of another user holds this key"),
  ]);
  await narrator.until(authorizedKeysOf("bob"), nowhere("the key of Alice's laptop", LAPTOP));
}

async function privateKey(narrator: Narrator, stage: Stage): Promise<void> {
  narrator.step("Dave pastes his private key by mistake. It is refused at apply and never stored.");
  const keyFile = join(stage.dir, KEY_FILE);
  await narrator.prepare(`ssh-keygen -q -t ed25519 -N "" -C dave@desktop -f ${quoted(keyFile)}`);
  const pasted = (await readFile(keyFile, "utf8")).trimEnd().split("\n");
  const file = join(stage.dir, "dave-desktop.yaml");
  await writeFile(file, manifest("dave", pasted), { mode: 0o600 });
  await narrator.look(`head -n 9 ${quoted(file)}`, [lineWith("-----BEGIN OPENSSH PRIVATE KEY-----")]);
  await narrator.refused(
    `kubectl apply -f ${quoted(file)}`,
    lineWith('"dave-desktop" is invalid', "this holds a private key", "ssh-keygen -y -f FILE"),
    ...pasted.slice(1, -1).map((line) => nowhere("the private key", line)),
  );
  await narrator.refused(`kubectl get sshkey dave-desktop ${IN}`, lineWith("NotFound"));
}

async function possession(narrator: Narrator, stage: Stage): Promise<void> {
  narrator.step("Mallory is the first to claim Dave's public key. Dave proves that he has the private one.");
  const keyFile = join(stage.dir, KEY_FILE);
  const publicKey = (await readFile(`${keyFile}.pub`, "utf8")).trim();
  const [copied, own] = ["mallory", "dave"].map((user) => join(stage.dir, `${user}-desktop.yaml`)) as [
    string,
    string,
  ];
  await writeFile(copied, manifest("mallory", [publicKey]));
  await narrator.act(`kubectl apply -f ${quoted(copied)}`, lineWith("mallory-desktop", "created"));
  const proof = await narrator.act(
    `printf %s dave | ssh-keygen -q -Y sign -n sshkey-operator.dev -f ${quoted(keyFile)} -`,
    lineWith("-----BEGIN SSH SIGNATURE-----"),
  );
  narrator.remark("He puts that into spec.proof:");
  await writeFile(own, manifest("dave", [publicKey], proof.trimEnd().split("\n")));
  await narrator.act(`kubectl apply -f ${quoted(own)}`, lineWith("dave-desktop", "created"));
  await narrator.look(
    `kubectl get sshkeys dave-desktop mallory-desktop ${IN}`,
    [lineWith("dave-desktop", "Projected"), lineWith("mallory-desktop", "Duplicate")],
    { layout: "table" },
  );
}

async function healing(narrator: Narrator): Promise<void> {
  narrator.step("Somebody writes a key of their own into Alice's Secret. It is restored, and that is told.");
  const foreign = Buffer.from(`${CONTRACTOR} mallory\n`).toString("base64");
  const patch = JSON.stringify({ data: { authorized_keys: foreign } });
  await narrator.act(
    `kubectl patch secret sshkeys-alice ${IN} --type merge -p '${patch}'`,
    lineWith("sshkeys-alice", "patched"),
  );
  await narrator.look(authorizedKeysOf("alice"), [exactly(LAPTOP_LINE + TABLET_LINE)], FILE);
  await narrator.look(`kubectl get events ${IN} --field-selector reason=SecretRestored`, [
    lineWith("Warning", "SecretRestored", "secret/sshkeys-alice"),
  ]);
}

async function revocation(narrator: Narrator): Promise<void> {
  narrator.step("Alice loses her tablet. Delete the SSHKey, and the key is out of the file.");
  await narrator.act(`kubectl delete sshkey alice-tablet ${IN}`, lineWith("alice-tablet", "deleted"));
  const after = await narrator.look(authorizedKeysOf("alice"), [exactly(LAPTOP_LINE)], FILE);
  narrator.difference(LAPTOP_LINE + TABLET_LINE, after);
}

async function bastion(narrator: Narrator): Promise<void> {
  narrator.step(
    "A bastion in another namespace wants everybody's keys. It gets them when the team shares them.",
  );
  const file = `${EXAMPLES}/later/bastion.yaml`;
  await narrator.act(`kubectl apply -f ${file}`, lineWith("authorizedkeys", "bastion", "created"));
  const left = "-o jsonpath='{range .status.omitted[*]}{.reason}: {.message}{\"\\n\"}{end}'";
  await narrator.look(`kubectl get authorizedkeys bastion -n ${BASTION} ${left}`, [
    lineWith("NotShared", `Namespace ${NAMESPACE} does not share its keys with ${BASTION}`),
  ]);
  const annotate = `kubectl annotate namespace ${NAMESPACE} sshkey-operator.dev/share-keys-with`;
  await narrator.act(`${annotate}=${BASTION}`, lineWith(NAMESPACE, "annotated"));
  await narrator.look(`kubectl get authorizedkeys -n ${BASTION}`, [lineWith("bastion", "4", "Projected")], {
    layout: "table",
  });
  narrator.remark("One Secret, with a file for each login and the bastion's own options before each line:");
  const files = `kubectl get secret bastion -n ${BASTION} -o go-template='{{range $login, $file := .data}}{{$login}}:{{"\\n"}}{{$file | base64decode}}{{end}}'`;
  const options = "restrict,pty";
  await narrator.look(files, [lineWith(`${options} ${LAPTOP}`), lineWith(options, "bob-workstation")], FILE);
  narrator.step(
    "The team withdraws its consent: that is a revocation, and nobody of it is in the Secret any more.",
  );
  await narrator.act(`${annotate}-`, lineWith(NAMESPACE, "annotated"));
  await narrator.look(files, [nowhere("a key", "ssh-")], FILE);
}

async function expiry(narrator: Narrator): Promise<void> {
  narrator.step("Dana's contract has an end. The file says it too, so that sshd refuses the key by itself.");
  narrator.remark("OpenSSH 9.1 or newer does:");
  const line = `expiry-time="20991231180000Z" ${CONTRACTOR} team-a/dana-contractor\n`;
  await narrator.look(authorizedKeysOf("dana"), [exactly(line)], FILE);
  narrator.step("The contract is to end in three seconds: the key expires with nobody doing anything.");
  const end = new Date(Math.floor(Date.now() / 1000) * 1000 + SECONDS_LEFT * 1000);
  const expiresAt = `${end.toISOString().slice(0, 19)}Z`;
  const patch = JSON.stringify({ spec: { expiresAt } });
  await narrator.act(
    `kubectl patch sshkey dana-contractor ${IN} --type merge -p '${patch}'`,
    lineWith("dana-contractor", "patched"),
  );
  narrator.remark(`It is ${new Date().toISOString().slice(11, 19)}Z; wait until ${expiresAt.slice(11)}:`);
  await narrator.act(
    `kubectl wait sshkey/dana-contractor ${IN} --for=condition=Projected=False --timeout=180s`,
    lineWith("dana-contractor", "condition met"),
  );
  await narrator.look(
    `kubectl get sshkey dana-contractor ${IN}`,
    [lineWith("dana-contractor", "Expired", expiresAt)],
    { layout: "table" },
  );
  narrator.remark(
    "The file is empty. Its Secret stays: deleting it would leave the old file in running pods.",
  );
  await narrator.look(authorizedKeysOf("dana"), [exactly("")], FILE);
}

async function record(narrator: Narrator, stage: Stage): Promise<void> {
  narrator.step("Read in the operator's log who lost access, when and why.");
  await narrator.look(
    `grep '"change":"removed"' ${quoted(join(stage.dir, "operator.log"))}`,
    [
      lineWith("AccessChanged", "alice-tablet", '"reason":"Deleted"'),
      lineWith("AccessChanged", "bob-workstation", '"reason":"NotShared"'),
      lineWith("AccessChanged", "dana-contractor", '"reason":"Expired"'),
    ],
    FILE,
  );
}

async function portal(narrator: Narrator, stage: Stage): Promise<string> {
  narrator.step("Start the portal: web pages on which people keep their own keys, without kubectl.");
  narrator.remark("For a try, everybody who comes to it on loopback is alice; else one signs in.");
  const given = ["--listen", "127.0.0.1:0", "--insecure-user", "alice", "--insecure-admin"];
  narrator.say(`${["node", ...portalArguments(given)].join(" ")} &`);
  const { url, log } = await stage.startPortal(given);
  narrator.remark(`It is at ${url}, and its log: ${log}`);
  return url;
}

const SECONDS_LEFT = 3;
const KEY_FILE = "id_ed25519";
const FILE = { layout: "file" } as const;

function authorizedKeysOf(user: string): string {
  return `kubectl get secret sshkeys-${user} ${IN} -o go-template='{{.data.authorized_keys | base64decode}}'`;
}

function manifest(user: string, key: readonly string[], proof: readonly string[] = []): string {
  const block = (name: string, lines: readonly string[]) =>
    lines.length === 0 ? "" : `  ${name}: |\n${lines.map((line) => `    ${line}\n`).join("")}`;
  return `apiVersion: sshkey-operator.dev/v1alpha1
kind: SSHKey
metadata:
  name: ${user}-desktop
  namespace: ${NAMESPACE}
spec:
  user: ${user}
${block("key", key)}${block("proof", proof)}`;
}

/** Of what `kubectl describe` prints: the name, the condition Valid, and the Events. */
function partsOfDescription(description: string): string {
  const lines = description.split("\n");
  const valid = lines.findIndex((line) => /^ +Type: +Valid$/.test(line));
  const events = lines.findIndex((line) => line.startsWith("Events:"));
  return [
    ...lines.slice(0, 2),
    OMITTED,
    ...lines.slice(valid - CONDITION_LINES + 1, valid + 1),
    OMITTED,
    ...lines.slice(events),
  ].join("\n");
}

/** Type is the last of the fields of a condition, which kubectl sorts by name. */
const CONDITION_LINES = 6;
