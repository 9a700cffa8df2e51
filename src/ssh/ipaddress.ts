import { isIPv4, isIPv6 } from "node:net";

/** Addresses of one family from the first to the last, as numbers. */
export interface Range {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * The addresses that an address or a network ADDRESS/BITS stands for; undefined for any other text, and for a network
 * with bits set behind the prefix, which sshd refuses (addr_pton_cidr of OpenSSH's addr.c).
 */
export function addressRange(text: string): Range | undefined {
  const [, address = "", digits] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const family = isIPv4(address) ? 4 : isIPv6(address) ? 6 : undefined;
  if (family === undefined) return undefined;
  // fe80::1%eth0: an address may name its scope, a network may not.
  const [bare = "", scope] = address.split("%");
  if (scope !== undefined && digits !== undefined) return undefined;
  const prefix = digits === undefined ? WIDTH[family] : Number(digits);
  if (prefix > WIDTH[family]) return undefined;
  const first = family === 4 ? ipv4Number(bare) : ipv6Number(bare);
  const range = rangeOf(family, first, prefix);
  return range.first === first ? range : undefined;
}

/** The network of that prefix around an address. */
export function rangeOf(family: 4 | 6, address: bigint, prefix: number): Range {
  const hostBits = BigInt(WIDTH[family] - prefix);
  const first = (address >> hostBits) << hostBits;
  return { family, first, last: first + (1n << hostBits) - 1n };
}

/** The same addresses in as few ranges as it takes, so that a range within their union is within one of them. */
export function merged(ranges: readonly Range[]): readonly Range[] {
  const found: Range[] = [];
  for (const range of ranges.toSorted(byFirst)) {
    const before = found.at(-1);
    if (before === undefined || before.family !== range.family || range.first > before.last + 1n) {
      found.push(range);
    } else if (range.last > before.last) {
      found[found.length - 1] = { ...before, last: range.last };
    }
  }
  return found;
}

/** Whether all of the first range lies in the second. */
export function isWithin(range: Range, outer: Range): boolean {
  return range.family === outer.family && outer.first <= range.first && range.last <= outer.last;
}

function byFirst(one: Range, other: Range): number {
  if (one.family !== other.family) return one.family - other.family;
  return one.first < other.first ? -1 : one.first > other.first ? 1 : 0;
}

function ipv4Number(address: string): bigint {
  return address.split(".").reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
}

/** Of an address that is known to be valid: at most one "::", and perhaps an IPv4 address at the end. */
function ipv6Number(address: string): bigint {
  const [head = "", tail] = address.split("::").map(groups);
  const hex = tail === undefined ? head : head + "0".repeat(32 - head.length - tail.length) + tail;
  return BigInt(`0x${hex}`);
}

function groups(text: string): string {
  if (text === "") return "";
  return text
    .split(":")
    .map((group) =>
      group.includes(".") ? ipv4Number(group).toString(16).padStart(8, "0") : group.padStart(4, "0"),
    )
    .join("");
}

const WIDTH = { 4: 32, 6: 128 } as const;
