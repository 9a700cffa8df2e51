import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { TEXTS } from "./web/texts.ts";

/** The status of what could not be read as a request. */
export type UnreadableStatus = keyof typeof TEXTS.unreadable;

export interface UnreadableOptions {
  /** Of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Called for each connection that ends so. */
  readonly onUnreadable?: ((status: UnreadableStatus) => void) | undefined;
}

/** By the code of Node's error; everything else is malformed. */
const STATUS: Readonly<Record<string, UnreadableStatus>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

/** How long a client may go on sending after the answer, in ms. */
const LINGER_MS = 2000;

/**
 * Answers what no route is told of, for Node could make no request of it: a sentence as plain text, after which the
 * connection ends.
 */
export function answerUnreadable({ headers, onUnreadable }: UnreadableOptions) {
  const answered = new WeakSet<Socket>();
  return ({ code = "" }: NodeJS.ErrnoException, socket: Socket): void => {
    // What follows it cannot be read either.
    if (answered.has(socket)) return;
    answered.add(socket);
    if (code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = STATUS[code] ?? 400;
    onUnreadable?.(status);
    if (hasBegunAnswer(socket)) {
      socket.destroy();
      return;
    }
    socket.end(answer(status, headers));
    // What it still sends is read away: if a connection is closed before, its client may lose the answer (RFC 9112, 9.6).
    const lingering = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(lingering));
  };
}

function answer(status: UnreadableStatus, headers: Readonly<Record<string, string>>): string {
  const text = TEXTS.unreadable[status];
  const all = {
    ...headers,
    "content-type": "text/plain; charset=utf-8",
    "content-length": String(Buffer.byteLength(text)),
    connection: "close",
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${text}`;
}

/** Of the request whose body comes: Node keeps its answer there. */
function hasBegunAnswer(socket: Socket): boolean {
  const { _httpMessage: under } = socket as { readonly _httpMessage?: ServerResponse | null };
  return under?.headersSent === true;
}
