import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderAuthorizedKey } from "../../src/ssh/authorizedkeys.ts";
import { skipOptions } from "../../src/ssh/keyline.ts";
import { renderOptions } from "../../src/ssh/options.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { MUTATIONS } from "./mutations.ts";
import { Random } from "./random.ts";
import { accepted, messageOf } from "./refusals.ts";
import { samples } from "./samples.ts";

const KEYS = samples(new Random(5));

/** Lines that are keys, or nearly. */
const keyLine = fc
  .tuple(fc.constantFrom(...KEYS), fc.constantFrom(...MUTATIONS), fc.integer())
  .map(([sample, mutation, seed]) => mutation.apply(new Random(seed), sample, KEYS));

const anyText = fc.oneof(
  keyLine,
  fc.string({ unit: "binary", maxLength: 300 }),
  fc
    .array(
      fc.constantFrom("ssh-rsa", " ", "\t", "\n", "AAAA", "=", '"', "\\", "-----BEGIN PUBLIC KEY-----", "\0"),
    )
    .map((parts) => parts.join("")),
);

const option = fc.oneof(
  fc.constantFrom("restrict", "no-pty", 'from="10.0.0.0/8"', 'permitopen="a:1"', "X11-FORWARDING"),
  fc.string({ maxLength: 30 }).map((value) => `command="${value.replaceAll('"', '\\"')}"`),
  fc.string({ unit: "binary", maxLength: 30 }),
);

describe("for any text", () => {
  test("the parser gives a key or a refusal that speaks, and never throws", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const parsed = parsePublicKey(text);
        return parsed.ok || /^\S.*\S$/s.test(parsed.refusal.message);
      }),
      { numRuns: 3_000 },
    );
  });

  test("what is accepted and rendered is accepted again, as the same key", () => {
    fc.assert(
      fc.property(keyLine, (text) => {
        const first = parsePublicKey(text);
        if (!first.ok) return;
        const { type, blob, comment } = first.value;
        const line = renderAuthorizedKey({ options: "", type, base64: blob.toString("base64"), comment });
        expect(parsePublicKey(line)).toEqual(first);
      }),
      { numRuns: 3_000 },
    );
  });

  test("each line of a file reads back as its key behind its options", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...KEYS), { maxLength: 8 }),
        fc.array(option, { maxLength: 3 }),
        (chosen, list) => {
          const rendered = renderOptions(list);
          const options = rendered.ok ? rendered.value : "";
          const keys = chosen.flatMap(({ type, strings }) => {
            const parsed = parsePublicKey(`${type} ${blobBase64(type, strings)}`);
            return parsed.ok ? [parsed.value] : [];
          });
          const lines = keys.map(({ type, blob }) =>
            renderAuthorizedKey({ options, type, base64: blob.toString("base64"), comment: "ns/name" }),
          );
          const file = lines.map((line) => `${line}\n`).join("");
          const read = file.split("\n").slice(0, -1);
          const behind = options === "" ? read : read.map((line) => skipOptions(line) ?? "");
          expect(behind.map((line) => accepted(parsePublicKey(line)).blob)).toEqual(
            keys.map(({ blob }) => blob),
          );
        },
      ),
    );
  });

  test("a private key's text never comes back in a message", () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9+/]{40,200}$/);
    const wrap = fc.constantFrom(
      (body: string) => `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`,
      (body: string) => `-----BEGIN RSA PRIVATE KEY----- ${body} -----END RSA PRIVATE KEY-----`,
      (body: string) => `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n${body}`,
      (body: string) => `ssh-ed25519 b3BlbnNzaC1rZXktdjEA${body}`,
      (body: string) => `PuTTY-User-Key-File-3: ssh-rsa\nPublic-Lines: 1\n${body}\nPrivate-Lines: 1\n${body}`,
      (body: string) => body,
      (body: string) => `ssh-rsa ${body}`,
    );
    fc.assert(
      fc.property(secret, wrap, (body, inText) => {
        expect(messageOf(parsePublicKey(inText(body)))).not.toContain(body.slice(0, 20));
      }),
      { numRuns: 2_000 },
    );
  });
});

test("rendered options split into entries that render to the same", () => {
  fc.assert(
    fc.property(fc.array(option, { maxLength: 5 }), (list) => {
      const rendered = list
        .map((entry) => renderOptions([entry]))
        .flatMap((one) => (one.ok ? [one.value] : []));
      const all = renderOptions(rendered);
      return !all.ok || all.value === rendered.join(",");
    }),
    { numRuns: 2_000 },
  );
});

function blobBase64(type: string, strings: readonly Buffer[]): string {
  const parts = [Buffer.from(type), ...strings].map((value) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    return Buffer.concat([length, value]);
  });
  return Buffer.concat(parts).toString("base64");
}
