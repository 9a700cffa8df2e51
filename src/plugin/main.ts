#!/usr/bin/env node
import { main } from "./program.ts";
import { EXIT, Session } from "./session/session.ts";

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());

const session = new Session(process, stop.signal);

// No top-level await: the bundle is a CommonJS module.
void main(process.argv.slice(2), session).then((code) => {
  // A reader that does not read holds up nobody who has stopped it.
  if (code === EXIT.stopped) process.exit(code);
  // Not process.exit: what has been written to a pipe is not all read yet.
  process.exitCode = code;
  process.once("exit", () => {
    if (session.isUnread) process.exitCode = EXIT.unread;
  });
});
