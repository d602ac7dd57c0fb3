// How a user writes a time.

/** Milliseconds of `1`, `0.2`, `200ms`, `1s`, `2m`, `1h`; null for anything else. */
export function parseDuration(text: string): number | null {
  const match = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(ms|s|m|min|h|d)?$/.exec(text);
  const units: Record<string, number> = {
    ms: 1,
    s: 1e3,
    m: 60e3,
    min: 60e3,
    h: 3600e3,
    d: 86400e3,
  };
  return match ? Number(match[1]) * (units[match[2] ?? "s"] ?? 1) : null;
}
