import { hash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { ASSETS } from "./assets.ts";

const DIGESTS = new Map(ASSETS.map(({ name, content }) => [name, hash("sha256", content).slice(0, 16)]));

/** The path of a file that pages load, below the public address: another one with each content. */
export function assetPath(name: string): string {
  return `assets/${DIGESTS.get(name) ?? "0"}/${name}`;
}

const A_YEAR = "public, max-age=31536000, immutable";

/** Serves them. What is asked for under another digest is of a page that an older or newer replica made. */
export function addAssets(server: FastifyInstance, base: string): void {
  for (const { name, type, content } of ASSETS) {
    server.get(`${base}assets/:digest/${name}`, async (request, reply) => {
      const { digest } = request.params as { digest: string };
      const isCurrent = digest === DIGESTS.get(name);
      return reply
        .header("cache-control", isCurrent ? A_YEAR : "no-cache")
        .type(type)
        .send(content);
    });
  }
}
