/** A browser without JavaScript, as far as the tests need one: it keeps cookies and sends forms. */
export class Visitor {
  readonly #url: string;
  readonly #origin: string;
  readonly #cookies = new Map<string, string>();

  /** `origin`: what its address bar shows, if that is not where it connects to. */
  constructor(url: string, origin = new URL(url).origin) {
    this.#url = url;
    this.#origin = origin;
  }

  /** As it is sent; empty for none. */
  get cookieHeader(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Follows no redirect. */
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.cookieHeader !== "") headers.set("cookie", this.cookieHeader);
    const response = await fetch(new URL(path, this.#url), { redirect: "manual", ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const [name = "", value = ""] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      if (value === "") this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  /** The page after all redirects. */
  async open(path: string): Promise<Page> {
    const response = await this.send(path);
    const to = response.headers.get("location");
    if (to !== null) return await this.open(to);
    return { status: response.status, text: await response.text(), headers: response.headers };
  }

  /** Fills and sends the form of this action on the page at `path`. */
  async submit(path: string, action: string, fields: Readonly<Record<string, string>> = {}): Promise<Page> {
    const { text } = await this.open(path);
    const form = text.split("<form").find((part) => part.includes(`action="${action}"`)) ?? "";
    const csrf = /name="csrf" value="([^"]*)"/.exec(form)?.[1] ?? "";
    const body = new URLSearchParams({ csrf, ...fields });
    const response = await this.send(action, {
      method: "POST",
      body,
      headers: { origin: this.#origin },
    });
    const to = response.headers.get("location");
    if (to !== null) return await this.open(to);
    return { status: response.status, text: await response.text(), headers: response.headers };
  }
}

export interface Page {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}
