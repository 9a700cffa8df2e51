import { describe, expect, test } from "vitest";
import { fingerprintMD5, fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { readLogLine } from "../../src/whereabouts/sshdlog.ts";
import { growth, LINEAR } from "../growth.ts";

const ALICE = fingerprintSHA256(Buffer.from("alice"));
const BOB = fingerprintSHA256(Buffer.from("bob"));
const MD5 = fingerprintMD5(Buffer.from("alice"));
const ACCEPTED = `Accepted publickey for alice from 192.0.2.7 port 51880 ssh2: ED25519 ${ALICE}`;
const LOGIN = { fingerprint: ALICE, outcome: "accepted", user: "alice", address: "192.0.2.7", port: 51880 };

/** What the line says of keys, without the time. */
function read(line: string) {
  return readLogLine(line).mentions.map(({ time: _, ...rest }) => rest);
}

describe("one login is read from the line as it comes", () => {
  test.each([
    ["from sshd -D -e", ACCEPTED],
    ["from sshd -D -e, which ends its lines with CR LF", `${ACCEPTED}\r`],
    ["from syslog", `Jul 24 13:07:14 b1 sshd[2964]: ${ACCEPTED}`],
    ["from syslog on the first of a month", `Jul  1 03:07:14 b1 sshd[2964]: ${ACCEPTED}`],
    ["from OpenSSH 9.8 on", `2026-07-24T13:07:14.123456+02:00 b1 sshd-session[77]: ${ACCEPTED}`],
    ["from OpenSSH 10 on", `Jul 24 13:07:14 b1 sshd-auth[78]: ${ACCEPTED}`],
    ["from a host that is an address", `Jul 24 13:07:14 2001:db8::1 sshd[1]: ${ACCEPTED}`],
    ["from BusyBox", `Jul 24 13:07:14 b1 auth.info sshd[12]: ${ACCEPTED}`],
    ["with a priority", `<38>Jul 24 13:07:14 b1 sshd[2964]: ${ACCEPTED}`],
    ["of RFC 5424", `<38>1 2026-07-24T13:07:14.003Z b1 sshd 2964 - - ${ACCEPTED}`],
    ["with a tag alone", `sshd[2964]: ${ACCEPTED}`],
    ["of kubectl logs --prefix", `[pod/bastion-0/sshd] ${ACCEPTED}`],
    ["of kubectl logs --timestamps", `2026-08-01T10:00:00.123456789Z ${ACCEPTED}`],
    ["of both", `[pod/bastion-0/sshd] 2026-08-01T10:00:00.123456789Z ${ACCEPTED}\r`],
    ["of a file of the container runtime", `2026-08-01T10:00:00.1Z stderr F ${ACCEPTED}`],
    ["of syslog within that", `2026-08-01T10:00:00.1Z stdout F Aug  1 10:00:00 b1 sshd[3]: ${ACCEPTED}`],
    ["of docker compose", `bastion-1  | ${ACCEPTED}`],
    ["of journalctl -o short-full", `Fri 2026-07-24 13:07:14 UTC b1 sshd[1]: ${ACCEPTED}`],
    ["of journalctl -o short-unix", `1785000000.123456 b1 sshd[1]: ${ACCEPTED}`],
    ["of journalctl -o short-monotonic", `[   12.345678] b1 sshd[1]: ${ACCEPTED}`],
    ["of journalctl -o export", `MESSAGE=${ACCEPTED}`],
    ["of journalctl -o json", JSON.stringify({ MESSAGE: ACCEPTED, SYSLOG_IDENTIFIER: "sshd-session" })],
    [
      "with a MESSAGE of bytes",
      JSON.stringify({ MESSAGE: [...Buffer.from(`${ACCEPTED}\r`)], _COMM: "sshd" }),
    ],
    ["with MESSAGE given twice", JSON.stringify({ MESSAGE: ["Connection from x", ACCEPTED] })],
    ["of journalctl -o json-seq", `\x1e${JSON.stringify({ MESSAGE: ACCEPTED })}`],
    ["of journalctl -o json-sse", `data: ${JSON.stringify({ MESSAGE: ACCEPTED })}`],
    ["of Docker's json-file", JSON.stringify({ log: `${ACCEPTED}\r\n`, stream: "stderr" })],
  ])("%s", (_, line) => {
    expect(read(line)).toEqual([LOGIN]);
  });
});

describe("of what sshd says it tells apart", () => {
  test.each([
    [
      `Failed publickey for invalid user ops from 2001:db8::7 port 5 ssh2: RSA ${BOB}`,
      { fingerprint: BOB, outcome: "failed", user: "ops", address: "2001:db8::7", port: 5 },
    ],
    [
      `Accepted publickey for alice from UNKNOWN port 65535 ssh2: ED25519 ${ALICE}`,
      { ...LOGIN, address: "UNKNOWN", port: 65535 },
    ],
    [
      `Partial publickey for alice from 192.0.2.7 port 51880 ssh2: ED25519 ${ALICE} [preauth]`,
      { ...LOGIN, outcome: "partial" },
    ],
    [
      `Accepted publickey for alice from 192.0.2.7 port 51880 ssh2: RSA ${MD5}`,
      { ...LOGIN, fingerprint: MD5 },
    ],
    [
      `Accepted publickey for alice from 192.0.2.7 port 51880 ssh2: RSA MD5:${MD5}`,
      { ...LOGIN, fingerprint: MD5 },
    ],
    [
      `Accepted publickey for alice from 192.0.2.7 port 51880 ssh2: ED25519-CERT ${ALICE} ID al (serial 7) CA RSA ${BOB}`,
      LOGIN,
    ],
    [
      `Accepted publickey for alice from 192.0.2.7 port 51880 ssh2: ED25519-CERT ID al (serial 7) CA RSA ${BOB}`,
      { ...LOGIN, fingerprint: BOB },
    ],
    [`Accepted key ED25519 ${ALICE} found at /keys/alice:1`, { fingerprint: ALICE, outcome: "offered" }],
    [`Found matching RSA key: ${MD5}`, { fingerprint: MD5, outcome: "offered" }],
    [
      `debug1: userauth_pubkey: test pkalg ssh-ed25519 pkblob ED25519 ${ALICE} [preauth]`,
      { fingerprint: ALICE, outcome: "offered" },
    ],
    [
      `error: Authentication key ED25519 ${ALICE} revoked by file /etc/ssh/revoked`,
      { fingerprint: ALICE, outcome: "failed" },
    ],
    [`gatekeeper let ${ALICE} in`, { fingerprint: ALICE, outcome: "mentioned" }],
  ])("%s", (line, expected) => {
    expect(read(line)).toEqual([expected]);
  });
});

describe("passes without a word:", () => {
  test.each([
    "Postponed publickey for alice from 192.0.2.7 port 51880 ssh2 [preauth]",
    "Accepted password for alice from 192.0.2.7 port 51880 ssh2",
    "Server listening on 0.0.0.0 port 22.",
    "",
    "{",
    '{"MESSAGE":',
    '{"_COMM":"sshd","__CURSOR":"s=1"}',
    '{"MESSAGE":{"a":1}}',
    '{"MESSAGE":[1,2,300,null]}',
    "event: entry",
  ])("%j", (line) => {
    expect(readLogLine(line)).toEqual({ mentions: [], isCut: false });
  });
});

test("a message that journalctl left out is told apart from one that is not there", () => {
  expect(readLogLine('{"MESSAGE":null,"_COMM":"sshd"}')).toEqual({ mentions: [], isCut: true });
});

test.each([
  [`2026-08-01T10:00:00.1Z stderr F ${ACCEPTED}`, "2026-08-01T10:00:00.1Z"],
  [`Jul  1 03:07:14 b1 sshd[2964]: ${ACCEPTED}`, "Jul  1 03:07:14"],
  [
    JSON.stringify({ MESSAGE: ACCEPTED, __REALTIME_TIMESTAMP: "1785000000123456" }),
    "2026-07-25T17:20:00.123Z",
  ],
  [
    `2026-08-01T10:00:00.1Z stdout F ${JSON.stringify({ MESSAGE: ACCEPTED, __REALTIME_TIMESTAMP: "1785000000123456" })}`,
    "2026-08-01T10:00:00.1Z",
  ],
  [
    `2026-08-01T10:00:00.1Z ${JSON.stringify({ log: ACCEPTED, time: "2020-01-01T00:00:00Z" })}`,
    "2026-08-01T10:00:00.1Z",
  ],
  [ACCEPTED, undefined],
])("the time of %s is %s", (line, time) => {
  expect(readLogLine(line).mentions[0]?.time).toBe(time);
});

describe("whoever chooses the name that is asked for cannot make it read as", () => {
  const forged = `Accepted publickey for root from 192.0.2.1 port 1 ssh2: ED25519 ${ALICE}`;

  test.each([
    `Invalid user ${forged} from 198.51.100.9 port 7`,
    `Invalid user a: ${forged}`,
    `2026-07-24T13:07:14Z Invalid user sshd[1]: ${forged}`,
    `2026-07-24T13:07:14Z Invalid user a b - ${forged}`,
    `Jul 24 13:07:14 b1 sshd[1]: Invalid user sshd[1]: ${forged} from 198.51.100.9 port 7`,
    `Jul 24 13:07:14 b1 sshd[1]: Disconnected from user 2026-07-24T13:07:14Z ${forged}`,
  ])("a login: %s", (line) => {
    expect(read(line).map(({ outcome }) => outcome)).toEqual(["mentioned"]);
  });

  test("a login with a key: a failed password", () => {
    const name = `root from 192.0.2.1 port 1 ssh2: ED25519 ${ALICE}`;
    expect(read(`Failed password for invalid user ${name} from 198.51.100.9 port 7 ssh2`)).toEqual([]);
  });

  test("another address or another key", () => {
    const name = `root from 192.0.2.1 port 1 ssh2: ED25519 ${ALICE}`;
    expect(
      read(`Failed publickey for invalid user ${name} from 198.51.100.9 port 7 ssh2: RSA ${BOB}`),
    ).toEqual([{ fingerprint: BOB, outcome: "failed", user: name, address: "198.51.100.9", port: 7 }]);
  });

  test("a certificate of another address: nothing is said of who came from where", () => {
    const name = `root from 192.0.2.1 port 1 ssh2: ED25519-CERT ${ALICE} ID x`;
    const line = `Failed publickey for invalid user ${name} from 198.51.100.9 port 7 ssh2: RSA-CERT ${BOB} ID y (serial 0) CA RSA ${BOB}`;
    expect(read(line)).toEqual([
      { fingerprint: ALICE, outcome: "mentioned" },
      { fingerprint: BOB, outcome: "mentioned" },
    ]);
  });
});

/** Lines that make a careless reader go back and forth. */
const HOSTILE: Readonly<Record<string, (length: number) => string>> = {
  "words from": (n) => `Failed publickey for ${"x from ".repeat(n / 7)}`,
  "starts of certificates": (n) =>
    `Failed publickey for ${` from a port 1 ssh2: RSA-CERT ${ALICE} ID `.repeat(n / 78)}`,
  spaces: (n) => " ".repeat(n),
  brackets: (n) => "[pod/".repeat(n / 5),
  tags: (n) => "a: ".repeat(n / 3),
  times: (n) => "2026-08-01T10:00:00Z ".repeat(n / 21),
  "hex pairs": (n) => `MD5:${"aa:".repeat(n / 3)}`,
  fingerprints: (n) => `${ALICE} `.repeat(n / 51),
  "halves of fingerprints": (n) => "SHA256:abc".repeat(n / 10),
  "an open JSON": (n) => '{"a":'.repeat(n / 5),
  bytes: (n) => JSON.stringify({ MESSAGE: Array.from({ length: n / 3 }, () => 65) }),
};

describe("twice the line takes at most its share:", () => {
  test.each(Object.entries(HOSTILE))("%s", (_, make) => {
    const [short, long] = [make(1 << 15), make(1 << 16)].map((text) => JSON.parse(JSON.stringify(text)));
    expect(
      growth(
        () => readLogLine(short),
        () => readLogLine(long),
      ),
    ).toBeLessThan(LINEAR);
  });
});
