import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/** How often a stop looks for connections on which nothing is under way any more, in ms. */
const LOOK_MS = 50;

/** What is known of a connection that has brought a request. */
interface Brought {
  /** Requests whose answers are not with the kernel to the last byte. */
  underWay: number;
  /** How many bytes had been read when the last of them was. */
  read: number;
}

/** The connections of a server, and how they end: nobody is cut off whose request is under way, until a time is over. */
export class Connections {
  readonly #server: FastifyInstance;
  readonly #brought = new Map<Socket, Brought>();
  #isLast = false;

  constructor(server: FastifyInstance) {
    this.#server = server;
    server.server.prependListener("request", ({ socket }, response) => this.#begin(socket, response));
    // Node's own takes an answer for sent once it is handed over, and cuts off who reads it slowly.
    server.server.closeIdleConnections = () => this.#closeQuiet();
    server.addHook("onSend", async (_request, reply) => {
      if (this.#isLast) reply.header("connection", "close");
    });
  }

  /** From now on each answer is the last of its connection: who wants more comes to another replica. */
  endAfterAnswers(): void {
    this.#isLast = true;
  }

  /** Takes nothing more. Resolves when all that has begun is answered; what is not by then is cut off after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.endAfterAnswers();
    const late = setTimeout(() => this.#server.server.closeAllConnections(), graceMs);
    const looking = setInterval(() => this.#closeQuiet(), LOOK_MS);
    await this.#server.close();
    clearTimeout(late);
    clearInterval(looking);
  }

  #begin(socket: Socket, response: ServerResponse): void {
    const known = this.#brought.get(socket);
    const brought = known ?? { underWay: 0, read: 0 };
    brought.underWay += 1;
    response.once("close", () => {
      brought.underWay -= 1;
      brought.read = socket.bytesRead;
    });
    if (known !== undefined) return;
    this.#brought.set(socket, brought);
    socket.once("close", () => this.#brought.delete(socket));
  }

  /** Those that have had their answers, and have sent nothing since. */
  #closeQuiet(): void {
    for (const [socket, { underWay, read }] of this.#brought)
      if (underWay === 0 && socket.bytesRead === read) socket.destroy();
  }
}
