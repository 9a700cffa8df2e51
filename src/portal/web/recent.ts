import type { FastifyReply, FastifyRequest } from "fastify";
import type { Sessions } from "../people/sessions.ts";
import type { KeyStore, OwnWrite } from "../sshkeys/keystore.ts";
import type { KeyWriter } from "../sshkeys/keywriter.ts";

/** What this browser has just done: shown once, and waited for on the next page, whichever replica serves it. */
export interface Recent {
  readonly writes: readonly OwnWrite[];
  readonly notice: string | undefined;
}

const LIFETIME_MS = 60_000;

/** How long a page waits for the watch to bring what its reader wrote, before the API server is asked; in ms. */
const WAIT_MS = 1000;

/** A key may be called by its comment, which no cookie holds. */
const MOST_NOTICE_CHARACTERS = 400;

export interface RecentOptions {
  readonly sessions: Sessions;
  readonly store: KeyStore;
  readonly writer: KeyWriter;
}

export class RecentWrites {
  readonly #o: RecentOptions;

  constructor(options: RecentOptions) {
    this.#o = options;
  }

  /** Remembers it for the next page. */
  async remember(reply: FastifyReply, { writes, notice }: Recent): Promise<void> {
    const recent: Recent = { writes, notice: notice === undefined ? undefined : shortened(notice) };
    await this.#o.sessions.set(reply, "recent", recent, LIFETIME_MS);
  }

  /** The notice for this page, when the store holds what was written; or the API server could not be asked for it. */
  async take(request: FastifyRequest, reply: FastifyReply): Promise<string | undefined> {
    const { sessions, store, writer } = this.#o;
    const recent = await sessions.get<Recent>(request, "recent");
    if (recent === undefined) return undefined;
    sessions.clear(reply, "recent");
    await writer.refresh(await store.whenSeen(recent.writes, WAIT_MS));
    return recent.notice;
  }
}

function shortened(notice: string): string {
  const characters = [...notice];
  return characters.length <= MOST_NOTICE_CHARACTERS
    ? notice
    : `${characters.slice(0, MOST_NOTICE_CHARACTERS - 1).join("")}…`;
}
