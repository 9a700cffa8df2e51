import type { Option } from "./options.ts";

/** What an option of authorized_keys does, as a sentence without a full stop (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
export function optionMeaning({ name, value = "" }: Option): string {
  return OPTION_MEANINGS[name]?.(value) ?? "has no explanation here; see sshd(8)";
}

/** Of every option that the product knows; a test compares it with those that are parsed. */
export const OPTION_MEANINGS: Readonly<Record<string, (value: string) => string>> = {
  restrict: () =>
    "forbids forwarding, terminals and ~/.ssh/rc, and whatever later releases of sshd can forbid; what is allowed again stands behind it",
  "agent-forwarding": () => "allows forwarding the agent, behind restrict",
  "no-agent-forwarding": () => "forbids forwarding the agent",
  "port-forwarding": () => "allows forwarding ports, behind restrict",
  "no-port-forwarding": () => "forbids forwarding ports",
  pty: () => "allows a terminal, behind restrict",
  "no-pty": () => "forbids a terminal: commands run, interactive programs do not",
  "user-rc": () => "allows ~/.ssh/rc to run at login, behind restrict",
  "no-user-rc": () => "keeps ~/.ssh/rc from running at login",
  "x11-forwarding": () => "allows forwarding X11, behind restrict",
  "no-x11-forwarding": () => "forbids forwarding X11",
  "touch-required": () => "asks for a touch of the security key at each login, as sshd does anyway",
  "no-touch-required": () => "lets a security key sign without a touch",
  "verify-required": () => "asks for the PIN or the biometric of the security key at each login",
  "no-verify-required": () => "asks for no PIN or biometric of the security key",
  command: (value) => `runs this and nothing else, whatever the person asks for: ${value}`,
  environment: (value) => `sets ${value} for the session, where sshd permits it (PermitUserEnvironment)`,
  from: (value) => `works from these addresses only, and never from those behind a !: ${value}`,
  permitlisten: (value) => `lets remote forwarding listen on ${value}, and on what else is listed so`,
  permitopen: (value) => `lets local forwarding reach ${value}, and what else is listed so`,
  tunnel: (value) => `forces the tunnel device ${value}`,
};
