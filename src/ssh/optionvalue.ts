import { fromFault } from "./fromlist.ts";

/**
 * What is wrong with the value of an authorized_keys option, as a sentence, or undefined. Holds values to what sshd
 * takes (auth-options.c and misc.c of OpenSSH), and to numbers where sshd would ask the machine it
 * runs on for the number of a named port.
 */
export function valueFault(name: string, value: string): string | undefined {
  switch (name) {
    case "from":
      return fromFault(value);
    case "environment":
      return /^[A-Za-z0-9_]+=/.test(value)
        ? undefined
        : 'environment needs a name of letters, digits and _, and a value; write it as environment="NAME=VALUE".';
    case "permitopen":
      return isHostPort(value)
        ? undefined
        : 'permitopen needs a host and a port; write it as permitopen="HOST:PORT".';
    case "permitlisten":
      return isPort(value) || isHostPort(value)
        ? undefined
        : 'permitlisten needs a port, with or without a host; write it as permitlisten="[HOST:]PORT".';
    case "tunnel":
      return /^any$/i.test(value) || (/^[0-9]{1,10}$/.test(value) && Number(value) <= MAX_TUNNEL)
        ? undefined
        : 'tunnel needs the number of a device; write it as tunnel="0", or tunnel="any".';
    default:
      return undefined;
  }
}

/** hpdelim2 and a2port of misc.c; a host with colons stands in brackets. */
function isHostPort(text: string): boolean {
  const [, host = "", port = ""] = /^(\[[^\]\s]+\]|[^[\]:/\s]+):([^:]+)$/.exec(text) ?? [];
  return host !== "" && host.length < MAX_HOST && isPort(port);
}

function isPort(text: string): boolean {
  return text === "*" || (/^[0-9]{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535);
}

// NI_MAXHOST of <netdb.h> and SSH_TUNID_MAX of misc.h.
const MAX_HOST = 1025;
const MAX_TUNNEL = 0x7fffffff - 2;
