import type { FastifyInstance } from "fastify";
import { html } from "../html.ts";
import type { Desk } from "./desk.ts";
import { addKeyForm } from "./keyformroutes.ts";
import { keyPath } from "./keylist.ts";
import { TEXTS } from "./texts.ts";

/** The form for a key of one's own. */
export function addNewKey(server: FastifyInstance, desk: Desk): void {
  addKeyForm(server, desk, {
    route: `${desk.own}/new`,
    placeOf: async (request) => {
      const person = await desk.keyHolder(request);
      return {
        person,
        user: person.user,
        namespace: person.namespace,
        title: TEXTS.form.title,
        list: desk.own,
        pathOf: (key) => keyPath(desk.own, key),
      };
    },
  });
  server.get(`${desk.o.base}signed-in`, async (request, reply) => {
    const person = await desk.o.identify(request);
    const content = html`<p data-signed-in>${TEXTS.draft.signedIn}</p>`;
    return await desk.show(reply, person, { title: TEXTS.draft.signedInTitle, content });
  });
}
