import type { FastifyInstance } from "fastify";
import type { Desk } from "./desk.ts";
import { emptyState } from "./keylist.ts";
import { addKeyRoutes } from "./keyroutes.ts";
import { TEXTS } from "./texts.ts";

/** A person's own keys. */
export function addOwnKeys(server: FastifyInstance, desk: Desk): void {
  addKeyRoutes(server, desk, {
    route: desk.own,
    placeOf: async (request) => {
      const person = await desk.keyHolder(request);
      return {
        person,
        user: person.user,
        namespace: person.namespace,
        title: TEXTS.list.title,
        list: desk.own,
        mayChange: true,
        empty: emptyState(),
      };
    },
  });
}
