import { Credentials } from "../../src/kube/credentials.ts";
import { PagedList } from "../../src/kube/pagedlist.ts";
import { Transport } from "../../src/kube/transport.ts";

/** Lists a collection in this process, which does nothing else, and prints how many MiB its memory grew at the most. */
const [, , kubeconfig = "", path = ""] = process.argv;
const credentials = new Credentials({ kubeconfig });
await credentials.current();
const transport = new Transport({ credentials, userAgent: "test" });
const before = process.memoryUsage.rss();
const list = new PagedList({
  transport,
  path,
  query: {},
  pageSize: 250,
  decode: ({ metadata }) => metadata.name,
});
const { items } = await list.fetchAll(new AbortController().signal);
const growth = process.resourceUsage().maxRSS / 1024 - before / 2 ** 20;
process.stdout.write(JSON.stringify({ items: items.length, growth }));
await transport.close();
await credentials.close();
