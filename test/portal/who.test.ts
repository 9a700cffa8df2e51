import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fingerprintMD5, fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { grant, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let tenant: Tenant;
let portal: PeoplePortal;

const KEY = freshKey();
const STRANGE = freshKey();

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await grant(cluster, tenant.namespace, "viewer", "list");
  portal = await startPeoplePortal(cluster, tenant);
  await tenant.create("bobs", { user: "bob", key: KEY, title: "Bob's laptop" });
  await eventually(
    "the portal has seen it",
    async () => (await portal.as("bob", "GET", "/keys/bobs")).status === 200,
  );
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

function blobOf(key: string): Buffer {
  const parsed = parsePublicKey(key);
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  return parsed.value.blob;
}

const [SHA256, MD5] = [fingerprintSHA256(blobOf(KEY)), fingerprintMD5(blobOf(KEY))];

/** As an operator would say: none runs here. */
function inForce(): object {
  const lastTransitionTime = new Date().toISOString();
  const ready = { type: "Ready", status: "True", reason: "Projected", message: "in", lastTransitionTime };
  return { observedGeneration: 1, conditions: [ready] };
}

/** What stands beside each line that was sent, without tags. */
async function answered(text: string): Promise<readonly string[]> {
  const page = await (await portal.submit("viewer", "/who", { text })).text();
  const rows = page.split("<tr>\n").slice(1);
  return rows.map((row) =>
    (row.split("<td")[1] ?? "")
      .replaceAll(/^[^>]*>|<[^>]*>/g, " ")
      .replaceAll(/\s+/g, " ")
      .trim(),
  );
}

describe("who is it", () => {
  test.each([
    ["a SHA256 fingerprint", SHA256],
    ["an MD5 fingerprint", `MD5:${MD5}`],
    ["an MD5 fingerprint as old tools print it", MD5.toUpperCase()],
    ["a line of ssh-keygen -l", `256 ${SHA256} bob@laptop (ED25519)`],
    ["the key", `${KEY} whatever`],
    ["the key with options", `from="192.0.2.1" ${KEY}`],
  ])("by %s", async (_what, text) => {
    expect(await answered(text)).toEqual([expect.stringMatching(/^bob , Bob&#39;s laptop , Pending /)]);
  });

  test("each line of a log is answered: logins, keys of nobody, and lines without a key", async () => {
    const strange = fingerprintSHA256(blobOf(STRANGE));
    const log = [
      `Nov 28 03:00:00 host sshd[42]: Accepted publickey for root from 192.0.2.7 port 5188 ssh2: ED25519 ${SHA256}`,
      "",
      `Nov 28 03:00:01 host sshd[42]: Failed publickey for eve from 192.0.2.8 port 5189 ssh2: ED25519 ${strange}`,
      "Nov 28 03:00:02 host sshd[42]: Accepted password for bob from 192.0.2.9 port 5190 ssh2",
    ];
    const answers = await answered(log.join("\r\n"));
    expect(answers).toHaveLength(3);
    expect(answers[0]).toMatch(/^bob , .* Logged in as root from 192\.0\.2\.7$/);
    expect(answers[1]).toMatch(/^Nobody here has this key .* Was refused as eve from 192\.0\.2\.8$/);
    expect(answers[2]).toBe("This line names no key.");
  });

  test("all who have the key are named, and nobody of another namespace", async () => {
    const key = freshKey();
    const elsewhere = new Tenant(cluster, await cluster.namespace());
    await elsewhere.create("foreign", { user: "mallory", key });
    for (const user of ["one", "two"]) await tenant.create(`${user}-key`, { user, key });
    await eventually("the portal has seen both", async () => {
      const [answer = ""] = await answered(key);
      return answer.includes("one-key") && answer.includes("two-key");
    });
    for (const asked of [key, fingerprintMD5(blobOf(key))])
      expect((await answered(asked))[0]).not.toMatch(/mallory|foreign/);
  });

  test("a link names the key in its address", async () => {
    const answer = await portal.as("viewer", "GET", `/who?${new URLSearchParams({ key: SHA256 })}`);
    expect(await answer.text()).toContain('<a href="/people/bob/bobs">');
  });

  test("five hundred lines are answered, and it is said how many are left", async () => {
    const text = Array.from({ length: 501 }, (_, nth) => `MD5:${nth}`).join("\n");
    const page = await (await portal.submit("viewer", "/who", { text })).text();
    expect(page.match(/<tr>\n/g)).toHaveLength(500);
    expect(page).toContain("Not looked at: 1 further line.");
  });
});

describe("what is worth an attack", () => {
  test("who may not list gets no answer", async () => {
    expect((await portal.submit("bob", "/who", { text: SHA256 })).status).toBe(403);
  });

  test("a login that is called as HTML is text", async () => {
    const [answer] = await answered(
      `Accepted publickey for <script>x</script> from 192.0.2.7 port 1 ssh2: ED25519 ${SHA256}`,
    );
    expect(answer).toContain("as &lt;script&gt;x&lt;/script&gt; from");
  });

  test("a login that looks like another's key and address does not count", async () => {
    const strange = fingerprintSHA256(blobOf(STRANGE));
    const user = `bob from 192.0.2.1 port 22 ssh2: ED25519 ${SHA256}`;
    const [answer] = await answered(
      `Accepted publickey for ${user} from 198.51.100.9 port 1 ssh2: ED25519 ${strange}`,
    );
    expect(answer).toMatch(/^Nobody here has this key .* from 198\.51\.100\.9$/);
  });

  test("a key that somebody gave to many SSHKeys makes no answer endless, and who has it in force is named first", async () => {
    const key = freshKey();
    await tenant.create("real", { user: "bob", key });
    const names = Array.from({ length: 40 }, (_, nth) => `copy-${nth}`);
    await Promise.all(names.map((name) => tenant.create(name, { user: "mallory", key })));
    await tenant.editStatus("real", inForce());
    const [first = ""] = await eventually("the portal has seen them", async () => {
      const answers = await answered(key);
      return answers[0]?.includes("and 31 more with this key") ? answers : undefined;
    });
    expect(first).toMatch(/^bob , real , Projected /);
    const log = Array.from({ length: 500 }, () => fingerprintSHA256(blobOf(key))).join("\n");
    const page = await (await portal.submit("viewer", "/who", { text: log })).text();
    expect(page.match(/href="\/people\/(?:bob|mallory)"/g)).toHaveLength(5000);
  });

  test("a private key is in neither the answer nor the log", async () => {
    const secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ";
    const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}\n-----END OPENSSH PRIVATE KEY-----`;
    const answer = await portal.submit("viewer", "/who", { text });
    const page = await answer.text();
    expect([answer.status, page.includes("This is a private key")]).toEqual([422, true]);
    expect(page + (await portal.log())).not.toContain(secret);
  });

  test("the largest text that is taken is answered in time", async () => {
    const line = `256 ${"x".repeat(490)} (A)`;
    const text = Array.from({ length: 500 }, () => line).join("\n");
    const since = performance.now();
    expect((await portal.submit("viewer", "/who", { text })).status).toBe(200);
    expect(performance.now() - since).toBeLessThan(5000);
  });
});
