import type { FastifyReply, FastifyRequest } from "fastify";
import type { ForemanGeneration } from "../../config/portalsettings.ts";
import { APIDOC_CHECKSUM } from "./apidoc.ts";

/** Which Foreman a generation behaves like: programs choose by it what they send. Of 2.0 to 5.0 the newest. */
export const FOREMAN_VERSIONS = {
  "1.19": "1.19.0",
  "2": "5.0.0",
  "5.1": "5.1.0",
} as const satisfies Record<ForemanGeneration, string>;

/** No location and no organization is chosen: there are none. */
const ANY = "; ANY";

/** What Foreman says of itself to whoever is let in. */
export function introduce(reply: FastifyReply, generation: ForemanGeneration): void {
  reply
    .header("foreman_version", FOREMAN_VERSIONS[generation])
    .header("foreman_api_version", "2")
    .header("foreman_current_organization", ANY)
    .header("foreman_current_location", ANY);
}

/**
 * On every answer, to whomever it goes: clients keep the apidoc until the checksum changes, and the ID finds the request in
 * the log. One that the client has chosen does not count, since the log has to tell requests apart.
 */
export function mark(reply: FastifyReply, { id }: FastifyRequest): void {
  reply.header("apipie-checksum", APIDOC_CHECKSUM).header("x-request-id", id);
}

/** `application/json; charset=utf-8`, whatever was asked for. */
export function asJSON(reply: FastifyReply): FastifyReply {
  return reply.type("application/json; charset=utf-8");
}
