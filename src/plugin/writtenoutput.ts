import { asText, type Output } from "./objectoutput.ts";
import { resourceName, type SSHKeyObject } from "./sshkeys.ts";

/** What has been written, for whoever asked for it with -o: one object as itself, several as a List; otherwise `lines`. */
export function writtenOutput(
  objects: readonly SSHKeyObject[],
  output: Output | undefined,
  lines: readonly string[],
): string {
  const [first] = objects;
  const whole = objects.length === 1 ? first : { apiVersion: "v1", kind: "List", items: objects };
  switch (output) {
    case "json":
    case "yaml":
      return asText(whole, output);
    case "name":
      return objects.map((object) => `${resourceName(object)}\n`).join("");
    default:
      return lines.map((line) => `${line}\n`).join("");
  }
}
