/** An answer of Foreman's that is no success: its status and its body. */
export class ForemanError extends Error {
  override readonly name = "ForemanError";
  readonly statusCode: number;
  readonly body: object;

  constructor(statusCode: number, body: object) {
    super(`Foreman answers ${statusCode}`);
    this.statusCode = statusCode;
    this.body = body;
  }
}

export function withMessage(statusCode: number, message: string): ForemanError {
  return new ForemanError(statusCode, { error: { message } });
}

export function keyNotFound(id: string): ForemanError {
  return withMessage(404, `Resource ssh_key not found by id '${id}'`);
}

/** 422, not 404: Foreman looks the user up as a parent. */
export function userNotFound(id: string): ForemanError {
  return withMessage(422, `Couldn't find User with 'id'=${id}`);
}

/** Of nobody the user name is empty, and the message ends in a space. */
export function notAuthenticated(login: string): ForemanError {
  return withMessage(401, `Unable to authenticate user ${login}`);
}

/** Foreman's protection against guessing (Foreman::Controller::BruteForceProtection). */
export function tooManyTries(): ForemanError {
  return withMessage(401, "Too many tries, please try again in a few minutes.");
}

type Verb = "view" | "create" | "destroy" | "edit";
export type Permission = `${Verb}_${"ssh_keys" | "users"}`;

export function accessDenied(permission: Permission): ForemanError {
  return new ForemanError(403, {
    error: {
      message: "Access denied",
      details: `Missing one of the required permissions: ${permission}`,
      missing_permissions: [permission],
    },
  });
}

export function unsupportedMediaType(contentType: string): ForemanError {
  return withMessage(
    415,
    `Media type in 'Content-Type: ${contentType}' is unsupported in API v2 for POST and PUT requests. Please use 'Content-Type: application/json'.`,
  );
}

/** `error` is a text here. */
export function badJSON(problem: string): ForemanError {
  return new ForemanError(400, {
    status: 400,
    error: `There was a problem in the JSON you submitted: ${problem}`,
  });
}

export function badQuery(message: string): ForemanError {
  return new ForemanError(400, { error: { message, class: "ScopedSearch::QueryNotSupported" } });
}

/** What is wrong with a new key, by the field that Foreman has for it, in its order. */
export type ValidationErrors = Readonly<
  Partial<Record<"name" | "key" | "fingerprint" | "length" | "base", readonly string[]>>
>;

export function invalid(errors: ValidationErrors): ForemanError {
  const full = Object.entries(errors).flatMap(([field, messages]) =>
    (messages ?? []).map((message) =>
      field === "base" ? message : `${field.charAt(0).toUpperCase()}${field.slice(1)} ${message}`,
    ),
  );
  return new ForemanError(422, { error: { id: null, errors, full_messages: full } });
}
