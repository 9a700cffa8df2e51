import type { FastifyInstance, FastifyRequest } from "fastify";
import { validateUser } from "../../api/rules.ts";
import { STATES, type State } from "../../api/states.ts";
import { type HTML, html } from "../html.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import type { Desk } from "./desk.ts";
import { addKeyForm } from "./keyformroutes.ts";
import { keyPath, stateWord } from "./keylist.ts";
import { addKeyRoutes, type KeyPlace, noKeys } from "./keyroutes.ts";
import { type Asked, askedIn, paged, pager, searchForm } from "./paging.ts";
import { textIn, userSegment } from "./pathsegments.ts";
import { PageProblem } from "./problem.ts";
import { heading, type Orders, sortedBy } from "./sorting.ts";
import { TEXTS } from "./texts.ts";

/** Everybody's keys, for those who may list SSHKeys here; they are changed by those who may assign them. */
export function addPeople(server: FastifyInstance, desk: Desk): void {
  const { people } = desk;
  const route = `${people}/:user`;
  const { store, access } = desk.o;

  server.get(people, async (request, reply) => {
    const person = await desk.viewer(request);
    const { user } = request.query as Readonly<Record<string, unknown>>;
    if (typeof user === "string" && user !== "") return reply.redirect(`${people}/${userSegment(user)}`, 303);
    const users = [...store.users(person.namespace)].sort();
    const keysOf = (each: string) => store.ofUser(person.namespace, each);
    const mayAdd = await access.may(person, "assign");
    const content = html`${peopleList(people, users, keysOf, askedIn(request))}${mayAdd && otherForm(people)}`;
    return await desk.show(reply, person, { title: TEXTS.people.title, content });
  });

  addKeyForm(server, desk, {
    route: `${route}/new`,
    placeOf: async (request) => {
      const place = await placeOf(request);
      if (!place.mayChange) throw new PageProblem("forbidden");
      const { list, user } = place;
      return { ...place, title: TEXTS.people.addFor(user), pathOf: (key) => keyPath(list, key) };
    },
  });
  addKeyRoutes(server, desk, { route, placeOf });

  /** Of whoever may have keys; a name that no user can have is nobody's. */
  async function placeOf(request: FastifyRequest): Promise<KeyPlace> {
    const person = await desk.viewer(request);
    const { user: segment = "" } = request.params as { user?: string };
    const user = textIn(segment);
    const { namespace } = person;
    if (user === undefined) throw new PageProblem("notFound");
    if (validateUser(user) !== undefined && store.ofUser(namespace, user).length === 0)
      throw new PageProblem("notFound", TEXTS.people.noUser);
    return {
      person,
      user,
      namespace,
      title: TEXTS.list.titleOf(user),
      list: `${people}/${userSegment(user)}`,
      mayChange: await access.may(person, "assign"),
      empty: noKeys(user),
    };
  }
}

interface Listed {
  readonly user: string;
  readonly keys: readonly PortalKey[];
  /** How many of the keys need somebody to do something. */
  readonly problems: number;
}

const ORDERS: Orders<Listed> = {
  user: (a, b) => (a.user < b.user ? -1 : a.user > b.user ? 1 : 0),
  keys: (a, b) => a.keys.length - b.keys.length,
  problems: (a, b) => a.problems - b.problems,
};

function peopleList(
  path: string,
  users: readonly string[],
  keysOf: (user: string) => readonly PortalKey[],
  asked: Asked,
): HTML {
  const { people } = TEXTS;
  if (users.length === 0) return html`<p>${people.nobody}</p>`;
  const wanted = asked.search.trim().toLowerCase();
  const found = users.filter((user) => user.toLowerCase().includes(wanted));
  const all = found.map((user) => listed(user, keysOf));
  const page = paged(sortedBy(all, ORDERS, asked), asked.page);
  return html`${searchForm(path, people.search, asked)}
<p class="count">${people.count(found.length, users.length)}</p>
${found.length === 0 ? html`<p>${people.nothingFound(asked.search)}</p>` : table(page.shown, path, asked)}
${pager(path, asked, page)}`;
}

/** Keys are looked at when they are asked for: of all people only where the list is sorted by them. */
function listed(user: string, keysOf: (user: string) => readonly PortalKey[]): Listed {
  let keys: readonly PortalKey[] | undefined;
  let problems: number | undefined;
  return {
    user,
    get keys() {
      keys ??= keysOf(user);
      return keys;
    },
    get problems() {
      problems ??= this.keys.filter(({ state }) => state !== undefined && STATES[state].stalled).length;
      return problems;
    },
  };
}

function table(shown: readonly Listed[], path: string, asked: Asked): HTML {
  const { columns } = TEXTS.people;
  const sortable = (column: "user" | "keys" | "problems") => heading(path, columns[column], column, asked);
  return html`<table>
<thead><tr>${sortable("user")}${sortable("keys")}${sortable("problems")}<th scope="col">${columns.states}</th></tr></thead>
<tbody>${shown.map((each) => row(path, each))}</tbody>
</table>`;
}

function row(path: string, { user, keys, problems }: Listed): HTML {
  const { columns } = TEXTS.people;
  const counts = new Map<State, number>();
  for (const { state = TEXTS.states.unknown } of keys) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].map(([state, count]) => html`<li>${count} ${stateWord(state)}</li>`);
  return html`<tr>
<th scope="row" data-label="${columns.user}"><a href="${path}/${userSegment(user)}">${user}</a></th>
<td data-label="${columns.keys}">${keys.length}</td>
<td data-label="${columns.problems}">${problems}</td>
<td data-label="${columns.states}"><ul class="counts">${states}</ul></td>
</tr>`;
}

function otherForm(path: string): HTML {
  const { people } = TEXTS;
  return html`<form class="other" action="${path}" method="get">
<label for="user">${people.other}</label>
<p class="help" id="user-help">${people.otherHelp}</p>
<input id="user" name="user" maxlength="506" required autocomplete="off" spellcheck="false" autocapitalize="off" aria-describedby="user-help">
<button>${people.otherButton}</button>
</form>`;
}
