import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Policy } from "../../claims/policy.ts";
import type { Access } from "../people/access.ts";
import type { Person } from "../people/person.ts";
import type { Sealer } from "../sealer.ts";
import type { KeyStore } from "../sshkeys/keystore.ts";
import { type KeyWriter, writeOf } from "../sshkeys/keywriter.ts";
import { newKey, type Problem } from "../sshkeys/newkey.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import { ASSETS } from "./assets.ts";
import { field, formToken, isOwnForm } from "./forms.ts";
import type { HTML } from "./html.ts";
import { keyDeletion, keyDetail } from "./keydetail.ts";
import { EMPTY_FORM, type FormValues, keyForm } from "./keyform.ts";
import { keyList, titleOf } from "./keylist.ts";
import { page } from "./layout.ts";
import { PageProblem } from "./problem.ts";
import type { RecentWrites } from "./recent.ts";
import { TEXTS } from "./texts.ts";

export interface WebOptions {
  /** Path of the public address; ends in `/`. */
  readonly base: string;
  /** Of the portal's own pages. */
  readonly originOf: (request: FastifyRequest) => string;
  readonly store: KeyStore;
  readonly writer: KeyWriter;
  readonly access: Access;
  readonly sealer: Sealer;
  readonly recent: RecentWrites;
  readonly policy: Policy;
  /** Who asks; rejects with a PageProblem, or sends to the sign-in, when it is nobody. */
  readonly identify: (request: FastifyRequest) => Promise<Person>;
}

/** The pages. */
export function addPages(server: FastifyInstance, o: WebOptions): void {
  const { base, store, writer, access, sealer, recent, policy } = o;
  const own = `${base}keys`;

  addAssets(server, base);
  server.get(base, async (_request, reply) => reply.redirect(own, 303));

  server.get(own, async (request, reply) => {
    const person = await keyHolder(request);
    const notice = await recent.take(request, reply);
    const { search = "", page: number = "1" } = request.query as Record<string, string | undefined>;
    const keys = store.ofUser(person.namespace, person.user);
    const options = { path: own, keys, search: String(search), page: Number.parseInt(number, 10) || 1 };
    const content = keyList({ ...options, addPath: `${own}/new` });
    return await show(reply, person, { title: TEXTS.list.title, notice, content });
  });

  server.get(`${own}/new`, async (request, reply) => {
    const person = await keyHolder(request);
    return await showForm(reply, person, EMPTY_FORM, []);
  });

  server.post(`${own}/new`, async (request, reply) => {
    const person = await changing(request);
    const values: FormValues = {
      key: field(request.body, "key"),
      title: field(request.body, "title"),
      expires: field(request.body, "expires"),
    };
    const expiresAt = endOfDay(values.expires);
    const typed = { key: values.key, title: values.title, expiresAt, options: [] };
    const made = newKey(typed, person.user, policy, Date.now());
    if (!("spec" in made)) {
      const key = made.isPrivate === true ? "" : (made.suggestion ?? values.key);
      return await showForm(reply, person, { ...values, key }, made.problems);
    }
    const key = await writer.create(made.spec, { person, namespace: person.namespace });
    return await done(reply, key, TEXTS.notices.added(titleOf(key)), own);
  });

  server.get(`${own}/:name`, async (request, reply) => {
    const { person, key } = await ownKey(request);
    const notice = await recent.take(request, reply);
    const csrf = await formToken(sealer, person);
    const content = keyDetail({ key, path: pathOf(key), csrf, mayChange: true });
    return await show(reply, person, { title: titleOf(key), notice, content });
  });

  server.get(`${own}/:name/raw`, async (request, reply) => {
    const { key } = await ownKey(request);
    return reply.type("text/plain; charset=utf-8").send(`${key.line}\n`);
  });

  server.get(`${own}/:name/delete`, async (request, reply) => {
    const { person, key } = await ownKey(request);
    const csrf = await formToken(sealer, person);
    const content = keyDeletion({ path: pathOf(key), csrf });
    return await show(reply, person, { title: TEXTS.delete.title(titleOf(key)), content });
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
      return await done(reply, changed, notice(titleOf(key)), pathOf(key));
    });
  }

  function pathOf({ name }: PortalKey): string {
    return `${own}/${encodeURIComponent(name)}`;
  }

  async function keyHolder(request: FastifyRequest): Promise<Person> {
    const person = await o.identify(request);
    if (!access.mayHaveKeys(person)) throw new PageProblem("forbidden");
    return person;
  }

  /** Somebody whose own form this is. */
  async function changing(request: FastifyRequest): Promise<Person> {
    const person = await keyHolder(request);
    if (!(await isOwnForm(sealer, person, request, o.originOf(request)))) throw new PageProblem("stale");
    return person;
  }

  async function ownKey(request: FastifyRequest): Promise<{ person: Person; key: PortalKey }> {
    return keyOf(await keyHolder(request), request);
  }

  async function changingKey(request: FastifyRequest): Promise<{ person: Person; key: PortalKey }> {
    return keyOf(await changing(request), request);
  }

  /** A key that is another's reads as one that is not there. */
  function keyOf(person: Person, request: FastifyRequest): { person: Person; key: PortalKey } {
    const { name = "" } = request.params as { name?: string };
    const key = store.get(person.namespace, name);
    if (key === undefined || key.user !== person.user) throw new PageProblem("notFound");
    return { person, key };
  }

  async function showForm(
    reply: FastifyReply,
    person: Person,
    values: FormValues,
    problems: readonly Problem[],
  ): Promise<FastifyReply> {
    const csrf = await formToken(sealer, person);
    const content = keyForm({ action: `${own}/new`, cancel: own, values, problems, csrf });
    return await show(reply.code(problems.length === 0 ? 200 : 422), person, {
      title: TEXTS.form.title,
      content,
    });
  }

  async function done(
    reply: FastifyReply,
    key: PortalKey,
    notice: string,
    to: string,
  ): Promise<FastifyReply> {
    await recent.remember(reply, { writes: [writeOf(key)], notice });
    return reply.redirect(to, 303);
  }

  async function show(
    reply: FastifyReply,
    person: Person,
    { title, content, notice }: { title: string; content: HTML; notice?: string | undefined },
  ): Promise<FastifyReply> {
    const isAdmin = await access.may(person, "list");
    const text = await page({
      title,
      base,
      person,
      isAdmin,
      hasSession: person.signedInBy === "oidc",
      notice,
      content,
    });
    return reply.type("text/html; charset=utf-8").send(String(text));
  }
}

function addAssets(server: FastifyInstance, base: string): void {
  for (const { name, type, content } of ASSETS) {
    server.get(`${base}assets/${name}`, async (_request, reply) =>
      reply.header("cache-control", "public, max-age=300").type(type).send(content),
    );
  }
}

/** The end of a day in UTC, as RFC 3339. Whatever is no day stays as it is, and is told. */
function endOfDay(day: string): string | undefined {
  if (day === "") return undefined;
  return /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(day) ? `${day}T23:59:59Z` : day;
}
