import type { Problem, TypedField } from "../sshkeys/newkey.ts";
import { type HTML, html } from "./html.ts";
import { TEXTS } from "./texts.ts";

/** What the fields of the form hold, as they were typed. */
export interface FormValues {
  readonly key: string;
  readonly title: string;
  /** A day, YYYY-MM-DD; empty for none. */
  readonly expires: string;
}

export const EMPTY_FORM: FormValues = { key: "", title: "", expires: "" };

export interface KeyFormOptions {
  readonly action: string;
  readonly cancel: string;
  readonly values: FormValues;
  readonly problems: readonly Problem[];
  readonly csrf: string;
}

/** The form for a new key; every problem stands at its field. */
export function keyForm({ action, cancel, values, problems, csrf }: KeyFormOptions): HTML {
  const { form } = TEXTS;
  const at = (field: TypedField) => problems.filter((problem) => problem.field === field);
  const described = (field: TypedField, help: string) =>
    [...(at(field).length > 0 ? [`${field}-problem`] : []), help].join(" ");
  const problemsOf = (field: TypedField) =>
    at(field).length > 0 &&
    html`<ul class="problem" id="${field}-problem">${at(field).map(({ message }) => html`<li>${message}</li>`)}</ul>`;
  const invalid = (field: TypedField) => (at(field).length > 0 ? "true" : "false");
  return html`${problems.length > 0 && html`<p class="problem" role="alert">${form.problems}</p>`}
<form class="fields" action="${action}" method="post" data-key-form>
<input type="hidden" name="csrf" value="${csrf}">
<label for="key">${form.key}</label>
<textarea id="key" name="key" rows="6" required spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="${described("key", "key-help")}" aria-invalid="${invalid("key")}">
${values.key}</textarea>
<p class="help" id="key-help">${form.keyHelp}</p>
<p class="verdict" data-verdict role="status"></p>
${problemsOf("key")}
<label for="title">${form.name}</label>
<input id="title" name="title" maxlength="255" value="${values.title}" aria-describedby="${described("title", "title-help")}" aria-invalid="${invalid("title")}">
<p class="help" id="title-help">${form.nameHelp}</p>
${problemsOf("title")}
<label for="expires">${form.expires}</label>
<input id="expires" name="expires" type="date" value="${values.expires}" aria-describedby="${described("expiresAt", "expires-help")}" aria-invalid="${invalid("expiresAt")}">
<p class="help" id="expires-help">${form.expiresHelp}</p>
${problemsOf("expiresAt")}
${problemsOf("options")}
<p class="actions"><button class="primary">${form.submit}</button> <a href="${cancel}">${form.cancel}</a></p>
</form>`;
}
