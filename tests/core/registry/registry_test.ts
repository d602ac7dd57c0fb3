// The registry: every word that the program logs, counts, answers or measures. The compiler rejects an unregistered
// word; this tests what it cannot know.
import { assert, assertEquals } from "@std/assert";
import { ERROR_KINDS } from "../../../src/core/registry/error_kinds.ts";
import { EVENTS } from "../../../src/core/registry/events.ts";
import type { Family } from "../../../src/status/metric_family.ts";
import { METRICS } from "../../../src/core/registry/metric_names.ts";
import { REJECT_REASONS } from "../../../src/core/registry/reject_reasons.ts";
import { ROLE_REASONS } from "../../../src/core/registry/role_reasons.ts";
import { STORE_ERROR_KINDS } from "../../../src/core/registry/store_error_kinds.ts";
import { CloudError } from "../../../src/exoscale/cloud_error.ts";
import { Datagrams } from "../../../src/status/counters.ts";
import type { Log } from "../../../src/world.ts";

const SOURCE = new URL("../../../src/", import.meta.url);

/** Each registry with the file that has it. */
const REGISTRIES: Readonly<Record<string, Readonly<Record<string, { meaning: string }>>>> = {
  "core/registry/events.ts": EVENTS,
  "core/registry/role_reasons.ts": ROLE_REASONS,
  "core/registry/reject_reasons.ts": REJECT_REASONS,
  "core/registry/error_kinds.ts": ERROR_KINDS,
  "core/registry/metric_names.ts": METRICS,
  "core/registry/store_error_kinds.ts": STORE_ERROR_KINDS,
};

/** The text of all sources except those that only register words. */
function sourceText(): string {
  return [...sources("")].filter((path) => !(path in REGISTRIES))
    .map((path) => Deno.readTextFileSync(new URL(path, SOURCE))).join("\n");
}

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, SOURCE))) {
    if (isDirectory) yield* sources(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield `${folder}${name}`;
  }
}

Deno.test("every registered word is one that the program uses", () => {
  const text = sourceText();
  for (const [file, registry] of Object.entries(REGISTRIES)) {
    const unused = Object.keys(registry).filter((word) => !text.includes(`"${word}"`));
    assertEquals(unused, [], `${file} has words that nothing uses`);
  }
});

Deno.test("the events are in alphabetical order", () => {
  assertEquals(Object.keys(EVENTS), Object.keys(EVENTS).toSorted());
});

Deno.test("every registered word is explained in plain sentences", () => {
  for (const [file, registry] of Object.entries(REGISTRIES)) {
    for (const [word, row] of Object.entries(registry)) {
      const { meaning, cure = meaning } = row as { meaning: string; cure?: string };
      for (const text of [meaning, cure]) {
        assert(/^[A-Z-].*[^.]\.$/.test(text), `${file}, ${word}: ${text}`);
      }
    }
  }
});

Deno.test("the compiler refuses a line of the log with a word or a severity that is not registered", () => {
  const lines: string[] = [];
  const log: Log = { write: (...line) => void lines.push(line.join(" ")) };
  log.write("info", "attached", "as it is");
  // @ts-expect-error: no such event
  log.write("info", "no-such-event", "refused");
  // @ts-expect-error: never this severe
  log.write("critical", "attached", "refused");
  assertEquals(lines.length, 3);
});

Deno.test("the compiler refuses a reason, a kind of error and a metric that are not registered", () => {
  const datagrams = new Datagrams();
  datagrams.refuse("192.0.2.1", "length", 0);
  // @ts-expect-error: no such reason
  datagrams.refuse("192.0.2.1", "no-such-reason", 0);
  assertEquals(datagrams.refused.views(0).length, 2);
  // @ts-expect-error: no such kind
  assert(new CloudError("no-such-kind", "refused"));
  // @ts-expect-error: no such metric
  const family: Family = { name: "exoip_no_such_metric", samples: [] };
  assert(family);
});
