import { type HTML, html } from "../html.ts";

/** What is read of an OpenAPI document: it is made of schemas of the portal's own, which have no references. */
export interface OpenAPIDocument {
  readonly info: { readonly title: string; readonly description?: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, { readonly description: string }>>;
  };
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

/** A page to read an OpenAPI document. `styleSheet` and `documentPath` are paths. */
export function apiPage(
  { info, paths, components }: OpenAPIDocument,
  { styleSheet, documentPath }: { readonly styleSheet: string; readonly documentPath: string },
): HTML {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      call: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${info.title}</title>
<link rel="stylesheet" href="${styleSheet}">
</head>
<body>
<main id="content">
<h1>${info.title}</h1>
<p>${info.description}</p>
<p>Programs read <a href="${documentPath}">the OpenAPI document</a>.</p>
<h2 id="authentication">Authentication</h2>
<ul>${Object.entries(components.securitySchemes).map(([name, { description }]) => html`<li><code>${name}</code>: ${description}</li>`)}</ul>
<h2 id="calls">Calls</h2>
<ul>${operations.map(({ call, operation }) => html`<li><a href="#${anchor(call)}"><code>${call}</code></a>: ${operation.summary}</li>`)}</ul>
${operations.map(({ call, operation }) => section(call, operation))}
</main>
</body>
</html>`;
}

function section(
  call: string,
  { summary, description, parameters = [], requestBody, responses }: Operation,
): HTML {
  const body = Object.values(requestBody?.content ?? {})[0]?.schema;
  return html`<section aria-labelledby="${anchor(call)}">
<h2 id="${anchor(call)}"><code>${call}</code></h2>
<p>${summary}</p>
${description !== undefined && html`<p>${description}</p>`}
${
  parameters.length > 0 &&
  html`<h3>Parameters</h3>
<dl class="facts">${parameters.map((each) => html`<dt><code>${each.name}</code></dt><dd>${each.in}, ${typeOf(each.schema)}${each.required === true && ", required"}${said(each.description)}</dd>`)}</dl>`
}
${body !== undefined && html`<h3>Body</h3>${properties(body)}`}
<h3>Answers</h3>
<dl class="facts">${Object.entries(responses).map(([status, { description, content }]) => answer(status, description, Object.values(content ?? {})[0]?.schema))}</dl>
</section>`;
}

function answer(status: string, description: string, schema: Schema | undefined): HTML {
  const isShown = status.startsWith("2") && schema?.properties !== undefined;
  return html`<dt>${status}</dt><dd>${description}${isShown && schema !== undefined && properties(schema)}</dd>`;
}

function properties(schema: Schema): HTML {
  const { properties: fields = {}, required = [] } = schema;
  return html`<ul>${Object.entries(fields).map(([name, field]) => {
    const inner = field.properties === undefined ? field.items : field;
    return html`<li><code>${name}</code>: ${typeOf(field)}${required.includes(name) && ", required"}${said(field.description)}${inner?.properties !== undefined && properties(inner)}</li>`;
  })}</ul>`;
}

function typeOf(schema: Schema | undefined): string {
  const { type = "any" } = schema ?? {};
  return typeof type === "string" ? type : type.join(" or ");
}

function said(description: string | undefined): string {
  return description === undefined ? "" : `. ${description}`;
}

function anchor(call: string): string {
  return call
    .toLowerCase()
    .replaceAll(/[^a-z_]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}
