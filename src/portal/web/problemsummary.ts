import { type HTML, html } from "../html.ts";

/** What is wrong with a field. */
export interface FieldProblem {
  /** The id of the field, and what it is called. */
  readonly field: string;
  readonly name: string;
  readonly message: string;
}

/** What is wrong with a form, above it, with links to the fields; it has the focus when the page is there. */
export function problemSummary(heading: string, problems: readonly FieldProblem[]): HTML {
  return html`<section class="summary" role="alert" tabindex="-1" aria-labelledby="summary" data-summary>
<h2 id="summary">${heading}</h2>
<ul>${problems.map(({ field, name, message }) => html`<li><a href="#${field}">${name}</a>: ${message}</li>`)}</ul>
</section>`;
}
