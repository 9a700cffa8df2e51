#!/usr/bin/env node
import { main } from "./program.ts";
import { EXIT, Session } from "./session.ts";

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());

// Who reads the output has seen enough, as head has: nobody is there to be told more.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(EXIT.failed));

// No top-level await: the bundle is a CommonJS module.
void main(process.argv.slice(2), new Session(process, stop.signal)).then((code) => {
  // Not process.exit: what has been written to a pipe is not all read yet.
  process.exitCode = code;
});
