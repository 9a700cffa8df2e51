import { ApiError } from "../../src/kube/apierror.ts";

/** The ApiError that `work` rejects with. */
export async function failureOf(work: Promise<unknown>): Promise<ApiError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ApiError) {
    return error;
  }
  throw new Error("not rejected with an ApiError", { cause: error });
}
