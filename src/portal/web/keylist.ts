import { STATES } from "../../api/states.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import { type HTML, html } from "./html.ts";
import { TEXTS } from "./texts.ts";

export interface KeyListOptions {
  /** Path of the list, without a query. */
  readonly path: string;
  /** All keys there are, the newest first. */
  readonly keys: readonly PortalKey[];
  readonly search: string;
  /** From 1. */
  readonly page: number;
  /** Undefined where none may be added. */
  readonly addPath: string | undefined;
}

const KEYS_A_PAGE = 50;

/** The list with its search and its pages, or how to begin. */
export function keyList({ path, keys, search, page, addPath }: KeyListOptions): HTML {
  const { list } = TEXTS;
  const add = addPath !== undefined && html`<p><a class="button" href="${addPath}">${list.add}</a></p>`;
  if (keys.length === 0) return html`${emptyState()}${add}`;
  const found = keys.filter((key) => matches(key, search));
  const pages = Math.max(1, Math.ceil(found.length / KEYS_A_PAGE));
  const current = Math.min(Math.max(1, page), pages);
  const shown = found.slice((current - 1) * KEYS_A_PAGE, current * KEYS_A_PAGE);
  return html`${add}
<form role="search" action="${path}" method="get">
<label for="search">${list.search}</label>
<input id="search" name="search" type="search" maxlength="200" value="${search}">
<button>${list.searchButton}</button>
</form>
<p class="count">${list.count(found.length, keys.length)}</p>
${found.length === 0 ? html`<p>${list.nothingFound(search)}</p>` : table(shown, path)}
${pages > 1 && pager(path, search, current, pages)}`;
}

function table(keys: readonly PortalKey[], path: string): HTML {
  const { columns } = TEXTS.list;
  return html`<table>
<thead><tr><th scope="col">${columns.title}</th><th scope="col">${columns.fingerprint}</th><th scope="col">${columns.type}</th><th scope="col">${columns.created}</th><th scope="col">${columns.state}</th></tr></thead>
<tbody>${keys.map((key) => row(key, path))}</tbody>
</table>`;
}

function row(key: PortalKey, path: string): HTML {
  const { columns } = TEXTS.list;
  return html`<tr>
<th scope="row" data-label="${columns.title}"><a href="${path}/${encodeURIComponent(key.name)}">${titleOf(key)}</a></th>
<td data-label="${columns.fingerprint}"><code>${key.facts?.fingerprint ?? "–"}</code></td>
<td data-label="${columns.type}">${key.facts === undefined ? "–" : `${key.facts.type} ${key.facts.bits}`}</td>
<td data-label="${columns.created}">${time(key.createdAt)}</td>
<td data-label="${columns.state}">${state(key)}</td>
</tr>`;
}

/** STATE, with what it means where something is to be done. */
export function state({ state: word, message }: PortalKey): HTML {
  if (word === undefined)
    return html`<span class="state waiting">${TEXTS.states.unknown}</span> ${TEXTS.states.unknownMessage}`;
  const { ready, stalled } = STATES[word];
  const kind = stalled ? "bad" : ready === "True" ? (word === "Projected" ? "good" : "off") : "waiting";
  return html`<span class="state ${kind}">${word}</span>${word !== "Projected" && html` ${message}`}`;
}

/** An instant, which the browser shows in the reader's zone; in UTC without JavaScript. */
export function time(ms: number): HTML {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")} UTC</time>`;
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

function emptyState(): HTML {
  const { empty } = TEXTS;
  return html`<section class="empty">
<h2>${empty.title}</h2>
<p>${empty.explanation}</p>
<p>${empty.how}</p>
<dl>${empty.systems.map(({ name, command }) => html`<dt>${name}</dt><dd><code>${command}</code></dd>`)}</dl>
</section>`;
}

function pager(path: string, search: string, current: number, pages: number): HTML {
  const { list } = TEXTS;
  const to = (page: number) => `${path}?${new URLSearchParams({ search, page: String(page) })}`;
  return html`<nav class="pager" aria-label="${list.page(current, pages)}">
${current > 1 && html`<a rel="prev" href="${to(current - 1)}">${list.previous}</a>`}
<span>${list.page(current, pages)}</span>
${current < pages && html`<a rel="next" href="${to(current + 1)}">${list.next}</a>`}
</nav>`;
}
