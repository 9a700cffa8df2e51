import type { FastifyInstance } from "fastify";

/** `unlisted`: the SSHKeys of a namespace are not known yet. */
export type Readiness = "ready" | "unlisted" | "stopping";

const NOT_READY: Readonly<Record<Exclude<Readiness, "ready">, string>> = {
  unlisted: "the SSHKeys are not listed yet: see WatchRestarted in the log\n",
  stopping: "stopping\n",
};

/** What the kubelet asks: /healthz, whether the process serves, and /readyz, whether people may be sent here. */
export function addProbes(server: FastifyInstance, readiness: () => Readiness): void {
  server.get("/healthz", async (_request, reply) => reply.type("text/plain").send("ok\n"));
  server.get("/readyz", async (_request, reply) => {
    const found = readiness();
    if (found === "ready") return reply.type("text/plain").send("ok\n");
    return reply.code(503).type("text/plain").send(NOT_READY[found]);
  });
}
