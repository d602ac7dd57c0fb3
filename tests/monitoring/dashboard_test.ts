// The shipped dashboard by itself: what dashboard-linter says, and the rules that hold without it.
import { assert, assertEquals } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import {
  chosen,
  DASHBOARD,
  interpolate,
  labelValues,
  queryVariables,
  readDashboard,
} from "./dashboard.ts";

/** Runs Grafana's linter on a file, without excluding any rule; null when it is not installed. */
function lint(path: string): { code: number; output: string } | null {
  try {
    const args = ["lint", "--strict", path];
    const { code, stdout, stderr } = new Deno.Command("dashboard-linter", { args }).outputSync();
    const decoder = new TextDecoder();
    return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch {
    return null;
  }
}

const missing = lint("/dev/null") ? null : "dashboard-linter is not installed";

skippableTest("dashboard-linter accepts the dashboard, with every rule", missing, async () => {
  assertEquals(lint(DASHBOARD.pathname)?.code, 0, lint(DASHBOARD.pathname)?.output);
  const folder = await Deno.makeTempDir({ prefix: "exoip-dashboard-" });
  try {
    const text = await Deno.readTextFile(DASHBOARD);
    const broken = text.replace('exoip_priority{job=~\\"$job\\", ', "exoip_priority{");
    assert(broken !== text);
    await Deno.writeTextFile(`${folder}/broken.json`, broken);
    const said = lint(`${folder}/broken.json`);
    assert(said?.code !== 0 && /panel 'Priority'.*job selector/.test(said?.output ?? ""));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("every selector of the dashboard is about the chosen job and instances", () => {
  const { panels, annotations } = readDashboard();
  const exprs = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  for (const expr of [...exprs, ...annotations.list.map(({ expr }) => expr)]) {
    const metrics = [...expr.matchAll(/\b(?:exoip_\w+|up)\b/g)];
    const selectors = [...expr.matchAll(/\{job=~"\$job", instance=~"\$instance"[,}]/g)];
    assert(metrics.length > 0 && metrics.length === selectors.length, expr);
  }
});

Deno.test("the dashboard's variables depend only on earlier ones, and can be filled", () => {
  const values: Record<string, string> = {};
  const variables = queryVariables(readDashboard());
  for (const variable of variables) {
    const [selector] = labelValues(variable);
    assert(!interpolate(selector, values).includes("$"), selector);
    values[variable.name] = chosen(variable, ["one.example", "two"]);
  }
  // All jobs would count the targets of other jobs as watchdogs, so the job has a value of its own.
  assertEquals(values, { job: "exoip", instance: ".+", address: "(one\\\\.example|two)" });
});
