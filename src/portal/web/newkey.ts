import type { FastifyInstance, FastifyReply } from "fastify";
import type { Person } from "../people/person.ts";
import { newKey, type Problem } from "../sshkeys/newkey.ts";
import type { Desk } from "./desk.ts";
import { field } from "./forms.ts";
import { EMPTY_FORM, type FormValues, keyForm } from "./keyform.ts";
import { titleOf } from "./keylist.ts";
import { TEXTS } from "./texts.ts";

/** The form for a new key. */
export function addNewKey(server: FastifyInstance, desk: Desk): void {
  const { own } = desk;
  const { writer, policy } = desk.o;

  server.get(`${own}/new`, async (request, reply) => {
    const person = await desk.keyHolder(request);
    return await showForm(reply, person, EMPTY_FORM, []);
  });

  server.post(`${own}/new`, async (request, reply) => {
    const person = await desk.changing(request);
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
    return await desk.done(reply, key, TEXTS.notices.added(titleOf(key)), own);
  });

  async function showForm(
    reply: FastifyReply,
    person: Person,
    values: FormValues,
    problems: readonly Problem[],
  ): Promise<FastifyReply> {
    const csrf = await desk.formToken(person);
    const content = keyForm({ action: `${own}/new`, cancel: own, values, problems, csrf });
    return await desk.show(reply.code(problems.length === 0 ? 200 : 422), person, {
      title: TEXTS.form.title,
      content,
    });
  }
}

/** The end of a day in UTC, as RFC 3339. Whatever is no day stays as it is, and is told. */
function endOfDay(day: string): string | undefined {
  if (day === "") return undefined;
  return /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(day) ? `${day}T23:59:59Z` : day;
}
