import { isSecurityKeyType, type KeyType } from "../../ssh/keytype.ts";
import { type HTML, html } from "../html.ts";
import { MOST_PROOF_CHARACTERS, type ProofRequirement } from "../sshkeys/givenproof.ts";
import type { Problem } from "../sshkeys/newkey.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import { problemSummary } from "./problemsummary.ts";
import { TEXTS } from "./texts.ts";

export interface ProofFieldOptions {
  /** What prints the proof. */
  readonly command: string;
  readonly value: string;
  readonly problems: readonly Problem[];
  /** What the policy wants of the keys that the form may be about. */
  readonly requirement: ProofRequirement;
}

/** The field for a proof of possession, with how to make one. */
function proofField({ command, value, problems, requirement }: ProofFieldOptions): HTML {
  const { proof } = TEXTS;
  const isInvalid = problems.length > 0;
  return html`<label for="proof">${proof.field}</label>
<p class="help" id="proof-help">${requirement && html`<strong>${proof.required[requirement]}</strong> `}${proof.help}</p>
<p><code data-proof-command>${command}</code></p>
${
  isInvalid &&
  html`<ul class="problem" id="proof-problem">${problems.map(({ message }) => html`<li>${message}</li>`)}</ul>`
}
<textarea id="proof" name="proof" rows="6" maxlength="${MOST_PROOF_CHARACTERS}" spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="${isInvalid ? "proof-problem " : ""}proof-help" aria-invalid="${isInvalid ? "true" : "false"}">
${value}</textarea>`;
}

/** The same in a form that is about something else: closed while nobody needs it. */
export function foldedProofField(o: ProofFieldOptions): HTML {
  if (o.requirement !== undefined) return proofField(o);
  const isOpen = o.value !== "" || o.problems.length > 0;
  return html`<details${isOpen && html` open`}>
<summary>${TEXTS.proof.folded}</summary>
<div class="fields">${proofField(o)}</div>
</details>`;
}

export interface ProofFormOptions extends ProofFieldOptions {
  readonly action: string;
  /** Path of the key. */
  readonly cancel: string;
  readonly csrf: string;
}

/** The form with which a key that is there gets a proof. */
export function proofForm(o: ProofFormOptions): HTML {
  const { action, cancel, csrf, problems } = o;
  const { proof } = TEXTS;
  const told = problems.map(({ message }) => ({ field: "proof", name: proof.field, message }));
  return html`${told.length > 0 && problemSummary(proof.problems, told)}
<p>${proof.explanation}</p>
<form class="fields" action="${action}" method="post">
<input type="hidden" name="csrf" value="${csrf}">
${proofField(o)}
<p class="actions"><button class="primary">${proof.submit}</button> <a href="${cancel}">${proof.cancel}</a></p>
</form>`;
}

/** What the policy wants of this key. */
export function requirementOf({ facts }: PortalKey, requirement: ProofRequirement): ProofRequirement {
  const isSecurityKey = facts !== undefined && isSecurityKeyType(facts.type as KeyType);
  return requirement === "securityKeys" && !isSecurityKey ? undefined : requirement;
}

/** How far it is proven that the owner has the private key, and why not. */
export function possession(key: PortalKey, requirement: ProofRequirement): HTML {
  const { proof } = TEXTS;
  const { isProven, unproven, authenticator, hasProof } = key;
  if (isProven)
    return html`<span class="state good">${proof.proven}</span>${authenticator && html` ${proof.madeWith(authenticator)}`}`;
  if (unproven !== undefined) {
    const kind = unproven.reason === "NotChecked" ? "waiting" : "bad";
    // What stands there as the message of the STATE is not said twice.
    const isSaid = key.message.includes(unproven.message);
    return html`<span class="state ${kind}">${unproven.reason}</span>${!isSaid && html` ${unproven.message}`}`;
  }
  if (hasProof) return html`<span class="state waiting">${proof.waiting}</span> ${proof.waitingMessage}`;
  const needed = requirementOf(key, requirement);
  return html`${needed === undefined ? proof.notNeeded : `${proof.none} ${proof.required[needed]}`}`;
}
