import { subscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";

/** Loaded into the portal's process before it: writes each route that Fastify gets to the file that ROUTES_FILE names. */
interface Initialized {
  readonly fastify: {
    addHook(
      name: "onRoute",
      hook: (route: { readonly method: string | string[]; readonly url: string }) => void,
    ): void;
  };
}

subscribe("fastify.initialization", (message) => {
  (message as Initialized).fastify.addHook("onRoute", ({ method, url }) => {
    for (const each of [method].flat()) appendFileSync(process.env.ROUTES_FILE ?? "", `${each} ${url}\n`);
  });
});
