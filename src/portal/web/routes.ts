import type { FastifyInstance } from "fastify";
import { addAssets } from "./assetpaths.ts";
import type { Desk } from "./desk.ts";
import { addOwnKeys } from "./ownkeys.ts";
import { addPeople } from "./people.ts";
import { addWho } from "./who.ts";

/** The pages of the desk. */
export function addPages(server: FastifyInstance, desk: Desk): void {
  const options = desk.o;
  addAssets(server, options.base);
  server.get(options.base, async (_request, reply) => reply.redirect(desk.own, 303));
  addOwnKeys(server, desk);
  addPeople(server, desk);
  addWho(server, desk);
}
