import type { FastifyRequest } from "fastify";
import { isObject } from "../../api/object.ts";
import { badQuery, withMessage } from "./errors.ts";
import { BadPage, type ListQuery } from "./listing.ts";
import { QueryNotSupported } from "./search.ts";

/** By the query, or by the JSON body that some clients send with a GET; of both the query counts. */
export function queryOf({ query, body }: FastifyRequest): ListQuery {
  const given = { ...(isObject(body) ? body : {}), ...(isObject(query) ? query : {}) };
  const text = (name: string) => {
    const value = given[name];
    return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
  };
  return {
    search: text("search"),
    order: text("order"),
    page: text("page"),
    per_page: text("per_page"),
    root_name: text("root_name")?.trim() || undefined,
    include_permissions: Object.hasOwn(given, "include_permissions"),
  };
}

/** One object, under the name that was asked for. */
export function rooted(record: object, request: FastifyRequest): object {
  const { root_name } = queryOf(request);
  return root_name === undefined ? record : { [root_name]: record };
}

/** What cannot be understood of a query is answered with 400. */
export function listed<T>(list: () => T): T {
  try {
    return list();
  } catch (error) {
    if (error instanceof QueryNotSupported) throw badQuery(error.message);
    if (error instanceof BadPage) throw withMessage(400, error.message);
    throw error;
  }
}
