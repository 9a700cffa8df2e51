import { html as escaped } from "hono/html";

/** HTML that is safe to send: made by `html` alone. */
export type HTML = ReturnType<typeof escaped>;

/** What may stand in HTML: text, which is escaped, and HTML, which is not. */
type Part = HTML | string | number | undefined | false | readonly Part[];

/** HTML with whatever is put in escaped, for text and for attributes in quotes. Nothing is made of undefined and false. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): HTML {
  return escaped(strings, ...parts);
}
