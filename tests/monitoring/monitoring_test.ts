// The shipped alert rules and dashboard: valid, correct, and only about existing metrics.
import { assert, assertEquals } from "@std/assert";
import { METRICS } from "../../src/core/registry/metric_names.ts";
import { promtool, promtoolMissing } from "../support/promtool.ts";
import { skippableTest } from "../support/skippable.ts";
import { DASHBOARD, readDashboard } from "./dashboard.ts";

const FOLDER = new URL("../../scripts/package/monitoring/", import.meta.url);
const RULES = new URL("exoip-rules.yml", FOLDER);
const RULES_TEST = new URL("rules_test.yml", import.meta.url);

skippableTest("promtool accepts the alert rules", promtoolMissing(), async () => {
  const { code, output } = await promtool(["check", "rules", RULES.pathname]);
  assertEquals(code, 0, output);
  assert(/SUCCESS: \d+ rules found/.test(output) && !/warn/i.test(output), output);
});

skippableTest(
  "the alert rules fire when they should, and only then",
  promtoolMissing(),
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "exoip-rules-" });
    try {
      const path = `${folder}/rules_test.yml`;
      const text = await Deno.readTextFile(RULES_TEST);
      await Deno.writeTextFile(path, text.replaceAll("{{RULES}}", RULES.pathname));
      const { code, output } = await promtool(["test", "rules", path]);
      assertEquals(code, 0, output);
      // A rule that never fires fails its tests.
      const broken = (await Deno.readTextFile(RULES)).replaceAll("== 0", "== 99");
      await Deno.writeTextFile(`${folder}/rules.yml`, broken);
      await Deno.writeTextFile(path, text.replaceAll("{{RULES}}", `${folder}/rules.yml`));
      assert((await promtool(["test", "rules", path])).code !== 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("every alert rule has a test in which it fires, and one in which it does not", () => {
  const text = Deno.readTextFileSync(RULES_TEST);
  const alerts = [...Deno.readTextFileSync(RULES).matchAll(/- alert: (\w+)/g)];
  assert(alerts.length > 5);
  for (const [, name] of alerts) {
    assert(text.includes(`alertname: ${name}, exp_alerts: []`), `${name} is not quiet`);
    assert(new RegExp(`alertname: ${name}\\n\\s+exp_alerts:\\n`).test(text), `${name} never fires`);
  }
});

Deno.test("every metric that rules and dashboard name is one that there is", () => {
  const known = new Set(Object.keys(METRICS));
  for (const path of [RULES, DASHBOARD]) {
    const text = Deno.readTextFileSync(path);
    const named = new Set([...text.matchAll(/\bexoip_[a-z_]+/g)].map(([name]) => name));
    assert(named.size > 8, `${path}`);
    assertEquals([...named].filter((name) => !known.has(name)), [], `${path}`);
  }
});

Deno.test("the dashboard's panels have their own ids and places, and each asks something", () => {
  const { panels } = readDashboard();
  assertEquals(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h }, targets } of panels) {
    assert(x + w <= 24 && targets.length > 0 && targets.every(({ expr }) => expr), title);
    for (let column = x; column < x + w; column++) {
      for (let row = y; row < y + h; row++) {
        assert(!taken.has(`${column} ${row}`), `${title} lies on another one`);
        taken.add(`${column} ${row}`);
      }
    }
  }
});
