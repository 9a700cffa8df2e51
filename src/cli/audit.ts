import { readFile } from "node:fs/promises";
import { sshKeysPath } from "../api/paths.ts";
import { addedToList, type Condemned, choose, condemned, type RSAKey } from "../blocklist/rsakeys.ts";
import { sharedFactors } from "../blocklist/sharedfactors.ts";
import { type StoredSSHKey, toSSHKeyRecord } from "../claims/record.ts";
import { ApiError, isApiError } from "../kube/apierror.ts";
import { PagedList } from "../kube/pagedlist.ts";
import { Transport } from "../kube/transport.ts";
import { rsaNumbers } from "../ssh/weakness/rsanumbers.ts";
import { VERSION } from "../version.ts";
import type { AuditOptions, ConfigMapKey } from "./auditcommand.ts";
import { EXIT, ExitError } from "./exitcodes.ts";
import { connect } from "./setup.ts";
import { writeWholeFile } from "./wholefile.ts";

const PAGE_SIZE = 500;
const CONNECTIONS = 2;

/** A ConfigMap has 1 MiB at most, its metadata included. */
const MOST_CONFIG_MAP_BYTES = 1_000_000;

/** How often somebody else may be quicker to write the ConfigMap. */
const MOST_TRIES = 5;

/** `sshkey-operator audit`. */
export async function audit(options: AuditOptions, signal: AbortSignal): Promise<void> {
  const credentials = connect(options.kubeconfig, CONNECTIONS);
  const transport = new Transport({ credentials, userAgent: `sshkey-audit/${VERSION}` });
  try {
    const keys: RSAKey[] = [];
    for (const namespace of options.namespace ?? [undefined])
      keys.push(...(await rsaKeys(transport, namespace, signal)));
    const chosen = choose(keys);
    const result = sharedFactors([...chosen.moduli.keys()]);
    const found = condemned(chosen, result);
    for (const each of found) say(sentence(each));
    const { moduli, leftOut } = chosen;
    say(`${moduli.size} different RSA keys of ${keys.length} SSHKeys: ${found.length} SSHKeys share a prime`);
    if (leftOut.length > 0)
      say(`${leftOut.length} SSHKeys were left out, which is too many at once: give --namespace`);
    if (result.open.length > 0)
      say(
        `of ${result.open.length} keys all is in others, as of a key that somebody declared a multiple of: not listed`,
      );
    if (options.output !== undefined) await addToFile(options.output, found);
    if (options.configMap !== undefined) await addToConfigMap(transport, options.configMap, found, signal);
  } catch (error) {
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

async function rsaKeys(
  transport: Transport,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<readonly RSAKey[]> {
  const list = new PagedList<RSAKey | undefined>({
    transport,
    path: sshKeysPath(namespace),
    query: {},
    pageSize: PAGE_SIZE,
    decode: (object) => toRSAKey(object as StoredSSHKey),
  });
  const { items } = await list.fetchAll(signal);
  return items.filter((key) => key !== undefined);
}

/** Undefined for a key of another type, and for what is no key. */
function toRSAKey(object: StoredSSHKey): RSAKey | undefined {
  const { namespace, name, key } = toSSHKeyRecord(object);
  if (key?.type !== "ssh-rsa") return undefined;
  const { modulus, bits } = rsaNumbers(Buffer.from(key.base64, "base64"));
  // Worth nothing by itself, and no product of long primes.
  if ((modulus & 1n) === 0n) return undefined;
  return { namespace, name, base64: key.base64, modulus, bits };
}

function sentence({ key, with: other }: Condemned): string {
  const partner = other === undefined ? "another one" : `${other.namespace}/${other.name}`;
  return `${key.namespace}/${key.name} shares a prime with ${partner}`;
}

async function addToFile(file: string, found: readonly Condemned[]): Promise<void> {
  try {
    const before = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const list = addedToList(before, found);
    if (list === undefined) return;
    await writeWholeFile(file, list);
    say(`${file}: written`);
  } catch (error) {
    if (error instanceof Error && "code" in error)
      throw new ExitError(EXIT.configuration, `cannot write ${file} (${error.code}): give another --output`);
    throw error;
  }
}

interface ConfigMap {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** Another one may write it at the same time: what both found is in it then. */
async function addToConfigMap(
  transport: Transport,
  { namespace, name, key }: ConfigMapKey,
  found: readonly Condemned[],
  signal: AbortSignal,
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/${encodeURIComponent(name)}`;
  for (let tries = 1; ; tries += 1) {
    const { metadata, data } = await transport.request<ConfigMap>({ method: "GET", path, signal });
    const before = data?.[key] ?? "";
    const list = addedToList(before, found, MOST_CONFIG_MAP_BYTES);
    if (list === undefined && addedToList(before, found) !== undefined)
      throw new ExitError(
        EXIT.configuration,
        `ConfigMap ${namespace}/${name} is full, and not all keys are listed: give --output, and mount that list`,
      );
    if (list === undefined) return;
    try {
      const { resourceVersion } = metadata;
      const body = { metadata: { resourceVersion }, data: { [key]: list } };
      await transport.request({ method: "PATCH", path, body, signal });
      say(`ConfigMap ${namespace}/${name}: ${key} written`);
      // What does not fit is told.
      if (addedToList(list, found) !== undefined) continue;
      return;
    } catch (error) {
      if (!isApiError(error, "Conflict") || tries === MOST_TRIES) throw error;
    }
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
