import { randomBytes } from "node:crypto";
import { cpSync, existsSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { type Child, spawnChild } from "./child.ts";
import { answersOk } from "./probe.ts";
import { READY_MS, ready } from "./ready.ts";

/** One etcd over the life of a control plane: it may be stopped and started on the same socket with the same data. */
export interface Etcd {
  readonly child: Child;
  /** A `unix://` address. */
  readonly endpoint: string;
  /** SIGTERM, and SIGKILL after 5 s. Resolves when it is gone. */
  stop(): Promise<void>;
  /** Starts it again and waits until it is healthy. */
  start(): Promise<void>;
}

export interface EtcdOptions {
  readonly binary: string;
  readonly dir: string;
  /** See ControlPlaneOptions. */
  readonly data: string | undefined;
}

/**
 * Starts a one-member etcd that listens on unix sockets in `dir` only, so that no other process can be taken
 * for it nor reach it by a port; resolves when it is healthy. Writes are not synced to disk.
 */
export async function startEtcd(o: EtcdOptions): Promise<Etcd> {
  const socket = join(o.dir, "etcd.sock");
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH) {
    throw new SocketPathError(socket);
  }
  if (o.data !== undefined) cpSync(o.data, join(o.dir, "etcd"), { recursive: true });
  const args = flags(o.dir, socket);
  const launch = () =>
    spawnChild({ name: "etcd", command: o.binary, args, logFile: join(o.dir, "etcd.log") });
  const untilReady = async () => {
    try {
      await ready(child, () => health(socket), READY_MS);
    } catch (error) {
      await child.stop(0);
      throw error;
    }
  };
  let child = launch();
  await untilReady();
  return {
    get child() {
      return child;
    },
    endpoint: `unix://${socket}`,
    stop: () => child.stop(),
    async start() {
      // Known before it is ready, so that a stop in the meantime reaches it.
      child = launch();
      await untilReady();
    },
  };
}

function flags(dir: string, socket: string): readonly string[] {
  const name = `etcd-${randomBytes(4).toString("hex")}`;
  return [
    `--name=${name}`,
    `--data-dir=${join(dir, "etcd")}`,
    `--listen-client-urls=unix://${socket}`,
    `--listen-peer-urls=unix://${join(dir, "peer.sock")}`,
    // What a member advertises must have a host and a port; with a single member nobody connects to it.
    "--advertise-client-urls=http://127.0.0.1:1",
    "--initial-advertise-peer-urls=http://127.0.0.1:1",
    `--initial-cluster=${name}=http://127.0.0.1:1`,
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

/** sockaddr_un.sun_path holds 108 bytes on Linux, 104 elsewhere, the final zero included. */
const MAX_SOCKET_PATH = 103;

/** The temporary folder's path leaves no room for a socket's name. */
class SocketPathError extends Error {
  readonly code = "SOCKET_PATH_TOO_LONG";

  constructor(path: string) {
    super(`the socket path ${path} is longer than ${MAX_SOCKET_PATH} bytes: set TMPDIR to a shorter folder`);
    this.name = "SocketPathError";
  }
}

async function health(socketPath: string): Promise<true | undefined> {
  if (!existsSync(socketPath)) {
    return undefined;
  }
  return answersOk(request({ socketPath, path: "/health", agent: false }));
}
