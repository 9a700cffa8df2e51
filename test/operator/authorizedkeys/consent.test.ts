import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";
import { annotate, Bastion, share } from "./bastion.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(() => stage.close());

describe("a bastion that takes the keys of another namespace", () => {
  const key = freshKey();
  let people: Tenant;
  let bastion: Bastion;

  beforeEach(async () => {
    people = await stage.tenant();
    bastion = new Bastion(await stage.tenant());
    await people.create("laptop", { user: "alice", key });
  });

  test("gets none before that namespace says so, and says whom to ask", async () => {
    await bastion.create("gate", { from: [{ namespace: people.namespace }] });
    const status = await bastion.until("gate", "Projected");
    expect(status.omitted).toMatchObject([{ namespace: people.namespace, reason: "NotShared" }]);
    expect(status.omitted?.[0]?.message).toContain(
      `add ${bastion.tenant.namespace} to the annotation sshkey-operator.dev/share-keys-with of Namespace ${people.namespace}`,
    );
    await bastion.untilFiles("gate", {});
  });

  test("reads the same of a namespace that does not exist", async () => {
    await bastion.create("gate", { from: [{ namespace: "nowhere-at-all" }] });
    const { omitted = [] } = await bastion.until("gate", "Projected");
    expect(omitted[0]?.message.replaceAll("nowhere-at-all", people.namespace)).toBe(
      await messageOf(bastion, people),
    );
  });

  test("gets them by consent, and loses them when that is withdrawn, within two seconds", async () => {
    await share(people, bastion.tenant.namespace);
    await bastion.create("gate", { from: [{ namespace: people.namespace }] });
    await bastion.untilFiles("gate", { alice: [people.line("laptop", key)] });
    const started = performance.now();
    await share(people, undefined);
    await bastion.untilFiles("gate", { alice: [] });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test.each([
    ["a pattern that matches the whole name", (name: string) => `${name.slice(0, -1)}*`, true],
    ["a pattern that matches a part of it", (name: string) => name.slice(1, 4).concat("*"), false],
    ["the beginning of its name", (name: string) => name.slice(0, -1), false],
    ["nothing but a comma", () => ",", false],
    ["everyone, beside what is no name", () => "^team-.*$, *", true],
  ])("with %s: %s", async (_, text, isShared) => {
    await share(people, text(bastion.tenant.namespace));
    await bastion.create("gate", { from: [{ namespace: people.namespace }] });
    await bastion.until("gate", "Projected");
    await bastion.untilFiles("gate", isShared ? { alice: [people.line("laptop", key)] } : {});
  });

  test("is told of parts that can match no namespace by an Event of the Namespace", async () => {
    await share(people, "^team-.*$, bastion");
    const told = await eventually("there is an Event", async () => {
      const { items } = (await people.send("GET", "/apis/events.k8s.io/v1/namespaces/default/events")) as {
        items: { regarding: { name: string }; reason: string; note: string }[];
      };
      return items.find(({ regarding }) => regarding.name === people.namespace);
    });
    expect([told.reason, told.note]).toEqual(["ConsentMalformed", expect.stringContaining('"^team-.*$"')]);
  });

  test("is not moved by an annotation of another name, nor by one on an SSHKey", async () => {
    await annotate(people, { "sshkey-operator.dev/share-key-with": "*" });
    await people.label("laptop", { "sshkey-operator.dev/share-keys-with": "all" });
    await bastion.create("gate", { from: [{ namespace: people.namespace }] });
    await bastion.until("gate", "Projected");
    await bastion.untilFiles("gate", {});
  });

  test("loses them when the whole namespace goes", async () => {
    await share(people, "*");
    await bastion.create("gate", { from: [{ namespace: people.namespace }] });
    await bastion.untilFiles("gate", { alice: [people.line("laptop", key)] });
    await people.send("DELETE", `/api/v1/namespaces/${people.namespace}`);
    await people.remove("laptop");
    await bastion.untilFiles("gate", { alice: [] });
  });
});

async function messageOf(bastion: Bastion, of: Tenant): Promise<string | undefined> {
  await bastion.create("other", { from: [{ namespace: of.namespace }] });
  return (await bastion.until("other", "Projected")).omitted?.[0]?.message;
}
