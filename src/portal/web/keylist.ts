import { STATES, type State } from "../../api/states.ts";
import { newKeyCommand, newKeyFile, type Policy } from "../../claims/policy.ts";
import { type HTML, html } from "../html.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import { type Asked, paged, pager, searchForm } from "./paging.ts";
import { keySegment } from "./pathsegments.ts";
import { heading, type Orders, sortedBy } from "./sorting.ts";
import { TEXTS } from "./texts.ts";

export interface KeyListOptions {
  /** Path of the list, without a query. */
  readonly path: string;
  /** All keys there are, the newest first. */
  readonly keys: readonly PortalKey[];
  readonly asked: Asked;
  /** Undefined where none may be added. */
  readonly addPath: string | undefined;
  /** In place of the list where there are no keys. */
  readonly empty: HTML;
}

/** The list with its search and its pages, or what stands in its place. */
export function keyList({ path, keys, asked, addPath, empty }: KeyListOptions): HTML {
  const { list } = TEXTS;
  const add =
    addPath !== undefined && html`<p><a class="button primary" href="${addPath}">${list.add}</a></p>`;
  if (keys.length === 0) return html`${empty}${add}`;
  const found = sortedBy(
    keys.filter((key) => matches(key, asked.search)),
    ORDERS,
    asked,
  );
  const page = paged(found, asked.page);
  return html`${add}
${searchForm(path, list.search, asked)}
<p class="count">${list.count(found.length, keys.length)}</p>
${found.length === 0 ? html`<p>${list.nothingFound(asked.search)}</p>` : table(page.shown, path, asked)}
${pager(path, asked, page)}`;
}

const byText = (textOf: (key: PortalKey) => string) => (a: PortalKey, b: PortalKey) => {
  const [one, other] = [textOf(a).toLowerCase(), textOf(b).toLowerCase()];
  return one < other ? -1 : one > other ? 1 : 0;
};

const ORDERS: Orders<PortalKey> = {
  title: byText(titleOf),
  type: byText(({ facts }) => facts?.type ?? ""),
  created: (a, b) => a.createdAt - b.createdAt,
  state: byText(({ state: word }) => word ?? TEXTS.states.unknown),
};

function table(keys: readonly PortalKey[], path: string, asked: Asked): HTML {
  const sortable = (column: "title" | "type" | "created" | "state") =>
    heading(path, TEXTS.list.columns[column], column, asked);
  const { columns } = TEXTS.list;
  return html`<table class="keys">
<thead><tr>${sortable("title")}<th scope="col">${columns.fingerprint}</th>${sortable("type")}${sortable("created")}${sortable("state")}</tr></thead>
<tbody>${keys.map((key) => row(key, path))}</tbody>
</table>`;
}

function row(key: PortalKey, path: string): HTML {
  const { columns } = TEXTS.list;
  const whatToDo = nextStep(key);
  return html`<tr>
<th scope="row" data-label="${columns.title}"><a href="${keyPath(path, key)}">${titleOf(key)}</a></th>
<td data-label="${columns.fingerprint}"><code>${key.facts?.fingerprint ?? "–"}</code></td>
<td data-label="${columns.type}">${key.facts === undefined ? "–" : `${key.facts.type} ${key.facts.bits}`}</td>
<td data-label="${columns.created}">${time(key.createdAt)}</td>
<td data-label="${columns.state}">${state(key)}${whatToDo && html` ${whatToDo}`}</td>
</tr>`;
}

/** STATE, with what it means where something is to be done. */
export function state({ state: word, message }: PortalKey): HTML {
  if (word === undefined) return html`${stateWord(word)} ${TEXTS.states.unknownMessage}`;
  return html`${stateWord(word)}${word !== "Projected" && html` ${message}`}`;
}

/** What one can do about the STATE on these pages; undefined where that is nothing. */
export function nextStep({ state: word }: Pick<PortalKey, "state">): string | undefined {
  return word && TEXTS.states.whatToDo[word];
}

/** The word alone; undefined for what the operator has not looked at yet. */
export function stateWord(word: State | undefined): HTML {
  if (word === undefined) return html`<span class="state waiting">${TEXTS.states.unknown}</span>`;
  const { ready, stalled } = STATES[word];
  const kind = stalled ? "bad" : ready === "True" ? (word === "Projected" ? "good" : "off") : "waiting";
  return html`<span class="state ${kind}">${word}</span>`;
}

/** An instant, which the browser shows in the reader's zone; in UTC without JavaScript. */
export function time(ms: number): HTML {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")} UTC</time>`;
}

/** Path of a key in a list. */
export function keyPath(list: string, { name }: Pick<PortalKey, "name">): string {
  return `${list}/${keySegment(name)}`;
}

/** What a person calls the key. */
export function titleOf({ title, facts, name }: PortalKey): string {
  return title || facts?.comment || name;
}

function matches({ title, facts, name, line }: PortalKey, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  const texts = [title, name, facts?.comment, facts?.fingerprint, facts?.fingerprintMD5, line.split(" ")[0]];
  return texts.some((text) => text?.toLowerCase().includes(wanted));
}

/** How to begin, with a key that the policy accepts. */
export function emptyState(policy: Policy): HTML {
  const { empty } = TEXTS;
  const systems = empty.systems.map(
    ({ name, command }) =>
      html`<dt>${name}</dt><dd><code>${command(newKeyCommand(policy), newKeyFile(policy))}</code></dd>`,
  );
  return html`<section class="empty">
<h2>${empty.title}</h2>
<p>${empty.explanation}</p>
<p>${empty.how}</p>
<dl>${systems}</dl>
</section>`;
}
