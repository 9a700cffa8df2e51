import "./cli/nodeflags.ts";
import { main } from "./cli/program.ts";

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());

// No top-level await: the bundle is a CommonJS module.
void main(process.argv.slice(2), stop.signal).then((exitCode) => {
  process.exitCode = exitCode;
  // A connection that is still being made would keep the process for seconds; what is left to print takes less.
  setTimeout(() => process.exit(), 200).unref();
});
