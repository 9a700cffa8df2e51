import { readFile } from "node:fs/promises";
import { type AuditFindings, renewedList } from "../blocklist/auditlist.ts";
import { isApiError } from "../kube/apierror.ts";
import type { Transport } from "../kube/transport.ts";
import type { ConfigMapKey } from "./auditcommand.ts";
import { EXIT, ExitError } from "./exitcodes.ts";
import { writeWholeFile } from "./wholefile.ts";

/** A ConfigMap has 1 MiB at most; its metadata take the rest. */
const MOST_CONFIG_MAP_BYTES = 1_000_000;

/** How often somebody else may be quicker to write the ConfigMap. */
const MOST_TRIES = 5;

/** A list that audit adds to. */
export interface AuditedList {
  /** Empty where there is none yet. */
  read(signal: AbortSignal): Promise<string>;
  /** Writes what it is to be now, if that is something else. Rejects with an ExitError where not all have room. */
  renew(findings: AuditFindings, signal: AbortSignal): Promise<void>;
}

export class ListInFile implements AuditedList {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async read(): Promise<string> {
    try {
      return await readFile(this.#file, "utf8");
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOENT") return "";
      throw new ExitError(EXIT.configuration, `cannot read ${this.#file} (${code}): give another --output`);
    }
  }

  async renew(findings: AuditFindings): Promise<void> {
    const before = await this.read();
    const { text } = renewedList(before, findings);
    if (text === before) return;
    try {
      await writeWholeFile(this.#file, text);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      throw new ExitError(EXIT.configuration, `cannot write ${this.#file} (${code}): give another --output`);
    }
    process.stdout.write(`${this.#file}: written\n`);
  }
}

interface ConfigMap {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
  /** In base64. */
  readonly binaryData?: Readonly<Record<string, string>>;
}

export class ListInConfigMap implements AuditedList {
  readonly #transport: Transport;
  readonly #key: string;
  readonly #name: string;
  readonly #path: string;
  /** The command that makes it. */
  readonly #make: string;

  constructor(transport: Transport, { namespace, name, key }: ConfigMapKey) {
    this.#transport = transport;
    this.#key = key;
    this.#name = `ConfigMap ${namespace}/${name}`;
    this.#path = `/api/v1/namespaces/${namespace}/configmaps/${encodeURIComponent(name)}`;
    this.#make = `kubectl create configmap -n ${namespace} ${name}`;
  }

  async read(signal: AbortSignal): Promise<string> {
    const { data } = await this.#get(signal);
    return data?.[this.#key] ?? "";
  }

  /** Another one may write it at the same time: what both found is in it then. */
  async renew(findings: AuditFindings, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const map = await this.#get(signal);
      const before = map.data?.[this.#key] ?? "";
      const { text, unlisted } = renewedList(
        before,
        findings,
        MOST_CONFIG_MAP_BYTES - otherBytes(map, this.#key),
      );
      try {
        if (text !== before) await this.#write(map, text, signal);
      } catch (error) {
        if (!isApiError(error, "Conflict") || tries === MOST_TRIES) throw error;
        continue;
      }
      if (unlisted > 0)
        throw new ExitError(
          EXIT.configuration,
          `${this.#name} is full; keys in use that share a prime and are not listed: ${unlisted}, of those who have most; give --output, and mount that list`,
        );
      return;
    }
  }

  async #get(signal: AbortSignal): Promise<ConfigMap> {
    try {
      return await this.#transport.request<ConfigMap>({ method: "GET", path: this.#path, signal });
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
      throw new ExitError(EXIT.configuration, `${this.#name} is not there: ${this.#make}`);
    }
  }

  async #write({ metadata }: ConfigMap, text: string, signal: AbortSignal): Promise<void> {
    const { resourceVersion } = metadata;
    const body = { metadata: { resourceVersion }, data: { [this.#key]: text } };
    await this.#transport.request({ method: "PATCH", path: this.#path, body, signal });
    process.stdout.write(`${this.#name}: ${this.#key} written\n`);
  }
}

/** What the other lists in it take. */
function otherBytes({ data = {}, binaryData = {} }: ConfigMap, key: string): number {
  const others = [...Object.entries(data), ...Object.entries(binaryData)].filter(([name]) => name !== key);
  return others.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
}
