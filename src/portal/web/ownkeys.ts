import type { FastifyInstance, FastifyRequest } from "fastify";
import { html } from "../html.ts";
import type { Desk } from "./desk.ts";
import { addKeyForm } from "./keyformroutes.ts";
import { emptyState, keyPath } from "./keylist.ts";
import { addKeyRoutes } from "./keyroutes.ts";
import { TEXTS } from "./texts.ts";

/** A person's own keys, and the form for a new one. */
export function addOwnKeys(server: FastifyInstance, desk: Desk): void {
  const { own } = desk;

  addKeyForm(server, desk, {
    route: `${own}/new`,
    placeOf: async (request) => ({
      ...(await placeOf(request)),
      title: TEXTS.form.title,
      pathOf: (key) => keyPath(own, key),
    }),
  });
  addKeyRoutes(server, desk, {
    route: own,
    placeOf: async (request) => ({
      ...(await placeOf(request)),
      title: TEXTS.list.title,
      mayChange: true,
      empty: emptyState(desk.o.policy),
    }),
  });

  // Where a sign-in ends that was begun beside the form.
  server.get(`${desk.o.base}signed-in`, async (request, reply) => {
    const person = await desk.o.identify(request);
    const content = html`<p data-signed-in>${TEXTS.draft.signedIn}</p>`;
    return await desk.show(reply, person, { title: TEXTS.draft.signedInTitle, content });
  });

  async function placeOf(request: FastifyRequest) {
    const person = await desk.keyHolder(request);
    const { user, namespace } = person;
    return { person, user, namespace, list: own };
  }
}
