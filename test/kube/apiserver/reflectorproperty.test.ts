import fc from "fast-check";
import { expect, test } from "vitest";
import { reflectorFixture } from "./reflectorfixture.ts";

const fixture = reflectorFixture();
const { create, update, remove, settled, watching, startWatching } = fixture;

test("a reflector ends with what the server has, and never loses what was never deleted, whatever fails on the way", async () => {
  const names = ["a", "b", "c"];
  const step = fc.oneof(
    fc
      .record({ do: fc.constantFrom(create, update, remove), name: fc.constantFrom(...names) })
      .map(({ do: change, name }) => ({
        show: `${change === create ? "create" : change === update ? "update" : "delete"} ${name}`,
        run: async () => void (await change(name)),
      })),
    fc
      .constantFrom("cut", "end", "silence")
      .map((fault) => ({ show: fault, run: async () => fixture.proxy[fault as "cut"]() })),
    fc
      .constantFrom(
        "{oops\n",
        '{"type":"ADDED","obj',
        '{"type":"RENAMED","object":{}}\n',
        '{"type":"ERROR","object":{"code":410}}\n',
        '{"type":"ERROR","object":{"code":500}}\n',
        '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}}\n',
      )
      .map((text) => ({ show: `inject ${text}`, run: async () => fixture.proxy.inject(text) })),
    fc
      .record({
        to: fc.constantFrom("list", "next page", "watch"),
        status: fc.constantFrom(200, 401, 403, 404, 410, 429, 500, 503),
      })
      .map((refusal) => ({
        show: `refuse ${refusal.to} ${refusal.status}`,
        run: async () => fixture.proxy.refuse(refusal as never),
      })),
    fc.constant({ show: "let a watch run", run: async () => void (await watching()) }),
  );
  const script = fc.array(step, { minLength: 5, maxLength: 25 });
  await create("steady-1");
  await create("steady-2");
  await create("steady-3");
  const { store } = await startWatching({ idleMs: 500, watchTimeoutSeconds: [1, 3] });
  let lost = "";
  store.check = () => {
    const kept = ["steady-1", "steady-2", "steady-3"].every((name) => store.objects.has(name));
    lost ||= kept ? "" : store.calls.slice(-3).join(", ");
  };
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      for (const { run } of steps) {
        await run();
      }
      await settled(store);
      expect(lost).toBe("");
    }),
    { numRuns: 30 },
  );
});
