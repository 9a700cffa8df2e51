import { isIPv4, isIPv6 } from "node:net";
import { addressRange, isWithin, merged, type Range, rangeOf } from "./ipaddress.ts";

/**
 * What is wrong with the value of from="…", as a sentence, or undefined. Refuses what sshd refuses (addr_match_list in
 * OpenSSH's addrmatch.c), each entry that no address and no host name can match, and lists whose negated entries
 * leave nothing over: with any of these the key never works, and nothing says why.
 *
 * Where patterns with * exclude a network only in parts, or a host name by its address, the list is given the
 * benefit of the doubt.
 */
export function fromFault(value: string): string | undefined {
  const entries = value.split(",");
  for (const entry of entries) {
    const fault = entryFault(entry.startsWith("!") ? entry.slice(1) : entry);
    if (fault !== undefined) return fault;
  }
  return listFault(
    entries.filter((entry) => !entry.startsWith("!")),
    entries.filter((entry) => entry.startsWith("!")).map((entry) => entry.slice(1)),
  );
}

function entryFault(entry: string): string | undefined {
  if (entry === "") {
    return "from has an empty entry, and sshd would refuse every address; remove the spare comma.";
  }
  if (/\s/.test(entry)) {
    return "from has a space inside, which no address matches; separate entries by commas alone.";
  }
  if (entry.length >= MAX_PATTERN) return "from has an entry too long for sshd; shorten it.";
  if (entry.startsWith("[")) {
    return "from has an address in brackets, which none matches; write it without them, as in 2001:db8::1.";
  }
  const range = addressRange(entry);
  if (range !== undefined) return rangeFault(range);
  if (entry.includes("/")) {
    return "from has a network that is not ADDRESS/BITS with zeros behind the BITS; write it like 10.0.0.0/8.";
  }
  return entry.includes(":") ? colonFault(entry) : nameFault(entry);
}

/** sshd turns ::ffff:192.0.2.1 into 192.0.2.1 before it compares (ipv64_normalise_mapped in canohost.c). */
function rangeFault({ family, first, last }: Range): string | undefined {
  if (family === 6 && first >> 32n === 0xffffn && last >> 32n === 0xffffn) {
    return "from has an IPv4 address in IPv6 form, which none matches; write it as IPv4, like 10.0.0.0/8.";
  }
  if (last === 0n) {
    return "from has the address 0.0.0.0 or ::, which nobody comes from; for any address write *.";
  }
  return undefined;
}

function colonFault(entry: string): string | undefined {
  // Whatever a scope is called follows the percent sign.
  const [address = ""] = entry.split("%", 1);
  const isPattern = /[*?]/.test(entry);
  if (
    !/^[0-9A-Fa-f:.*?]+$/.test(address) ||
    (!isPattern && address.indexOf(":") === address.lastIndexOf(":"))
  ) {
    return "from has a colon in what is no IPv6 address, and nothing matches it; write addresses and host names without a port.";
  }
  if (!isPattern && !isIPv6(entry)) {
    return "from has an IPv6 address that is incomplete, and nothing matches it; write it out, or as a network like 2001:db8::/32.";
  }
  return undefined;
}

/** Of a name or a pattern without a colon: what sshd gets from the DNS, or an IPv4 address as text. */
function nameFault(entry: string): string | undefined {
  if (!/^[A-Za-z0-9._*?-]+$/.test(entry)) {
    return "from has a character that no host name and no address has; write host names in ASCII (xn--…) and without a user.";
  }
  if (entry.startsWith(".") || entry.includes("..")) {
    return "from has an entry with an empty part before a dot, which nothing matches; for all hosts of a domain write *.example.com.";
  }
  if (entry.endsWith(".")) {
    return "from has an entry that ends in a dot, which nothing matches; for a network write 10.0.0.0/8 or 10.*, for a host its name.";
  }
  // No name ends in a number, since no top-level domain is one; getaddrinfo reads 10.1 as 10.0.0.1 and 010 as 8.
  const isNumeric = /^[0-9]+$/.test(entry.slice(entry.lastIndexOf(".") + 1));
  if (isNumeric && !/[*?]/.test(entry) && !isIPv4(entry)) {
    return "from has an IPv4 address that is not four numbers from 0 to 255 without zeros in front; write all four, or a network like 10.0.0.0/8.";
  }
  if (entry.replaceAll("*", "").length > MAX_HOST_NAME) {
    return "from has an entry longer than any host name; shorten it.";
  }
  return undefined;
}

/** One negated entry that fits decides against the client, wherever it stands; else one other entry has to fit. */
function listFault(positive: readonly string[], negated: readonly string[]): string | undefined {
  if (positive.length === 0) {
    return 'from has negated entries only, and these never let anybody in; say who may come as well, as in from="!192.0.2.7,*".';
  }
  if (negated.length === 0) return undefined;
  if (negated.some((entry) => /^\*+$/.test(entry))) {
    return "from has !*, which refuses every address; remove it: whoever matches no entry is refused anyway.";
  }
  const excluded = merged(negated.flatMap((entry) => addressRange(entry) ?? []));
  const patterns = negated.filter((entry) => addressRange(entry) === undefined);
  const isExcludedAll = [rangeOf(4, 0n, 0), rangeOf(6, 0n, 0)].every((all) =>
    excluded.some((range) => isWithin(all, range)),
  );
  const isDead = (entry: string) => isExcludedAll || isExcluded(entry, excluded, patterns);
  return positive.every(isDead)
    ? "from excludes by its negated entries whatever its other entries let in; remove one or the other."
    : undefined;
}

function isExcluded(entry: string, excluded: readonly Range[], patterns: readonly string[]): boolean {
  const range = addressRange(entry);
  if (range === undefined) return patterns.some((pattern) => covers(pattern, entry));
  return (
    excluded.some((each) => isWithin(range, each)) ||
    patterns.some((pattern) => covers(pattern, addressPattern(entry, range)))
  );
}

/** A pattern that every address of the range fits, in the form in which sshd writes addresses. */
function addressPattern(entry: string, { family, first, last }: Range): string {
  if (first === last && !entry.includes("/")) return entry;
  if (family === 6) return "*:*";
  const octets = [24n, 16n, 8n, 0n].map((shift) =>
    first >> shift === last >> shift ? `${(first >> shift) & 0xffn}` : "*",
  );
  return octets.join(".");
}

/**
 * Whether the pattern fits whatever the other one fits: it does when it fits the other's text with the other's * and ?
 * standing for themselves, and only its own * takes a *. Upper case counts for lower (match_hostname). In time
 * proportional to the product of the lengths.
 */
function covers(pattern: string, other: string): boolean {
  const one = pattern.toLowerCase();
  const text = other.toLowerCase();
  let at = 0;
  let star = -1;
  let mark = 0;
  let from = 0;
  while (from < text.length) {
    const wanted = one[at];
    if (wanted === "*") {
      star = at;
      mark = from;
      at += 1;
    } else if (wanted !== undefined && text[from] !== "*" && (wanted === "?" || wanted === text[from])) {
      at += 1;
      from += 1;
    } else if (star !== -1) {
      at = star + 1;
      mark += 1;
      from = mark;
    } else return false;
  }
  return /^\**$/.test(one.slice(at));
}

// The pattern buffer of match_pattern_list; RFC 1035 section 2.3.4.
const MAX_PATTERN = 1023;
const MAX_HOST_NAME = 253;
