import { describe, expect, it, vi } from "vitest";
import { refusal, until } from "./fakes.ts";
import { converged, isStatusWrite, LAPTOP, Stand } from "./stand.ts";

const MIB = 2 ** 20;

describe("a status", () => {
  it("that is stale is tried again, though nothing new is shown", async () => {
    const stand = await converged();
    let stale = 1;
    stand.fault = (call) => (isStatusWrite(call) && stale-- > 0 ? refusal(409, "Conflict") : undefined);
    stand.show({ ...LAPTOP, disabled: true, generation: 2, resourceVersion: 1000 });
    await until("it is written", () => stand.said("StateChanged").length === 2);
    expect(stand.calls.filter(isStatusWrite)).toHaveLength(3);
  });

  it("of an SSHKey that is gone is not tried again", async () => {
    const stand = await converged({
      fault: (call) => (isStatusWrite(call) ? refusal(404, "NotFound") : undefined),
    });
    expect([stand.controller.statuses.attempts("team-a/laptop"), stand.said("ReconcileFailed")]).toEqual([
      0,
      [],
    ]);
  });

  it("that meets an unexpected error logs it under err and comes again", async () => {
    let first = true;
    const stand = await converged({
      fault: (call) => {
        if (!isStatusWrite(call) || !first) return undefined;
        first = false;
        return new TypeError("a defect");
      },
    });
    await until("it is written", () => stand.said("StateChanged").length === 1);
    expect(stand.said("UnexpectedError")).toMatchObject([
      { sshKey: "team-a/laptop", err: { type: "TypeError", message: "a defect" } },
    ]);
  });

  it("whose decision fails logs that under err and comes again", async () => {
    const stand = new Stand();
    vi.spyOn(stand.projection, "lastVerdict").mockImplementationOnce(() => {
      throw new TypeError("a defect");
    });
    stand.start().show(LAPTOP);
    await until("it is written", () => stand.said("StateChanged").length === 1);
    expect(stand.said("UnexpectedError")).toMatchObject([
      { sshKey: "team-a/laptop", err: { type: "TypeError", message: "a defect" } },
    ]);
  });

  it("waits when its namespace has written too many bytes, and no other namespace's does", async () => {
    const stand = new Stand().start();
    stand.show(
      { name: "a1", bytes: 100 * MIB, user: "a1", key: 1 },
      { name: "a2", bytes: 100 * MIB, user: "a2", key: 2 },
    );
    await until("both Secrets are written", () => stand.server.all().length === 2);
    await stand.rest();
    stand.show({ name: "b", namespace: "team-b", bytes: 100 * MIB });
    const namespaces = () => stand.calls.filter(isStatusWrite).map(({ path }) => path.split("/")[5]);
    await until("the other namespace's is written", () => namespaces().includes("team-b"));
    await stand.rest();
    expect(namespaces()).toEqual(["team-a", "team-b"]);
  });

  it("of an SSHKey that is deleted before it has a verdict is not measured", async () => {
    const stand = new Stand({ isSynced: false }).start();
    stand.metrics.changeObserved("team-a/laptop");
    stand.show(LAPTOP);
    await stand.rest();
    stand.delete("laptop");
    stand.controller.statuses.add("team-a/laptop");
    await stand.rest();
    stand.metrics.statusUpToDate("team-a/laptop");
    expect(await stand.metrics.registry.metrics()).toContain(
      "sshkey_operator_projection_duration_seconds_count 0",
    );
  });

  it("is measured from the change that was seen to the acknowledged write", async () => {
    const stand = new Stand().start();
    stand.metrics.changeObserved("team-a/laptop");
    stand.show(LAPTOP);
    await until("it is written", () => stand.said("StateChanged").length === 1);
    expect(await stand.metrics.registry.metrics()).toContain(
      "sshkey_operator_projection_duration_seconds_count 1",
    );
  });
});
