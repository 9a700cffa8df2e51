import type { FastifyInstance, FastifyRequest } from "fastify";
import { type HTML, html } from "../html.ts";
import type { Person } from "../people/person.ts";
import { proofRequirement } from "../sshkeys/givenproof.ts";
import { writeOf } from "../sshkeys/keywriter.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import type { UsedBy } from "../sshkeys/usedby.ts";
import type { Desk } from "./desk.ts";
import { keyDeletion, keyDetail } from "./keydetail.ts";
import { keyList, keyPath, titleOf } from "./keylist.ts";
import { askedIn } from "./paging.ts";
import { textIn } from "./pathsegments.ts";
import { PageProblem } from "./problem.ts";
import { addProofForm } from "./proofroutes.ts";
import { TEXTS } from "./texts.ts";

/** Who looks at whose keys. */
export interface KeyPlace {
  readonly person: Person;
  /** Whose keys they are, and where. */
  readonly user: string;
  readonly namespace: string;
  readonly title: string;
  /** Path of the list. */
  readonly list: string;
  readonly mayChange: boolean;
  /** In place of the list where there are none. */
  readonly empty: HTML;
}

export interface KeyRoutes {
  /** Route of the list; a key's is one below. */
  readonly route: string;
  /** Who asks, and for whose keys; throws a PageProblem where that may not be. */
  readonly placeOf: (request: FastifyRequest) => Promise<KeyPlace>;
}

/** The keys of one user: the list, one of them, and what can be done with it. */
export function addKeyRoutes(server: FastifyInstance, desk: Desk, { route, placeOf }: KeyRoutes): void {
  const { store, writer, recent, access } = desk.o;

  server.get(route, async (request, reply) => {
    const { person, user, namespace, title, list, mayChange, empty } = await placeOf(request);
    const notice = await recent.take(request, reply);
    const keys = store.ofUser(namespace, user);
    const addPath = mayChange ? `${list}/new` : undefined;
    const content = keyList({ path: list, keys, asked: askedIn(request), addPath, empty });
    return await desk.show(reply, person, { title, notice, content });
  });

  server.get(`${route}/:name`, async (request, reply) => {
    const place = await placeOf(request);
    const { person, list, mayChange } = place;
    const notice = await recent.take(request, reply);
    const key = keyIn(place, request);
    const csrf = await desk.formToken(person);
    const usedBy = await usedByFor(person, key);
    const showsUsers = await access.may(person, "list", place.namespace);
    const path = keyPath(list, key);
    const content = keyDetail({
      key,
      path,
      list,
      csrf,
      mayChange,
      usedBy,
      showsUsers,
      proofRequirement: proofRequirement(desk.o.policy),
    });
    return await desk.show(reply, person, { title: titleOf(key), notice, content });
  });

  server.get(`${route}/:name/raw`, async (request, reply) => {
    const key = keyIn(await placeOf(request), request);
    return reply.type("text/plain; charset=utf-8").send(`${key.line}\n`);
  });

  server.get(`${route}/:name/delete`, async (request, reply) => {
    const place = await placeOf(request);
    const key = changeable(place, request);
    const csrf = await desk.formToken(place.person);
    const content = keyDeletion({ path: keyPath(place.list, key), csrf });
    return await desk.show(reply, place.person, { title: TEXTS.delete.title(titleOf(key)), content });
  });

  server.post(`${route}/:name/delete`, async (request, reply) => {
    const { key, list } = await changing(request);
    await writer.delete(key);
    await recent.remember(reply, {
      writes: [{ ...writeOf(key), resourceVersion: undefined }],
      notice: TEXTS.notices.deleted(titleOf(key)),
    });
    return reply.redirect(list, 303);
  });

  for (const [verb, isDisabled, notice] of [
    ["disable", true, TEXTS.notices.disabled],
    ["enable", false, TEXTS.notices.enabled],
  ] as const) {
    server.post(`${route}/:name/${verb}`, async (request, reply) => {
      const { key, list } = await changing(request);
      const changed = await writer.setDisabled(key, isDisabled);
      return await desk.done(reply, changed, notice(titleOf(key)), keyPath(list, key));
    });
  }

  addProofForm(server, desk, {
    route: `${route}/:name/proof`,
    placeOf: async (request) => {
      const place = await placeOf(request);
      const key = changeable(place, request);
      return { person: place.person, key, path: keyPath(place.list, key) };
    },
  });

  /** Undefined where that is not to be told. Of other namespaces only what the person may see there without the portal. */
  async function usedByFor(person: Person, key: PortalKey): Promise<UsedBy | undefined> {
    const { usedBy, targetNamespaces } = desk.o;
    if (usedBy === undefined) return undefined;
    const others = targetNamespaces.filter((namespace) => namespace !== key.namespace);
    const isSeen = await Promise.all(others.map((namespace) => access.mayListTargets(person, namespace)));
    return await usedBy.of(
      key,
      others.filter((_, index) => isSeen[index]),
    );
  }

  /** The key that a form of this person's is to change. */
  async function changing(request: FastifyRequest): Promise<{ key: PortalKey; list: string }> {
    const place = await placeOf(request);
    await desk.requireOwnForm(request, place.person);
    return { key: changeable(place, request), list: place.list };
  }

  function changeable(place: KeyPlace, request: FastifyRequest): PortalKey {
    if (!place.mayChange) throw new PageProblem("forbidden");
    return keyIn(place, request);
  }

  /** A key that is another's reads as one that is not there. */
  function keyIn({ user, namespace }: KeyPlace, request: FastifyRequest): PortalKey {
    const { name: segment = "" } = request.params as { name?: string };
    const key = store.get(namespace, textIn(segment) ?? "");
    if (key === undefined || key.user !== user) throw new PageProblem("notFound");
    return key;
  }
}

/** What stands in place of a list that has no keys of another person. */
export function noKeys(user: string): HTML {
  return html`<p>${TEXTS.people.noKeys(user)}</p>`;
}
