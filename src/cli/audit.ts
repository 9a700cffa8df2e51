import { sshKeysPath } from "../api/paths.ts";
import { listedModuli } from "../blocklist/auditlist.ts";
import { type Chosen, type Condemned, condemned, type RSAKey, RSAKeyChoice } from "../blocklist/rsakeys.ts";
import { type SharedFactors, sharedFactors } from "../blocklist/sharedfactors.ts";
import { type StoredSSHKey, toSSHKeyRecord } from "../claims/record.ts";
import { ApiError, isApiError } from "../kube/apierror.ts";
import { PagedList } from "../kube/pagedlist.ts";
import type { Transport } from "../kube/transport.ts";
import { rsaNumbers } from "../ssh/weakness/rsanumbers.ts";
import type { AuditOptions } from "./auditcommand.ts";
import { ListInConfigMap, ListInFile } from "./auditedlists.ts";
import { EXIT, ExitError } from "./exitcodes.ts";
import { connect, transportFor } from "./setup.ts";

const PAGE_SIZE = 500;
const CONNECTIONS = 2;

/** `sshkey-operator audit`. Ends without having written anything, or all of it, when the signal aborts. */
export async function audit(options: AuditOptions, signal: AbortSignal): Promise<void> {
  const credentials = connect(options.kubeconfig, CONNECTIONS);
  const transport = transportFor(credentials, "sshkey-audit");
  const lists = [
    ...(options.output === undefined ? [] : [new ListInFile(options.output)]),
    ...(options.configMap === undefined ? [] : [new ListInConfigMap(transport, options.configMap)]),
  ];
  try {
    const gone = new Set<bigint>();
    for (const list of lists) for (const modulus of listedModuli(await list.read(signal))) gone.add(modulus);
    // Of other namespaces it is not known what they have.
    if (options.namespace !== undefined) gone.clear();
    const choice = new RSAKeyChoice();
    for (const namespace of options.namespace ?? [undefined])
      await eachRSAKey(transport, namespace, signal, (key) => {
        gone.delete(key.modulus);
        choice.add(key);
      });
    const chosen = choice.chosen();
    const result = await sharedFactors([...chosen.moduli.keys()], signal);
    const found = condemned(chosen, result);
    report(chosen, result, found);
    for (const list of lists) await list.renew({ found, chosen, gone }, signal);
  } catch (error) {
    if (signal.aborted)
      throw new ExitError(EXIT.stopped, "stopped before it was done: run it again, and give it more time");
    if (!(error instanceof ApiError)) throw error;
    const next = isApiError(error, "Forbidden")
      ? "give this account the right"
      : "look at the API server, and run it again";
    throw new ExitError(EXIT.configuration, `${error.message}: ${next}`);
  } finally {
    await transport.close();
    credentials.close();
  }
}

function report(
  { moduli, seen, leftOut }: Chosen,
  { inMultiples, unfinished }: SharedFactors,
  found: readonly Condemned[],
): void {
  for (const each of found) say(sentence(each));
  const sharing = found.reduce((sum, { key }) => sum + 1 + key.more, 0);
  say(`${moduli.size} different RSA keys of ${seen} SSHKeys: ${sharing} SSHKeys share a prime`);
  if (leftOut > 0) say(`${leftOut} SSHKeys were left out, which is too many at once: give --namespace`);
  if (inMultiples.length > 0)
    say(`somebody declared multiples of ${inMultiples.length} keys, which proves nothing: not listed`);
  if (unfinished.length > 0)
    say(
      `somebody declared multiples of ${unfinished.length} more keys, and looking behind these takes too long: give --namespace`,
    );
}

/** Calls `take` with each RSA key as it is read: there may be more than memory holds. */
async function eachRSAKey(
  transport: Transport,
  namespace: string | undefined,
  signal: AbortSignal,
  take: (key: RSAKey) => void,
): Promise<void> {
  const list = new PagedList<void>({
    transport,
    path: sshKeysPath(namespace),
    query: {},
    pageSize: PAGE_SIZE,
    decode: (object) => {
      const key = toRSAKey(object as StoredSSHKey);
      if (key !== undefined) take(key);
    },
  });
  await list.fetchAll(signal);
}

/** Undefined for a key of another type, and for what is no key. */
function toRSAKey(object: StoredSSHKey): RSAKey | undefined {
  const { namespace, name, user, key } = toSSHKeyRecord(object);
  if (key?.type !== "ssh-rsa") return undefined;
  const { modulus, bits } = rsaNumbers(Buffer.from(key.base64, "base64"));
  // Worth nothing by itself, and no product of long primes.
  if ((modulus & 1n) === 0n) return undefined;
  return { namespace, name, user, base64: key.base64, modulus, bits };
}

function sentence({ key, with: other }: Condemned): string {
  const partner = other === undefined ? "another one" : `${other.namespace}/${other.name}`;
  const more = key.more === 0 ? "" : `, and so do ${key.more} more SSHKeys of ${key.namespace} that have it`;
  return `${key.namespace}/${key.name} shares a prime with ${partner}${more}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
