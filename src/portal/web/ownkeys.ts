import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Person } from "../people/person.ts";
import { writeOf } from "../sshkeys/keywriter.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import type { Desk } from "./desk.ts";
import { keyDeletion, keyDetail } from "./keydetail.ts";
import { keyList, titleOf } from "./keylist.ts";
import { PageProblem } from "./problem.ts";
import { TEXTS } from "./texts.ts";

/** A person's own keys: the list, one of them, and what can be done with it. */
export function addOwnKeys(server: FastifyInstance, desk: Desk): void {
  const { own } = desk;
  const { store, writer, recent } = desk.o;

  server.get(own, async (request, reply) => {
    const person = await desk.keyHolder(request);
    const notice = await recent.take(request, reply);
    const { search = "", page: number = "1" } = request.query as Record<string, string | undefined>;
    const keys = store.ofUser(person.namespace, person.user);
    const options = { path: own, keys, search: String(search), page: Number.parseInt(number, 10) || 1 };
    const content = keyList({ ...options, addPath: `${own}/new` });
    return await desk.show(reply, person, { title: TEXTS.list.title, notice, content });
  });

  server.get(`${own}/:name`, async (request, reply) => {
    const { person, key } = await ownKey(request);
    const notice = await recent.take(request, reply);
    const csrf = await desk.formToken(person);
    const content = keyDetail({ key, path: desk.pathOf(key), csrf, mayChange: true });
    return await desk.show(reply, person, { title: titleOf(key), notice, content });
  });

  server.get(`${own}/:name/raw`, async (request, reply) => {
    const { key } = await ownKey(request);
    return reply.type("text/plain; charset=utf-8").send(`${key.line}\n`);
  });

  server.get(`${own}/:name/delete`, async (request, reply) => {
    const { person, key } = await ownKey(request);
    const csrf = await desk.formToken(person);
    const content = keyDeletion({ path: desk.pathOf(key), csrf });
    return await desk.show(reply, person, { title: TEXTS.delete.title(titleOf(key)), content });
  });

  server.post(`${own}/:name/delete`, async (request, reply) => {
    const { key } = await changingKey(request);
    await writer.delete(key);
    await recent.remember(reply, {
      writes: [{ ...writeOf(key), resourceVersion: undefined }],
      notice: TEXTS.notices.deleted(titleOf(key)),
    });
    return reply.redirect(own, 303);
  });

  for (const [verb, isDisabled, notice] of [
    ["disable", true, TEXTS.notices.disabled],
    ["enable", false, TEXTS.notices.enabled],
  ] as const) {
    server.post(`${own}/:name/${verb}`, async (request, reply) => {
      const { key } = await changingKey(request);
      const changed = await writer.setDisabled(key, isDisabled);
      return await desk.done(reply, changed, notice(titleOf(key)), desk.pathOf(key));
    });
  }

  async function ownKey(request: FastifyRequest): Promise<{ person: Person; key: PortalKey }> {
    return keyOf(await desk.keyHolder(request), request);
  }

  async function changingKey(request: FastifyRequest): Promise<{ person: Person; key: PortalKey }> {
    return keyOf(await desk.changing(request), request);
  }

  /** A key that is another's reads as one that is not there. */
  function keyOf(person: Person, request: FastifyRequest): { person: Person; key: PortalKey } {
    const { name = "" } = request.params as { name?: string };
    const key = store.get(person.namespace, name);
    if (key === undefined || key.user !== person.user) throw new PageProblem("notFound");
    return { person, key };
  }
}
