// The shipped dashboard as Grafana reads it: its panels, its variables, and the queries that it sends.

/** The shipped file. */
export const DASHBOARD: URL = new URL(
  "../../scripts/package/monitoring/exoip-dashboard.json",
  import.meta.url,
);

/** One query of a panel. */
export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
}

/** One panel. */
export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets: readonly Target[];
}

/** A variable that a query to Prometheus fills. */
export interface QueryVariable {
  readonly name: string;
  readonly type: "query";
  readonly query: { readonly query: string };
  readonly includeAll: boolean;
  /** What stands for all values; without it, each value is listed. */
  readonly allValue?: string;
  readonly current: { readonly value: string | readonly string[] };
}

/** The dashboard. */
export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly (QueryVariable | { readonly type: "datasource" })[];
  };
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly expr: string }[];
  };
}

/** Reads the shipped dashboard. */
export function readDashboard(): Dashboard {
  return JSON.parse(Deno.readTextFileSync(DASHBOARD));
}

/** The variables that queries fill, in their order. */
export function queryVariables({ templating }: Dashboard): QueryVariable[] {
  return templating.list.filter((each): each is QueryVariable => each.type === "query");
}

/** Selector and label of `label_values(SELECTOR, LABEL)`. */
export function labelValues({ name, query: { query } }: QueryVariable): [string, string] {
  const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
  if (!selector || !label) {
    throw new Error(`${name}: ${query} is not label_values(SELECTOR, LABEL)`);
  }
  return [selector, label];
}

/** The regular expression that Grafana puts in place of a variable's chosen values. */
export function chosen({ includeAll, allValue, current }: QueryVariable, values: string[]): string {
  const all = includeAll && current.value === "$__all";
  if (all && allValue !== undefined) return allValue;
  const escaped = (all ? values : [current.value].flat())
    .map((value) => value.replace(/[\\^$*+?.()|[\]{}]/g, "\\\\$&"));
  return escaped.length === 1 ? escaped[0] ?? "" : `(${escaped.join("|")})`;
}

/** A query with its variables replaced. Throws for a variable without a value. */
export function interpolate(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced, plain) => {
    const value = values[braced ?? plain];
    if (value === undefined) throw new Error(`${expr}: no variable ${braced ?? plain}`);
    return value;
  });
}
