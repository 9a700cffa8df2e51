/** The parts of fengari, Lua 5.3 in JavaScript, that are used here; it ships no types. */
declare module "fengari" {
  const fengari: {
    readonly lua: {
      readonly LUA_OK: number;
      lua_getfield(state: object, index: number, name: Uint8Array): number;
      lua_tojsstring(state: object, index: number): string | null;
      lua_pop(state: object, count: number): void;
    };
    readonly lauxlib: {
      luaL_newstate(): object;
      luaL_dostring(state: object, code: Uint8Array): number;
    };
    readonly lualib: { luaL_openlibs(state: object): void };
    to_luastring(text: string): Uint8Array;
  };
  export default fengari;
}
