import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import type { RequestObservation } from "../../src/kube/transport.ts";
import { failureOf } from "./failureof.ts";
import { json, kubeconfigText, startServerForTest } from "./localserver.ts";

describe("a request", () => {
  test("gives back the decoded answer", async () => {
    const { transport } = await startServerForTest((_, response) => json(response, 200, { kind: "Thing" }));
    expect(await transport.request({ method: "GET", path: "/api/v1/things/a" })).toEqual({ kind: "Thing" });
  });

  test("carries body, content type, query and user agent", async () => {
    const { transport } = await startServerForTest((request, response, body) =>
      json(response, 200, {
        url: request.url,
        type: request.headers["content-type"],
        agent: request.headers["user-agent"],
        body,
      }),
    );
    const answer = await transport.request({
      method: "PATCH",
      path: "/api/v1/things/a",
      query: { fieldManager: "m&m" },
      contentType: "application/apply-patch+yaml",
      body: { a: 1 },
    });
    expect(answer).toEqual({
      url: "/api/v1/things/a?fieldManager=m%26m",
      type: "application/apply-patch+yaml",
      agent: "test",
      body: '{"a":1}',
    });
  });

  test("opens no connection of its own", async () => {
    const ports = new Set<number | undefined>();
    const { transport } = await startServerForTest((request, response) => {
      ports.add(request.socket.remotePort);
      json(response, 200, {});
    });
    for (let sent = 0; sent < 20; sent += 1) {
      await transport.request({ method: "GET", path: "/api" });
    }
    // The second, because an answer is read a moment before its connection is free.
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  test("keeps the path prefix of a gateway", async () => {
    const server = await startServerForTest((request, response) => json(response, 200, request.url));
    writeFileSync(server.kubeconfig, kubeconfigText(`${server.url}/k8s/clusters/c-1/`));
    expect(await server.transport.request({ method: "GET", path: "/api" })).toBe("/k8s/clusters/c-1/api");
  });

  test("that is refused with 401 is sent once more with renewed credentials", async () => {
    const server = await startServerForTest(
      (request, response) => {
        if (request.headers.authorization !== "Bearer new") {
          writeFileSync(server.kubeconfig, kubeconfigText(server.url, { token: "new" }));
        }
        json(response, request.headers.authorization === "Bearer new" ? 200 : 401, { ok: true });
      },
      { user: { token: "old" } },
    );
    expect(await server.transport.request({ method: "POST", path: "/api", body: {} })).toEqual({ ok: true });
  });

  test("that is refused with 401 twice fails after exactly two attempts", async () => {
    let attempts = 0;
    const { transport } = await startServerForTest((_, response) => {
      attempts += 1;
      json(response, 401, {});
    });
    const error = await failureOf(transport.request({ method: "GET", path: "/api" }));
    expect([error.code, attempts]).toEqual(["Unauthorized", 2]);
  });

  test("that is refused with 401 says why its credentials could not be renewed", async () => {
    const server = await startServerForTest((_, response) => {
      rmSync(server.kubeconfig, { force: true });
      json(response, 401, {});
    });
    const error = await failureOf(server.transport.request({ method: "GET", path: "/api" }));
    expect([error.code, error.message]).toEqual([
      "Unauthorized",
      expect.stringContaining("cannot read kubeconfig"),
    ]);
  });

  test("that is throttled says how long to wait", async () => {
    const { transport } = await startServerForTest((_, response) =>
      json(response, 429, {}, { "retry-after": "7" }),
    );
    const error = await failureOf(transport.request({ method: "GET", path: "/api" }));
    expect([error.code, error.status, error.retryAfterMs]).toEqual(["TooManyRequests", 429, 7000]);
  });

  test("is not repeated after a 503", async () => {
    let attempts = 0;
    const { transport } = await startServerForTest((_, response) => {
      attempts += 1;
      json(response, 503, {});
    });
    await failureOf(transport.request({ method: "GET", path: "/api" }));
    expect(attempts).toBe(1);
  });

  test("to nobody is Unreachable", async () => {
    const server = await startServerForTest((_, response) => json(response, 200, {}));
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    writeFileSync(server.kubeconfig, kubeconfigText(`http://127.0.0.1:${port}`));
    const error = await failureOf(server.transport.request({ method: "GET", path: "/api" }));
    expect([error.code, error.status]).toEqual(["Unreachable", 0]);
  });

  test("whose answer breaks off is Disconnected", async () => {
    const { transport } = await startServerForTest((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => response.destroy());
    });
    expect((await failureOf(transport.request({ method: "GET", path: "/api" }))).code).toBe("Disconnected");
  });

  test("whose connection closes without an answer is Disconnected", async () => {
    const { transport } = await startServerForTest((request) => void request.socket.destroy());
    expect((await failureOf(transport.request({ method: "POST", path: "/api", body: {} }))).code).toBe(
      "Disconnected",
    );
  });

  test("with an answer that is not JSON is Undecodable, and the message does not quote it", async () => {
    const { transport } = await startServerForTest((_, response) => void response.end("ssh-ed25519 AAAA"));
    const error = await failureOf(transport.request({ method: "GET", path: "/api" }));
    expect([error.code, error.message, error.cause]).toEqual([
      "Undecodable",
      "GET /api: the answer is not JSON",
      undefined,
    ]);
  });

  test.each([
    ["before its headers", () => {}],
    [
      "within its body",
      (_: unknown, response: { writeHead(s: number): void; write(s: string): void }) => {
        response.writeHead(200);
        response.write("{");
      },
    ],
  ])("that hangs %s ends at its deadline", async (_, handler) => {
    const { transport } = await startServerForTest(handler as never);
    const error = await failureOf(transport.request({ method: "GET", path: "/api", deadlineMs: 50 }));
    expect([error.code, error.status]).toEqual(["Timeout", 0]);
  });

  test("ends at once when its signal aborts while the body is read", async () => {
    const stop = new AbortController();
    const { transport } = await startServerForTest((_, response) => {
      response.writeHead(200);
      response.write("{", () => stop.abort());
    });
    expect(
      (await failureOf(transport.request({ method: "GET", path: "/api", signal: stop.signal }))).code,
    ).toBe("Aborted");
  });

  test("is not sent when its signal has aborted before", async () => {
    let attempts = 0;
    const { transport } = await startServerForTest((_, response) => {
      attempts += 1;
      json(response, 200, {});
    });
    await failureOf(transport.request({ method: "GET", path: "/api", signal: AbortSignal.abort() }));
    expect(attempts).toBe(0);
  });

  test("ends when the transport is closed", async () => {
    const server = await startServerForTest(() => void server.transport.close());
    expect((await failureOf(server.transport.request({ method: "GET", path: "/api" }))).code).toBe("Aborted");
  });

  test("is observed with labels that name no object", async () => {
    const seen: RequestObservation[] = [];
    const { transport } = await startServerForTest((_, response) => json(response, 404, {}), {
      transport: { onRequest: (observation) => seen.push(observation) },
    });
    await failureOf(
      transport.request({ method: "PATCH", path: "/apis/g/v1/namespaces/a/things/b/status", body: {} }),
    );
    expect(seen).toEqual([
      {
        method: "PATCH",
        verb: "patch",
        status: 404,
        code: "NotFound",
        seconds: expect.any(Number),
      },
    ]);
  });
});
