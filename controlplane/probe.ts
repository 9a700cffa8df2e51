import type { ClientRequest } from "node:http";

/** Sends a prepared request and tells whether the answer is 200; a refused or cut connection is no. */
export async function answersOk(request: ClientRequest): Promise<true | undefined> {
  return new Promise((resolve) => {
    request.once("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? true : undefined);
    });
    request.setTimeout(5000, () => request.destroy());
    request.once("error", () => resolve(undefined));
    // After a destroy without an error there is no other event.
    request.once("close", () => resolve(undefined));
    request.end();
  });
}
