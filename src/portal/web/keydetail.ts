import { formatRFC3339 } from "../../api/time.ts";
import type { KeyType } from "../../ssh/keytype.ts";
import { randomart } from "../../ssh/randomart.ts";
import { type HTML, html } from "../html.ts";
import type { ProofRequirement } from "../sshkeys/givenproof.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import type { UsedBy } from "../sshkeys/usedby.ts";
import { nextStep, state, time } from "./keylist.ts";
import { possession } from "./proofform.ts";
import { TEXTS } from "./texts.ts";

export interface KeyDetailOptions {
  readonly key: PortalKey;
  /** Path of the key. */
  readonly path: string;
  /** Path of the list that it is in. */
  readonly list: string;
  readonly csrf: string;
  readonly mayChange: boolean;
  /** For which keys the policy wants a proof. */
  readonly proofRequirement: ProofRequirement;
  /** Undefined where that is not to be told. */
  readonly usedBy: UsedBy | undefined;
  /**
   * Are pods and AuthorizedKeys named? Their number says no more of others than that the owner's own key is used; their names
   * tell what is run in the namespace, which is for those alone who may see everybody's keys in it.
   */
  readonly showsUsers: boolean;
}

/** Everything about one key, and what can be done with it. */
export function keyDetail(o: KeyDetailOptions): HTML {
  const { key, path, list, csrf, mayChange, usedBy, showsUsers } = o;
  const { detail } = TEXTS;
  const { facts } = key;
  const whatToDo = nextStep(key);
  return html`<dl class="facts">
<dt>${detail.state}</dt><dd>${state(key)}</dd>
${whatToDo !== undefined && html`<dt>${detail.whatToDo}</dt><dd>${whatToDo}</dd>`}
${key.advice !== "" && html`<dt>${detail.advice}</dt><dd>${key.advice}</dd>`}
${
  facts &&
  html`<dt>${detail.fingerprint}</dt><dd><code>${facts.fingerprint}</code></dd>
<dt>${detail.fingerprintMD5}</dt><dd><code>MD5:${facts.fingerprintMD5}</code></dd>
<dt>${detail.type}</dt><dd>${facts.type}</dd>
<dt>${detail.length}</dt><dd>${detail.bits(facts.bits)}</dd>
${facts.comment !== "" && html`<dt>${detail.comment}</dt><dd>${facts.comment}</dd>`}`
}
<dt>${detail.created}</dt><dd>${time(key.createdAt)}</dd>
${key.lastUsed !== undefined && html`<dt>${detail.lastUsed}</dt><dd>${formatRFC3339(key.lastUsed).slice(0, 10)}</dd>`}
<dt>${detail.owner}</dt><dd><a href="${list}">${key.user}</a></dd>
${key.expiresAt !== undefined && html`<dt>${detail.expires}</dt><dd>${time(key.expiresAt)}</dd>`}
${key.options.length > 0 && html`<dt>${detail.options}</dt><dd>${key.options.map((option) => html`<code>${option}</code> `)}</dd>`}
<dt>${detail.proof}</dt><dd>${possession(key, o.proofRequirement)}${mayChange && facts && html` <a href="${path}/proof">${key.hasProof ? detail.replaceProof : detail.addProof}</a>`}</dd>
${
  usedBy &&
  html`<dt>${detail.usedByPods}</dt><dd>${users(usedBy.pods, detail.pods, showsUsers)}</dd>
<dt>${detail.usedByTargets}</dt><dd>${users(usedBy.targets, detail.targets, showsUsers)}</dd>
${usedBy.elsewhere.map(({ namespace, targets }) => html`<dt>${detail.takenIn(namespace)}</dt><dd>${users(targets, detail.targets, true)}</dd>`)}
<dt>${detail.lookedAt}</dt><dd>${detail.places(
    key.namespace,
    usedBy.elsewhere.map(({ namespace }) => namespace),
  )}</dd>`
}
</dl>
${
  facts &&
  html`<figure><figcaption>${detail.randomart}</figcaption><pre aria-hidden="true">${randomart({ ...facts, type: facts.type as KeyType })}</pre></figure>`
}
<label for="line">${detail.key}</label>
<textarea id="line" rows="5" readonly spellcheck="false" data-copy>
${key.line}</textarea>
<p class="actions"><a href="${path}/raw">${detail.raw}</a></p>
${
  mayChange &&
  html`<div class="actions">
<form action="${path}/${key.disabled ? "enable" : "disable"}" method="post"><input type="hidden" name="csrf" value="${csrf}"><button>${key.disabled ? detail.enable : detail.disable}</button></form>
<a class="button danger" href="${path}/delete" data-dialog>${detail.delete}</a>
</div>`
}`;
}

/** Of many the first, so that no page is as long as a namespace has pods. */
const MOST_NAMES = 50;

function users(
  names: readonly string[] | undefined,
  counted: (count: number) => string,
  showsNames: boolean,
): HTML {
  if (names === undefined) return html`${TEXTS.detail.notKnown}`;
  const rest = names.length > MOST_NAMES ? ", …" : "";
  const named = names.slice(0, MOST_NAMES).join(", ") + rest;
  return html`${counted(names.length)}${showsNames && names.length > 0 && html`: ${named}`}`;
}

/** Asks before it is deleted. */
export function keyDeletion({ path, csrf }: Pick<KeyDetailOptions, "path" | "csrf">): HTML {
  const texts = TEXTS.delete;
  return html`<p>${texts.question}</p>
<form class="actions" action="${path}/delete" method="post"><input type="hidden" name="csrf" value="${csrf}"><button class="danger">${texts.confirm}</button> <a href="${path}">${texts.cancel}</a></form>`;
}
