import { isIPv4, isIPv6 } from "node:net";

/**
 * What is wrong with the value of an authorized_keys option, as a sentence, or undefined. Holds values to what sshd
 * takes (auth-options.c, addrmatch.c and misc.c of OpenSSH), and to numbers where sshd would ask the machine it
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

/** addr_match_list: entries between commas, each a CIDR network or a pattern for names and addresses. */
function fromFault(value: string): string | undefined {
  for (const entry of value.split(",")) {
    const pattern = entry.startsWith("!") ? entry.slice(1) : entry;
    if (pattern === "")
      return "from has an empty entry, and sshd would refuse every address; remove the spare comma.";
    if (/\s/.test(pattern))
      return "from has a space inside, which no address matches; separate entries by commas alone.";
    if (pattern.length >= MAX_PATTERN) return "from has an entry too long for sshd; shorten it.";
    if (pattern.includes("/") && !isNetwork(pattern)) {
      return "from has a network that is not ADDRESS/BITS with zeros behind the BITS; write it like 10.0.0.0/8.";
    }
  }
  return undefined;
}

function isNetwork(text: string): boolean {
  const [, address = "", digits = ""] = /^([^/]*)\/([0-9]{1,3})$/.exec(text) ?? [];
  const length = Number(digits);
  const bits = isIPv4(address)
    ? ipv4Bits(address)
    : isIPv6(address) && !address.includes("%")
      ? ipv6Bits(address)
      : "";
  return digits !== "" && length <= bits.length && !bits.includes("1", length);
}

function ipv4Bits(address: string): string {
  return address
    .split(".")
    .map((octet) => Number(octet).toString(2).padStart(8, "0"))
    .join("");
}

/** Of an address that is known to be valid: at most one "::", and perhaps an IPv4 address at the end. */
function ipv6Bits(address: string): string {
  const [head = "", tail] = address.split("::").map(groupBits);
  return tail === undefined ? head : head + "0".repeat(128 - head.length - tail.length) + tail;
}

function groupBits(groups: string): string {
  if (groups === "") return "";
  return groups
    .split(":")
    .map((group) =>
      group.includes(".") ? ipv4Bits(group) : Number.parseInt(group, 16).toString(2).padStart(16, "0"),
    )
    .join("");
}

/** hpdelim2 and a2port of misc.c; a host with colons stands in brackets. */
function isHostPort(text: string): boolean {
  const [, host = "", port = ""] = /^(\[[^\]\s]+\]|[^[\]:/\s]+):([^:]+)$/.exec(text) ?? [];
  return host !== "" && host.length < MAX_HOST && isPort(port);
}

function isPort(text: string): boolean {
  return text === "*" || (/^[0-9]{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535);
}

// NI_MAXHOST of <netdb.h>, SSH_TUNID_MAX of misc.h, and the pattern buffer of match_pattern_list.
const MAX_HOST = 1025;
const MAX_TUNNEL = 0x7fffffff - 2;
const MAX_PATTERN = 1023;
