import { BlockList, isIP } from "node:net";

/**
 * The proxy that the environment names for this server, as a URL; undefined for none. HTTPS_PROXY, HTTP_PROXY and NO_PROXY,
 * also in small letters, as Go reads them (golang.org/x/net/http/httpproxy): this machine itself is never behind a proxy.
 */
export function proxyFromEnvironment(
  server: URL,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const name = server.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const proxy = env[name] || env[name.toLowerCase()] || "";
  const host = server.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = server.port || (server.protocol === "https:" ? "443" : "80");
  if (proxy === "" || host === "localhost" || isIn("127.0.0.0", 8, host) || host === "::1") return undefined;
  const exceptions = (env.NO_PROXY || env.no_proxy || "").split(",").map((item) => item.trim().toLowerCase());
  if (exceptions.some((item) => item !== "" && isExcepted(item, host, port))) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

/** `*`, a range of addresses, an address or a domain; the last two with a port or without. */
function isExcepted(item: string, host: string, port: string): boolean {
  if (item === "*") return true;
  const [, range = "", length = ""] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(item) ?? [];
  if (range !== "") return isIn(range, Number(length), host);
  const [, bracketed, plain, itemPort = port] =
    /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(isIP(item) === 6 ? `[${item}]` : item) ?? [];
  const name = (bracketed ?? plain ?? "").replace(/^\*(?=\.)/, "");
  if (name === "" || itemPort !== port) return false;
  if (name.startsWith(".")) return host.endsWith(name);
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}

function isIn(range: string, length: number, address: string): boolean {
  const [of, family] = [isIP(range), isIP(address)];
  if (of === 0 || of !== family || length > (of === 4 ? 32 : 128)) return false;
  const kind = of === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(range, length, kind);
  return list.check(address, kind);
}
