import type { FastifyInstance } from "fastify";
import { ASSETS } from "./assets.ts";
import { Desk, type WebOptions } from "./desk.ts";
import { addNewKey } from "./newkey.ts";
import { addOwnKeys } from "./ownkeys.ts";

/** The pages. */
export function addPages(server: FastifyInstance, options: WebOptions): void {
  const desk = new Desk(options);
  addAssets(server, options.base);
  server.get(options.base, async (_request, reply) => reply.redirect(desk.own, 303));
  addNewKey(server, desk);
  addOwnKeys(server, desk);
}

function addAssets(server: FastifyInstance, base: string): void {
  for (const { name, type, content } of ASSETS) {
    server.get(`${base}assets/${name}`, async (_request, reply) =>
      reply.header("cache-control", "public, max-age=300").type(type).send(content),
    );
  }
}
