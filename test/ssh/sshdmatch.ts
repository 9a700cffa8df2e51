import { BlockList, isIP } from "node:net";

/** Who connects: the address, and the name that the DNS gives it, or the address again where sshd asks no DNS. */
export interface Client {
  readonly address: string;
  readonly host: string;
}

/** match_host_and_ip of OpenSSH's match.c, by means of Node's own reading of addresses. */
export function sshdLetsIn(list: string, { address, host }: Client): boolean {
  const byAddress = decision(list, (entry) => addressFits(entry, address));
  const byName = decision(list, (entry) => patternFits(entry.toLowerCase(), host.toLowerCase()));
  return byAddress !== "no" && byName !== "no" && (byAddress === "yes" || byName === "yes");
}

function decision(list: string, fits: (entry: string) => boolean): "yes" | "no" | "none" {
  let found: "yes" | "none" = "none";
  for (const entry of list.split(",")) {
    const isNegated = entry.startsWith("!");
    if (!fits(isNegated ? entry.slice(1) : entry)) continue;
    if (isNegated) return "no";
    found = "yes";
  }
  return found;
}

function addressFits(entry: string, address: string): boolean {
  const [network = "", bits] = entry.split("/");
  if (isIP(network) === 0) return patternFits(entry, address);
  if (isIP(network) !== isIP(address)) return false;
  return blockOf(network, bits).check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

function blockOf(network: string, bits: string | undefined): BlockList {
  const name = `${network}/${bits}`;
  const known = BLOCKS.get(name);
  if (known !== undefined) return known;
  const block = new BlockList();
  const isIPv4 = isIP(network) === 4;
  const prefix = bits === undefined ? (isIPv4 ? 32 : 128) : Number(bits);
  block.addSubnet(network, prefix, isIPv4 ? "ipv4" : "ipv6");
  BLOCKS.set(name, block);
  return block;
}

function patternFits(pattern: string, text: string): boolean {
  const escaped = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${escaped}$`).test(text);
}

const BLOCKS = new Map<string, BlockList>();
