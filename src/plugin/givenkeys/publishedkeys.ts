import type { IncomingMessage } from "node:http";
import { ONE_KEY, textOf } from "../session/input.ts";
import { PluginError, type Session } from "../session/session.ts";
import { type GivenKey, readKeys } from "./keytext.ts";

/** How long the whole answer may take, in ms. */
const DEADLINE_MS = 15_000;
const MAXIMUM_REDIRECTS = 5;

export interface PublishedKeysOptions {
  /** May it be plain http, which anybody on the way can change? */
  readonly allowsHTTP?: boolean;
}

/** The public keys of a list that somebody publishes, such as https://github.com/USER.keys. */
export async function publishedKeys(
  session: Session,
  address: string,
  o: PublishedKeysOptions = {},
): Promise<readonly GivenKey[]> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const signal = AbortSignal.any([session.signal, deadline]);
  let url = checked(address, undefined, o);
  try {
    for (let redirects = 0; ; redirects += 1) {
      const asked = url;
      const answer = await session.during(
        () => `waiting for ${named(asked)}`,
        () => get(session, asked, signal),
      );
      const { statusCode = 0, headers } = answer;
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        answer.destroy();
        if (redirects === MAXIMUM_REDIRECTS)
          throw new PluginError(
            `${named(url)} is redirected more than ${MAXIMUM_REDIRECTS} times: give the address that it ends at`,
          );
        url = checked(headers.location, url, o);
        continue;
      }
      if (statusCode !== 200) {
        answer.destroy();
        throw new PluginError(`${named(url)} answers ${statusCode}: check the address`);
      }
      const text = await textOf(answer, named(url), ONE_KEY);
      if (/^\s*<(!doctype|html)/i.test(text))
        throw new PluginError(
          `${named(url)} is a web page and no list of keys: give the address of the list, such as https://github.com/USER.keys`,
        );
      if (text.trim() === "") throw new PluginError(`${named(url)} lists no keys: check the name in it`);
      return readKeys(text, named(url));
    }
  } catch (error) {
    if (session.signal.aborted) throw error;
    if (deadline.aborted)
      throw new PluginError(
        `${named(url)} did not answer within ${DEADLINE_MS / 1000} s: try again, or give a file`,
      );
    if (error instanceof PluginError) throw error;
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new PluginError(`${named(url)} cannot be reached (${why}): check the address, or give a file`);
  }
}

async function get(session: Session, url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const { Agent, request } =
    url.protocol === "https:" ? await import("node:https") : await import("node:http");
  // As curl does: the proxies of HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
  const agent = new Agent({ proxyEnv: { ...session.env } });
  const headers = { accept: "text/plain", "user-agent": "kubectl-sshkey" };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(url, { agent, headers, signal }, resolve).on("error", reject).end();
  return await promise;
}

/** The address, if it is one to ask. */
function checked(address: string, base: URL | undefined, { allowsHTTP = false }: PublishedKeysOptions): URL {
  const url = URL.parse(address, base?.href);
  if (url === null || !["https:", "http:"].includes(url.protocol))
    throw new PluginError(
      `--from-url ${JSON.stringify(address)}: give an address such as https://github.com/USER.keys`,
    );
  if (url.protocol === "http:" && !allowsHTTP) {
    const where = base === undefined ? "" : `, to which ${named(base)} is redirected`;
    throw new PluginError(
      `${named(url)}${where}: anybody on the way can put in a key of theirs: give an https address, or --allow-http`,
    );
  }
  return url;
}

/** Without the password that may stand in it. */
function named({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}
