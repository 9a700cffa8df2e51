import type { Answer, Method } from "../cluster/adminclient.ts";
import type { Installation } from "./installation.ts";

export interface ImpersonatedOptions {
  readonly headers?: Record<string, string>;
  readonly dryRun?: boolean;
}

/** Sends a request as this user, who has no group but that of everybody; RBAC holds. */
export async function requestAs(
  { request }: Installation,
  user: string,
  method: Method,
  path: string,
  body?: object,
  { headers = {}, dryRun = false }: ImpersonatedOptions = {},
): Promise<Answer> {
  const impersonated = { "impersonate-user": user, "impersonate-group": "system:authenticated", ...headers };
  return await request(method, dryRun ? `${path}?dryRun=All` : path, body, impersonated);
}
