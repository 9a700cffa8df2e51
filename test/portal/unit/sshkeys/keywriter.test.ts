import { describe, expect, test } from "vitest";
import { ApiError, type ApiErrorCode } from "../../../../src/kube/apierror.ts";
import { KeyStore } from "../../../../src/portal/sshkeys/keystore.ts";
import { Gone, KeyWriter } from "../../../../src/portal/sshkeys/keywriter.ts";
import { toPortalKey } from "../../../../src/portal/sshkeys/portalkey.ts";

const metadata = {
  name: "alice-laptop",
  namespace: "people",
  uid: "1",
  resourceVersion: "1",
  creationTimestamp: "2027-01-31T18:00:00Z",
};
const KEY = toPortalKey({ metadata });

/** A writer to whom the API server answers every request so, and its store, which has the key. */
function refused(code: ApiErrorCode) {
  const store = new KeyStore();
  store.put(KEY);
  const requests = { request: () => Promise.reject(new ApiError({ code, message: code })) };
  return { store, writer: new KeyWriter({ requests, store }) };
}

describe("a key that is disabled", () => {
  test.each(["NotFound", "Conflict"] as const)("and was deleted meanwhile (%s) is gone", async (code) => {
    const { store, writer } = refused(code);
    await expect(writer.setDisabled(KEY, true)).rejects.toThrow(Gone);
    expect(store.get("people", "alice-laptop")).toBeUndefined();
  });

  test("is still there when the API server does not answer", async () => {
    const { store, writer } = refused("Unreachable");
    await expect(writer.setDisabled(KEY, true)).rejects.toThrow(ApiError);
    expect(store.get("people", "alice-laptop")).toBe(KEY);
  });
});
