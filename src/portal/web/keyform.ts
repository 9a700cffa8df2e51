import { type HTML, html } from "../html.ts";
import type { ProofRequirement } from "../sshkeys/givenproof.ts";
import type { Problem, TypedField } from "../sshkeys/newkey.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import { titleOf } from "./keylist.ts";
import { problemSummary } from "./problemsummary.ts";
import { foldedProofField } from "./proofform.ts";
import { TEXTS } from "./texts.ts";

/** What the fields of the form hold, as they were typed. */
export interface FormValues {
  readonly key: string;
  readonly title: string;
  /** A day, YYYY-MM-DD; empty for none. */
  readonly expires: string;
  /** When that day ends in the reader's zone, if the browser says it. */
  readonly expiresAt: string;
  /** One a line. */
  readonly options: string;
  readonly proof: string;
  /** Keys that wait for their turn, one a line. */
  readonly others: string;
}

export const EMPTY_FORM: FormValues = {
  key: "",
  title: "",
  expires: "",
  expiresAt: "",
  options: "",
  proof: "",
  others: "",
};

export interface KeyFormOptions {
  readonly action: string;
  readonly cancel: string;
  readonly values: FormValues;
  readonly problems: readonly Problem[];
  readonly csrf: string;
  readonly mayGiveOptions: boolean;
  /** The last day that may be chosen, where there is one. */
  readonly latestDay: string | undefined;
  /** What prints the proof of possession. */
  readonly proofCommand: string;
  readonly proofRequirement: ProofRequirement;
  readonly pathOf: (key: PortalKey) => string;
}

/** The form for a new key; every problem stands at its field, and at the top with a link to it. */
export function keyForm(o: KeyFormOptions): HTML {
  const { action, cancel, values, problems, csrf, latestDay } = o;
  const { form } = TEXTS;
  const at = (field: TypedField) => problems.filter((problem) => problem.field === field);
  const described = (field: TypedField, help: string) =>
    [...(at(field).length > 0 ? [`${field}-problem`] : []), help].join(" ");
  const problemsOf = (field: TypedField) =>
    at(field).length > 0 &&
    html`<ul class="problem" id="${field}-problem">${at(field).map((problem) => html`<li>${told(problem, o)}</li>`)}</ul>`;
  const invalid = (field: TypedField) => (at(field).length > 0 ? "true" : "false");
  const proof = {
    command: o.proofCommand,
    value: values.proof,
    problems: at("proof"),
    requirement: o.proofRequirement,
  };
  const hasOptions = o.mayGiveOptions || values.options !== "";
  return html`${problems.length > 0 && summary(problems)}
<form class="fields" action="${action}" method="post" enctype="multipart/form-data" data-key-form data-check="${action}/check">
<input type="hidden" name="csrf" value="${csrf}">
<label for="key">${form.key}</label>
<p class="help" id="key-help">${form.keyHelp}</p>
${problemsOf("key")}
<textarea id="key" name="key" rows="6" maxlength="65536" spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="${described("key", "key-help")}" aria-invalid="${invalid("key")}">
${values.key}</textarea>
<p class="verdict" data-verdict role="status"></p>
<label for="file">${form.file}</label>
<input id="file" name="file" type="file">
${
  values.others !== "" &&
  html`<label for="others">${form.others}</label>
<p class="help" id="others-help">${form.othersHelp}</p>
<textarea id="others" name="others" rows="4" spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="others-help">
${values.others}</textarea>`
}
<label for="title">${form.name}</label>
<p class="help" id="title-help">${form.nameHelp}</p>
${problemsOf("title")}
<input id="title" name="title" maxlength="255" autocomplete="off" value="${values.title}" aria-describedby="${described("title", "title-help")}" aria-invalid="${invalid("title")}">
<label for="expiresAt">${form.expires}</label>
<p class="help" id="expires-help" data-expires-help>${latestDay === undefined ? form.expiresHelp : form.expiresBy(latestDay)}</p>
${problemsOf("expiresAt")}
<input id="expiresAt" name="expires" type="date" value="${values.expires}"${latestDay !== undefined && html` max="${latestDay}" required`} aria-describedby="${described("expiresAt", "expires-help")}" aria-invalid="${invalid("expiresAt")}">
${
  hasOptions &&
  html`<label for="options">${form.options}</label>
<p class="help" id="options-help">${form.optionsHelp}</p>
${problemsOf("options")}
<textarea id="options" name="options" rows="3" spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="${described("options", "options-help")}" aria-invalid="${invalid("options")}">
${values.options}</textarea>`
}
${foldedProofField(proof)}
<p class="actions"><button class="primary">${form.submit}</button> ${values.others !== "" && html`<button name="skip" value="yes">${form.skip}</button>`} <a href="${cancel}">${form.cancel}</a></p>
</form>`;
}

function summary(problems: readonly Problem[]): HTML {
  const { form, proof } = TEXTS;
  const names = {
    key: form.key,
    title: form.name,
    expiresAt: form.expires,
    options: form.options,
    proof: proof.field,
  };
  return problemSummary(
    form.problems,
    problems.map(({ field, message }) => ({ field, name: names[field], message })),
  );
}

function told({ message, holder }: Problem, { pathOf }: KeyFormOptions): HTML {
  if (holder === undefined) return html`${message}`;
  return html`${message} <a href="${pathOf(holder)}">${titleOf(holder)}</a>`;
}
