import { hash } from "node:crypto";
import type { KeyType } from "./keytype.ts";

const WIDTH = 17;
const HEIGHT = 9;

/** How often a field was visited; the last two stand for start and end. */
const MARKS = " .o+=*BOX@%&#/^SE";

/**
 * The picture of a key's SHA-256 fingerprint, as `ssh-keygen -lv` prints it: the walk of a drunken bishop
 * (fingerprint_randomart in OpenSSH's sshkey.c). Eleven lines without the last newline. Give it the canonical blob.
 */
export function randomart({
  type,
  bits,
  blob,
}: {
  readonly type: KeyType;
  readonly bits: number;
  readonly blob: Uint8Array;
}): string {
  const visits = walk(hash("sha256", blob, "buffer"));
  const rows = Array.from({ length: HEIGHT }, (_, y) => {
    const fields = Array.from({ length: WIDTH }, (_, x) => MARKS[visits[y * WIDTH + x] ?? 0]);
    return `|${fields.join("")}|`;
  });
  return [border(titleOf(type, bits)), ...rows, border("[SHA256]")].join("\n");
}

function walk(digest: Uint8Array): Uint8Array {
  const visits = new Uint8Array(WIDTH * HEIGHT);
  let x = (WIDTH - 1) / 2;
  let y = (HEIGHT - 1) / 2;
  const start = y * WIDTH + x;
  for (const byte of digest) {
    for (let step = 0; step < 4; step += 1) {
      const move = byte >> (2 * step);
      x = held(x + ((move & 1) === 0 ? -1 : 1), WIDTH);
      y = held(y + ((move & 2) === 0 ? -1 : 1), HEIGHT);
      const at = y * WIDTH + x;
      visits[at] = Math.min((visits[at] ?? 0) + 1, MARKS.length - 3);
    }
  }
  visits[start] = MARKS.length - 2;
  visits[y * WIDTH + x] = MARKS.length - 1;
  return visits;
}

/** The bishop slides along the walls. */
function held(place: number, size: number): number {
  return Math.min(Math.max(place, 0), size - 1);
}

/** The length goes where it does not fit, and then the end of the type. */
function titleOf(type: KeyType, bits: number): string {
  const title = `[${SHORT_TYPES[type]} ${bits}]`;
  return title.length < WIDTH ? title : `[${SHORT_TYPES[type]}]`.slice(0, WIDTH - 1);
}

function border(title: string): string {
  const left = "-".repeat(Math.floor((WIDTH - title.length) / 2));
  return `+${(left + title).padEnd(WIDTH, "-")}+`;
}

const SHORT_TYPES: Readonly<Record<KeyType, string>> = {
  "ssh-ed25519": "ED25519",
  "sk-ssh-ed25519@openssh.com": "ED25519-SK",
  "ecdsa-sha2-nistp256": "ECDSA",
  "ecdsa-sha2-nistp384": "ECDSA",
  "ecdsa-sha2-nistp521": "ECDSA",
  "sk-ecdsa-sha2-nistp256@openssh.com": "ECDSA-SK",
  "ssh-rsa": "RSA",
  "ssh-dss": "DSA",
  "ssh-mldsa44-ed25519@openssh.com": "MLDSA44-ED25519",
};
