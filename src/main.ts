import { main } from "./cli/program.ts";

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());

process.exitCode = await main(process.argv.slice(2), stop.signal);
// A connection that is still being made would keep the process for seconds; what is left to print takes less.
setTimeout(() => process.exit(), 200).unref();
