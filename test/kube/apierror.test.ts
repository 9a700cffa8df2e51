import fc from "fast-check";
import { expect, test } from "vitest";
import { errorFromResponse } from "../../src/kube/apierror.ts";

const body = (fields: object) => JSON.stringify({ kind: "Status", apiVersion: "v1", ...fields });

test.each([
  [404, "NotFound", "NotFound"],
  [409, "AlreadyExists", "AlreadyExists"],
  [409, "Conflict", "Conflict"],
  [410, "Gone", "Expired"],
  [410, "Expired", "Expired"],
  [504, "Timeout", "Timeout"],
  [500, "ServerTimeout", "Timeout"],
  [422, "Invalid", "Invalid"],
  [403, "", "Forbidden"],
  [418, "a teapot's own word", "BadRequest"],
  [599, "", "InternalError"],
  [302, "", "Undecodable"],
])("an answer %i with the reason %j has the code %s", (status, reason, code) => {
  expect(errorFromResponse("GET /api", status, undefined, body({ reason })).code).toBe(code);
});

test("the causes keep reason and field, and lose the message that may quote the value", () => {
  const causes = [
    { reason: "FieldValueInvalid", field: "spec.key", message: 'Invalid value: "ssh-rsa AAAA"' },
  ];
  const error = errorFromResponse(
    "POST /apis",
    422,
    undefined,
    body({ reason: "Invalid", details: { causes } }),
  );
  expect(error.causes).toEqual([{ reason: "FieldValueInvalid", field: "spec.key" }]);
});

test("no text of the answer reaches message, cause or stack", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 12 }), fc.integer({ min: 300, max: 599 }), (secret, status) => {
      const answer = body({
        reason: secret,
        message: secret,
        details: { name: secret, causes: [{ message: secret }] },
      });
      for (const text of [answer, secret]) {
        const error = errorFromResponse("GET /api", status, undefined, text);
        expect(
          [error.message, error.stack, JSON.stringify(error.causes), error.cause].join("\n"),
        ).not.toContain(secret);
      }
    }),
  );
});

test("Retry-After may be a date", () => {
  const date = new Date(Date.now() + 60_000).toUTCString();
  const { retryAfterMs = 0 } = errorFromResponse("GET /api", 503, date, "");
  expect(retryAfterMs).toBeGreaterThan(55_000);
  expect(retryAfterMs).toBeLessThanOrEqual(60_000);
});

test("Retry-After may be in the Status alone", () => {
  expect(
    errorFromResponse("GET /api", 429, undefined, body({ details: { retryAfterSeconds: 3 } })).retryAfterMs,
  ).toBe(3000);
});

test("Retry-After never holds a caller for more than ten minutes", () => {
  expect(errorFromResponse("GET /api", 429, "99999999", "").retryAfterMs).toBe(600_000);
});
