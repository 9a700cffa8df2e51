import fengari from "fengari";

const { lua, lauxlib, lualib, to_luastring } = fengari;

/** Runs a Lua script with a global `obj`, and returns these fields of the table that it returns. Throws what Lua throws. */
export function runLua<K extends string>(
  script: string,
  obj: object,
  fields: readonly K[],
): Record<K, string> {
  const state = lauxlib.luaL_newstate();
  lualib.luaL_openlibs(state);
  const failed =
    lauxlib.luaL_dostring(state, to_luastring(`obj = ${literal(obj)}\n${script}`)) !== lua.LUA_OK;
  if (failed) throw new Error(lua.lua_tojsstring(state, -1) ?? "Lua failed");
  const result = {} as Record<K, string>;
  for (const field of fields) {
    lua.lua_getfield(state, -1, to_luastring(field));
    result[field] = lua.lua_tojsstring(state, -1) ?? "nil";
    lua.lua_pop(state, 1);
  }
  return result;
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(literal).join(", ")}}`;
  if (typeof value !== "object" || value === null)
    return JSON.stringify(value ?? null).replace(/^null$/, "nil");
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `[${JSON.stringify(name)}] = ${literal(member)}`).join(", ")}}`;
}
