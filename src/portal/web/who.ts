import type { FastifyInstance, FastifyReply } from "fastify";
import { printable } from "../../ssh/unprintable.ts";
import { type HTML, html } from "../html.ts";
import type { Person } from "../people/person.ts";
import { privateKeyProblem } from "../sshkeys/newkey.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import { type LineAnswer, MOST_LINES, type NamedKey, whose } from "../sshkeys/whose.ts";
import type { Desk } from "./desk.ts";
import { field } from "./forms.ts";
import { keyPath, stateWord, titleOf } from "./keylist.ts";
import { userSegment } from "./pathsegments.ts";
import { TEXTS } from "./texts.ts";

/** How much of a line, and of a name in it, is shown, in characters. */
const MOST_SHOWN = 300;

/** Whose is it? Answers fingerprints, keys and lines of the log of sshd, for those who may list SSHKeys here. */
export function addWho(server: FastifyInstance, desk: Desk): void {
  const path = `${desk.o.base}who`;

  server.get(path, async (request, reply) => {
    const person = await desk.viewer(request);
    return await show(reply, person, field(request.query, "key"));
  });

  // A log has more lines than an address can hold, and is nobody else's to read there.
  server.post(path, async (request, reply) => {
    const person = await desk.viewer(request);
    await desk.requireOwnForm(request, person);
    return await show(reply, person, field(request.body, "text"));
  });

  async function show(reply: FastifyReply, person: Person, text: string): Promise<FastifyReply> {
    const secret = privateKeyProblem(text, desk.o.policy);
    const csrf = await desk.formToken(person);
    const content = html`${secret !== undefined && html`<p class="problem" role="alert">${secret.message}</p>`}
${form(path, csrf, secret === undefined ? text : "")}
${secret === undefined && text.trim() !== "" && answers(text, person.namespace)}`;
    if (secret !== undefined) reply.code(422);
    return await desk.show(reply, person, { title: TEXTS.who.title, content });
  }

  function answers(text: string, namespace: string): HTML {
    const { who } = TEXTS;
    const { lines, left } = whose(text, desk.o.store, namespace);
    const rows = lines.map((each) => row(each, desk.people));
    return html`<h2>${who.answers}</h2>
<table>
<thead><tr><th scope="col">${who.columns.line}</th><th scope="col">${who.columns.keys}</th></tr></thead>
<tbody>${rows}</tbody>
</table>
${left > 0 && html`<p>${who.left(left, MOST_LINES)}</p>`}`;
  }
}

function form(path: string, csrf: string, text: string): HTML {
  const { who } = TEXTS;
  return html`<form class="fields" action="${path}" method="post">
<input type="hidden" name="csrf" value="${csrf}">
<label for="text">${who.text}</label>
<p class="help" id="text-help">${who.help(MOST_LINES)}</p>
<textarea id="text" name="text" rows="6" required spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="text-help">
${text}</textarea>
<p class="actions"><button class="primary">${who.submit}</button></p>
</form>`;
}

function row({ line, named, isCut }: LineAnswer, people: string): HTML {
  const { who } = TEXTS;
  return html`<tr>
<th scope="row" data-label="${who.columns.line}"><code>${shown(line)}</code></th>
<td data-label="${who.columns.keys}">${
    named.length === 0
      ? html`<span class="quiet">${isCut ? who.cut : who.noKey}</span>`
      : html`<ul class="counts">${named.map((each) => html`<li>${answer(each, people)}</li>`)}</ul>`
  }</td>
</tr>`;
}

function answer({ fingerprint, mention, keys, more }: NamedKey, people: string): HTML {
  const { who } = TEXTS;
  const said =
    mention &&
    who.mention(who.outcomes[mention.outcome], shown(mention.user ?? ""), shown(mention.address ?? ""));
  return html`${keys.length === 0 ? html`<strong>${who.nobody}</strong>` : keys.map((key) => owner(key, people))}${more > 0 && html`<p>${who.more(more)}</p>`}
<br><code>${fingerprint}</code>${said !== undefined && html`<br>${said}`}`;
}

function owner(key: PortalKey, people: string): HTML {
  const list = `${people}/${userSegment(key.user)}`;
  return html`<p><strong><a href="${list}">${key.user}</a></strong>, <a href="${keyPath(list, key)}">${titleOf(key)}</a>, ${stateWord(key.state)}</p>`;
}

function shown(text: string): string {
  const line = printable(text);
  return line.length <= MOST_SHOWN ? line : `${line.slice(0, MOST_SHOWN - 1)}…`.toWellFormed();
}
