import { request } from "node:http";
import type { ControlPlane } from "../../controlplane/controlplane.ts";

/**
 * Makes etcd forget every revision before its newest one, by its gRPC gateway (etcd's `rpc.proto`). The API server
 * then answers 410 to whoever asks for older ones.
 */
export async function compact(controlPlane: ControlPlane): Promise<void> {
  const { header } = (await call(controlPlane, "/v3/kv/range", { key: "AA==" })) as {
    header: { revision: string };
  };
  await call(controlPlane, "/v3/kv/compaction", { revision: header.revision, physical: true });
}

async function call({ etcdEndpoint }: ControlPlane, path: string, body: object): Promise<unknown> {
  const socketPath = etcdEndpoint.replace("unix://", "");
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const sent = request({ socketPath, path, method: "POST", agent: false }, async (answer) => {
    let text = "";
    for await (const chunk of answer) text += chunk;
    if (answer.statusCode === 200) resolve(JSON.parse(text));
    else reject(new Error(`etcd answers ${answer.statusCode} to ${path}: ${text}`));
  });
  sent.on("error", reject);
  sent.end(JSON.stringify(body));
  return await promise;
}
