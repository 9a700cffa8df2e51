const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The milliseconds that `500ms`, `90s`, `10m`, `24h` or `365d` stands for; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9})(ms|[smhd])$/.exec(text) ?? [];
  const length = UNITS[unit ?? ""];
  return digits === undefined || length === undefined ? undefined : Number(digits) * length;
}
