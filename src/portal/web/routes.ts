import type { FastifyInstance } from "fastify";
import { addAssets } from "./assetpaths.ts";
import { Desk, type WebOptions } from "./desk.ts";
import { addOwnKeys } from "./ownkeys.ts";
import { addPeople } from "./people.ts";
import { addWho } from "./who.ts";

/** The pages. */
export function addPages(server: FastifyInstance, options: WebOptions): void {
  const desk = new Desk(options);
  addAssets(server, options.base);
  server.get(options.base, async (_request, reply) => reply.redirect(desk.own, 303));
  addOwnKeys(server, desk);
  addPeople(server, desk);
  addWho(server, desk);
}
