import { type HTML, html } from "../html.ts";
import type { Person } from "../people/person.ts";
import { assetPath } from "./assetpaths.ts";
import { TEXTS } from "./texts.ts";

/** What stands around the content of a page. */
export interface PageFrame {
  readonly title: string;
  /** The path of the portal's public address, which ends in `/`. */
  readonly base: string;
  /** Its own path, by which the navigation knows where one is; undefined for what is no place, such as an error. */
  readonly path?: string | undefined;
  /** Undefined for nobody. */
  readonly person: Person | undefined;
  readonly isAdmin: boolean;
  /** The token of the form by which one signs out; undefined where one cannot. */
  readonly signOutToken?: string | undefined;
  /** What has just been done. */
  readonly notice?: string | undefined;
  readonly content: HTML;
}

/** A whole page. */
export function page(frame: PageFrame): HTML {
  const { title, base, path, person, isAdmin, signOutToken, notice, content } = frame;
  const { nav } = TEXTS;
  const link = (to: string, text: string) => html`<a href="${to}"${current(to, path)}>${text}</a>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} &ndash; ${TEXTS.product}</title>
<link rel="stylesheet" href="${base}${assetPath("portal.css")}">
<link rel="icon" href="${base}${assetPath("icon.svg")}" type="image/svg+xml">
<script src="${base}${assetPath("portal.js")}" defer></script>
</head>
<body>
<a class="skip" href="#content">${TEXTS.skip}</a>
<header>
<a class="product" href="${base}keys">${TEXTS.product}</a>
${
  person &&
  html`<nav aria-label="${TEXTS.product}">
${link(`${base}keys`, nav.keys)}
${isAdmin && html`${link(`${base}people`, nav.people)}${link(`${base}who`, nav.who)}`}
</nav>
<span class="person">${TEXTS.signedInAs(person.user)}</span>
${signOutToken !== undefined && html`<form action="${base}sign-out" method="post"><input type="hidden" name="csrf" value="${signOutToken}"><button>${nav.signOut}</button></form>`}`
}
</header>
<main id="content" tabindex="-1">
${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
<h1>${title}</h1>
${content}
</main>
</body>
</html>`;
}

/** What a link says of itself where one is on its page, or on one below it. */
function current(to: string, path = ""): HTML | false {
  if (path === to) return html` aria-current="page"`;
  return path.startsWith(`${to}/`) && html` aria-current="true"`;
}
