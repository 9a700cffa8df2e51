import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { EXIT, ExitError } from "./exitcodes.ts";

/** What one path answers with; 200 unless it says otherwise. */
export interface Answer {
  readonly status?: number;
  readonly contentType?: string;
  readonly body: string;
}

export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/** A small HTTP server that somebody on call or Prometheus looks at. */
export interface Endpoint {
  /** `host:port` as it was bound. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves the routes on `host:port` (`:8080` is every address, port 0 one of the system's choice); undefined for `0`,
 * which turns it off. Throws an ExitError when the address is none or is taken.
 */
export async function serve(flag: string, address: string, routes: Routes): Promise<Endpoint | undefined> {
  if (address === "0") return undefined;
  const [, host = "", digits = ""] = /^(.*):([0-9]{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  if (digits === "" || port > 65_535) {
    throw new ExitError(
      EXIT.usage,
      `${flag} must be HOST:PORT, :PORT, or 0 to turn it off; it is ${JSON.stringify(address)}`,
    );
  }
  const server = createServer(async (request, response) => {
    const route = routes[request.url?.split("?")[0] ?? ""];
    const answer =
      request.method !== "GET" || route === undefined ? { status: 404, body: "not found\n" } : await route();
    response.writeHead(answer.status ?? 200, {
      "content-type": answer.contentType ?? "text/plain; charset=utf-8",
    });
    response.end(answer.body);
  });
  await listen(server, flag, address, host.replace(/^\[(.*)\]$/, "$1"), port);
  const bound = server.address() as AddressInfo;
  return {
    address: `${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(
  server: Server,
  flag: string,
  address: string,
  host: string,
  port: number,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", (error: NodeJS.ErrnoException) => {
      const problem = `cannot listen on ${address} (${error.code}); choose another address with ${flag}, or 0 to turn it off`;
      reject(new ExitError(EXIT.configuration, problem));
    });
    server.listen(port, host === "" ? undefined : host);
  });
}
