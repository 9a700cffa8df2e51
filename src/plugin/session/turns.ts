import { Turns } from "../../turns.ts";
import type { Session } from "./session.ts";

/** At work for so long, in ms, before a signal may get through. */
const TURN_MS = 50;

/** Cuts long work without a wait in it into turns, so that Ctrl-C is heard: it rejects when the person has stopped the work. */
export function turnsOf({ signal }: Pick<Session, "signal">): Turns {
  return new Turns({ longestMs: TURN_MS, roundsALook: 1, signal });
}
