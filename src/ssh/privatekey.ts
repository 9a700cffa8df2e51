/**
 * What kind of private key a text holds, anywhere in it, and how to get at the public half, in one sentence;
 * undefined where it shows no sign of one. Never quotes the text. Linear in its length.
 */
export function describePrivateKey(text: string): string | undefined {
  const found = findPrivateKey(text);
  return (
    found &&
    `This is a private key (${found.kind}) and must never be shared, so count it as exposed and make a new one; only the public half belongs here, which this prints: ${found.publicHalf}`
  );
}

/** A private key that was seen in a text. */
export interface PrivateKeySign {
  readonly kind: PrivateKeyKind;
  /** The command that prints the public half of what is in FILE. */
  readonly publicHalf: string;
}

/** The same without the sentence, for who says it of a file that nobody else has seen. */
export function findPrivateKey(text: string): PrivateKeySign | undefined {
  // A UTF-16 file read as bytes has a NUL beside each letter.
  const letters = text.includes("\0") ? text.replaceAll("\0", "") : text;
  if (!ANY_SIGN.test(letters)) return undefined;
  const kind = PRIVATE_KEY_PATTERNS.find(({ pattern }) => pattern.test(letters))?.kind;
  return kind && { kind, publicHalf: COMMANDS[kind] };
}

export type PrivateKeyKind = "PuTTY" | "ssh.com" | "OpenSSH" | "PEM" | "JWK";

/**
 * What a private key is recognised by, in the syntax that RE2 and JavaScript share: crds/sshkeys.yaml holds these
 * very patterns. Each is a mark that files have and sentences about keys have not. None is unbounded where it could
 * be tried at each place of a long run.
 */
export const PRIVATE_KEY_PATTERNS: readonly { readonly kind: PrivateKeyKind; readonly pattern: RegExp }[] = [
  // A PuTTY file, plain or URL-encoded; its base64 at each of the three alignments; its hex.
  {
    kind: "PuTTY",
    pattern: /(?i:PuTTY-User-Key-File-[0-9]|Private-(Lines|MAC|Hash)(:|%3A)( |%20)?[0-9a-f])/u,
  },
  {
    kind: "PuTTY",
    pattern: /UHVUVFktVXNlci1LZX|B1VFRZLVVzZXItS2V5|QdVRUWS1Vc2VyLUtle|(?i:50755454592d557365722d4b6579)/u,
  },
  // The same in the base64 of UTF-16, either end first, as PowerShell makes it.
  { kind: "PuTTY", pattern: /UAB1AFQAVABZAC0A|AdQBUAFQAWQAtAF|QAHUAVABUAFkALQ/u },
  // The base64 of "openssh-key-v1" (OpenSSH's PROTOCOL.key), and its hex.
  { kind: "OpenSSH", pattern: /b3BlbnNzaC1rZXktdjE|(?i:6f70656e7373682d6b65792d7631)/u },
  // RFC 4716 and SSH 1.
  {
    kind: "ssh.com",
    pattern:
      /(?i:----[^A-Za-z-]{0,8}(BEGIN|END)[^A-Za-z-]{1,8}SSH2[^-]{0,20}PRIVATE[^A-Za-z]{0,8}KEY|SSH[^A-Za-z]{1,8}PRIVATE[^A-Za-z]{1,8}KEY[^A-Za-z]{1,8}FILE[^A-Za-z]{1,8}FORMAT(%20|[^A-Za-z0-9]{1,4})1)/u,
  },
  // The header or footer of a PEM file, also with the dashes that word processors make of two hyphens.
  {
    kind: "PEM",
    pattern:
      /(?i:(----[^A-Za-z-]{0,8}(BEGIN|END)|[\u2010-\u2015\u2212]-?[^A-Za-z-]{0,8}BEGIN)[^-]{0,40}PRIVATE[^A-Za-z]{0,8}KEY|PRIVATE[^A-Za-z]{0,8}KEY( BLOCK)?-----)/u,
  },
  // "PRIVATE KEY" in base64, at each alignment, and in hex; then "PRIVATE" in the base64 of UTF-16.
  {
    kind: "PEM",
    pattern: /UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW|(?i:50524956415445204b4559)/u,
  },
  { kind: "PEM", pattern: /UABSAEkAVgBBAFQAR|AAUgBJAFYAQQBUAE|QAFIASQBWAEEAVAB/u },
  // The DER of encrypted PKCS #8: an algorithm below 1.2.840.113549.1.5.
  { kind: "PEM", pattern: /BgkqhkiG9w0BBQ|GCSqGSIb3DQEF/u },
  // The DER of PKCS #1, SEC 1 and PKCS #8: a SEQUENCE that begins with INTEGER 0 or 1.
  {
    kind: "PEM",
    pattern:
      /(^|[^A-Za-z0-9+/])M([A-Za-z0-9+/]{2}CAQ[AE]|I[E-H][A-Za-z0-9+/]AgE[AB]|I[I-L][A-Za-z0-9+/]{2}[AQgw]IBA)/u,
  },
  // A JSON Web Key with its private member (RFC 7518 section 6), in JSON, escaped or URL-encoded; then in base64.
  {
    kind: "JWK",
    pattern:
      /(["\x27]|%22)(d|priv)\\{0,2}(["\x27]|%22)[ \t\r\n]{0,8}(:|%3A)(%20|[ \t\r\n]{0,8})\\{0,2}(["\x27]|%22)[A-Za-z0-9_-]{40}/u,
  },
  {
    kind: "JWK",
    pattern: /LCJkIjoi|wiZCI6I|sImQiOi|ICJkIjogI|AiZCI6IC|gImQiOiAi/u,
  },
];

const COMMANDS: Readonly<Record<PrivateKeyKind, string>> = {
  PuTTY: "puttygen FILE -O public-openssh",
  "ssh.com": "ssh-keygen -i -f FILE > NEW && ssh-keygen -y -f NEW",
  OpenSSH: "ssh-keygen -y -f FILE",
  PEM: "ssh-keygen -y -f FILE",
  JWK: "ssh-keygen -y -f FILE, once the key is a PEM file",
};

// Most texts hold none, and of a short one a single test takes a fifth of the time of twelve.
const ANY_SIGN = new RegExp(
  PRIVATE_KEY_PATTERNS.map(({ pattern }) => `(?:${pattern.source})`).join("|"),
  "u",
);
