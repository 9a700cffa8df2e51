import type { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Person } from "./people/person.ts";

/** While more than this waits for a person, in bytes, there is nothing more. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;

/** Somebody asks for more, and does not take what is there. */
export class Unread extends Error {
  override readonly name = "Unread";
  readonly statusCode = 429;
}

/**
 * Answers that are made and not taken yet. A list of many keys has megabytes, and who asks for it on hundreds of connections
 * and reads none of them would fill the memory of all; so each person has a limit. What nobody in particular may read is short.
 */
export class Backlog {
  /** By person, in bytes. */
  readonly #waiting = new Map<string, number>();
  readonly #readers = new WeakMap<FastifyRequest, string>();
  /** What is under way on a connection, to be called once when it is not any more. */
  readonly #underWay = new WeakMap<Socket, Set<() => void>>();

  observe(server: FastifyInstance): void {
    server.addHook("onSend", async (request, reply, payload) => {
      // An error is short, and the answer to whoever is over the limit.
      if (reply.statusCode < 400) this.#add(request, reply, bytesOf(payload));
    });
  }

  /** The answer to this request is this person's. Throws an Unread, before anything is made, for who has not read the others. */
  identified(request: FastifyRequest, { namespace, user }: Pick<Person, "namespace" | "user">): void {
    const reader = JSON.stringify([namespace, user]);
    this.#heed(reader);
    this.#readers.set(request, reader);
  }

  #heed(reader: string): void {
    if ((this.#waiting.get(reader) ?? 0) > MOST_WAITING_BYTES)
      throw new Unread("too much waits to be read by you: read it, then ask again");
  }

  #add(request: FastifyRequest, reply: FastifyReply, bytes: number): void {
    const reader = this.#readers.get(request);
    if (reader === undefined || bytes === 0) return;
    // Requests that came together are identified before the first of them is answered.
    this.#heed(reader);
    this.#waiting.set(reader, (this.#waiting.get(reader) ?? 0) + bytes);
    const underWay = this.#onConnection(request.socket);
    const taken = () => {
      if (!underWay.delete(taken)) return;
      const left = (this.#waiting.get(reader) ?? 0) - bytes;
      if (left > 0) this.#waiting.set(reader, left);
      else this.#waiting.delete(reader);
    };
    underWay.add(taken);
    reply.raw.once("close", taken);
  }

  /** Of an answer behind another one nothing is heard when their connection breaks. */
  #onConnection(socket: Socket): Set<() => void> {
    const known = this.#underWay.get(socket);
    if (known !== undefined) return known;
    const underWay = new Set<() => void>();
    this.#underWay.set(socket, underWay);
    socket.once("close", () => {
      for (const taken of underWay) taken();
    });
    return underWay;
  }
}

function bytesOf(payload: unknown): number {
  if (typeof payload === "string") return Buffer.byteLength(payload);
  return Buffer.isBuffer(payload) ? payload.length : 0;
}
