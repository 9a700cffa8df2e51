import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A proxy on a loopback port that counts its tunnels. */
export interface CountingProxy {
  readonly url: string;
  readonly tunnels: number;
  stop(): void;
}

/** An HTTP proxy with CONNECT only. */
export async function startConnectProxy(): Promise<CountingProxy> {
  return await start("http", (onTunnel) => {
    const server = createHttpServer();
    server.on("connect", (request, socket: Socket) => {
      const [host = "", port = ""] = (request.url ?? "").split(":");
      onTunnel(socket, host, Number(port), () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    });
    return server;
  });
}

/** A SOCKS5 proxy without authentication (RFC 1928), for targets given by name or IPv4 address. */
export async function startSocksProxy(): Promise<CountingProxy> {
  return await start("socks5", (onTunnel) =>
    createServer((socket) => {
      socket.once("data", () => {
        socket.write(Buffer.from([5, 0]));
        socket.once("data", (request: Buffer) => {
          const byName = request[3] === 3;
          const end = byName ? 5 + (request[4] ?? 0) : 8;
          const host = byName ? request.toString("latin1", 5, end) : [...request.subarray(4, end)].join(".");
          onTunnel(socket, host, request.readUInt16BE(end), () =>
            socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])),
          );
        });
      });
    }),
  );
}

type OnTunnel = (socket: Socket, host: string, port: number, ready: () => void) => void;

async function start(scheme: string, make: (onTunnel: OnTunnel) => Server): Promise<CountingProxy> {
  const sockets = new Set<Socket>();
  let tunnels = 0;
  const server = make((socket, host, port, ready) => {
    tunnels += 1;
    const target = connect(port, host, () => {
      ready();
      socket.pipe(target).pipe(socket);
    });
    for (const end of [socket, target]) {
      sockets.add(end);
      end.on("error", () => {
        socket.destroy();
        target.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get tunnels() {
      return tunnels;
    },
    stop() {
      server.close();
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };
}
