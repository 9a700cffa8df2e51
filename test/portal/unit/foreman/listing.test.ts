import { expect, test } from "vitest";
import { BadPage, type ListQuery, listing } from "../../../../src/portal/foreman/listing.ts";

const RECORDS = [1, 2, 3, 4, 5].map((id) => ({ id, name: `key ${id}` }));

function listed(query: Partial<ListQuery>, mayAskForAll = true) {
  const nothing = { search: undefined, order: undefined, page: undefined, per_page: undefined };
  return listing(
    RECORDS,
    { ...nothing, root_name: undefined, include_permissions: false, ...query },
    {
      fields: { name: "text", id: "integer" },
      searchable: (record) => record,
      mayAskForAll,
      permissions: query.include_permissions ? { can_create: true, can_edit: false } : undefined,
    },
  ) as unknown as Record<string, unknown>;
}

test("total is of all, subtotal of what the search finds", () => {
  expect(listed({ search: "id > 3" })).toMatchObject({ total: 5, subtotal: 2, search: "id > 3" });
});

test.each<[string, Partial<ListQuery>, object]>([
  ["a page beyond the end is empty", { page: "9" }, { page: 9, results: [] }],
  ["per_page=0 gives nothing", { per_page: "0" }, { per_page: 0, results: [] }],
  ["per_page=abc gives nothing", { per_page: "abc" }, { per_page: 0, results: [] }],
  ["an empty per_page gives nothing, and says 20", { per_page: "" }, { per_page: 20, results: [] }],
  ["apypie's page of all", { per_page: "4294967296" }, { per_page: 4294967296, results: RECORDS }],
  [
    "all is as many as there are",
    { per_page: "all", search: "id=1" },
    { per_page: 5, results: [RECORDS[0]] },
  ],
  ["a blank search is echoed", { search: "" }, { search: "", subtotal: 5 }],
  ["the case of an order is kept", { order: "id dEsC" }, { sort: { by: "id", order: "dEsC" } }],
  ["an order without a direction rises", { order: "id" }, { sort: { by: "id", order: "ASC" } }],
  ["another name of the results", { root_name: "keys" }, { keys: RECORDS }],
  ["what the caller may do", { include_permissions: true }, { can_create: true, can_edit: false }],
])("%s", (_what, query, expected) => {
  expect(listed(query)).toMatchObject(expected);
});

test("what the caller may do stands where Foreman has it, before the order", () => {
  expect(Object.keys(listed({ include_permissions: true }))).toEqual([
    ...["total", "subtotal", "page", "per_page", "search", "can_create", "can_edit", "sort", "results"],
  ]);
});

test.each([
  [{ order: "id up" }, { by: "id", order: "up" }],
  [{ order: " " }, { by: null, order: null }],
  [{}, { by: null, order: null }],
])("the order of %j is said to be %j", (query, sort) => {
  expect(listed(query)).toMatchObject({ sort, results: RECORDS });
});

test("desc in any case turns the order", () => {
  expect(listed({ order: "id dEsC" }).results).toEqual(RECORDS.toReversed());
});

test("all is no number to Foreman 1.19", () => {
  expect(listed({ per_page: "all" }, false)).toMatchObject({ per_page: 0, results: [] });
});

test.each([
  [{ page: "0" }, "invalid page: 0"],
  [{ page: "abc" }, 'invalid value for Integer(): "abc"'],
  [{ page: "" }, 'invalid value for Integer(): ""'],
  [{ page: "-1" }, "invalid page: -1"],
  [{ per_page: "-1" }, "per_page must not be negative: -1"],
  [{ per_page: "9".repeat(400) }, "per_page is too large: use a smaller number"],
])("%j is told", (query, message) => {
  expect(() => listed(query)).toThrow(new BadPage(message));
});
