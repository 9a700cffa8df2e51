import { type Dispatcher, Pool } from "undici";
import { readAccess } from "./client.ts";

/** A write with nothing left to compute. */
export interface Write {
  readonly method: "POST" | "PATCH" | "PUT" | "DELETE";
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

export interface SendOptions {
  readonly kubeconfig: string;
  readonly connections: number;
  readonly protocol: "http/1.1" | "h2";
  /** Requests under way on one connection; with h2 its streams. */
  readonly pipelining: number;
  /** Without it nothing of an answer is kept. */
  readonly onAnswer?: (index: number, text: string) => void;
}

/**
 * As many as the operator works with. On two cores shared with the API server 4 to 32 connections, and HTTP/2, differ by
 * less than the noise: the server's CPU is the limit. `node bench/sweep.ts` measures it again.
 */
export const BEST = { connections: 16, protocol: "http/1.1", pipelining: 1 } as const;

/** The cheapest answer to a write that the API server offers. */
const METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/**
 * Sends every write, in order, as many at a time as the connections take. Gives the ms from the first request to
 * the last answer. Throws when any is refused: what is measured is then not what was meant to be.
 */
export async function sendAll(writes: readonly Write[], o: SendOptions): Promise<number> {
  const { server, ca, authorization } = readAccess(o.kubeconfig);
  const pool = new Pool(server, {
    connect: { ca },
    connections: o.connections,
    pipelining: o.pipelining,
    allowH2: o.protocol === "h2",
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const headers = new Map<string, Record<string, string>>();
  for (const { contentType } of writes) {
    headers.set(contentType, { authorization, accept: METADATA_ONLY, "content-type": contentType });
  }
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < writes.length; index = next++) {
      const write = writes[index] as Write;
      const { method, path, body, contentType } = write;
      const request = { method, path, body, headers: headers.get(contentType) ?? {} };
      const answer = await dispatch(pool, request, (status) => status >= 300 || o.onAnswer !== undefined);
      if (answer.status >= 300) throw unexpected(request, answer);
      o.onAnswer?.(index, answer.body.toString("utf8"));
    }
  };
  const started = performance.now();
  try {
    await Promise.all(Array.from({ length: o.connections * o.pipelining }, worker));
    return performance.now() - started;
  } finally {
    await pool.destroy();
  }
}

export interface Answer {
  readonly status: number;
  /** Empty where it is not kept. */
  readonly body: Buffer;
}

/** Sends one request; undici's `request` would make a stream and a promise more. */
export function dispatch(
  pool: Pool,
  request: Dispatcher.DispatchOptions,
  isKept: (status: number) => boolean,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const chunks: Buffer[] = [];
  let status = 0;
  pool.dispatch(request, {
    onRequestStart() {},
    onResponseStart(_controller, statusCode) {
      status = statusCode;
    },
    onResponseData(_controller, chunk) {
      if (isKept(status)) chunks.push(chunk);
    },
    onResponseEnd() {
      resolve({ status, body: Buffer.concat(chunks) });
    },
    onResponseError(_controller, error) {
      reject(error);
    },
  });
  return promise;
}

/** For an answer that is not what was meant to be measured. */
export function unexpected({ method, path }: Dispatcher.DispatchOptions, { status, body }: Answer): Error {
  return new Error(`${method} ${path} was answered ${status}: ${body.toString("utf8", 0, 300)}`);
}
