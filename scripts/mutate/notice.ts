// Which tests should notice a change in a file: those that import it, directly or through files of its own layer (such
// as src/core) and of tests/. Tests that reach it only through the rest of the program test other things, and most of
// them wait.

/** Tests that run together, and how. */
export interface Stage {
  readonly name: string;
  readonly files: readonly string[];
  /** Only tests with this in their name; all if null. */
  readonly filter: string | null;
}

/** Folders of tests that start processes, servers or networks; files that wait for real time, or read the source. */
const LEFT_OUT = [
  /^tests\/(e2e|netns|world|image|install|packaging|page|monitoring|doctor|transport|tls)\//,
  /^tests\/(commands|fuzz|scripts|startup|support)\/|^tests\/slow\/mutants/,
  /^tests\/exoscale\/(?!attempts|endpoint|error_response|peer_source|rate_limiter|signature|single_flight)/,
  /^tests\/(config\/elastic_ips|host\/command|layers|project|status\/status)_test\.ts$/,
  /^tests\/watch\/(flood|notify_command|quiet_run|watchdog)_test\.ts$/,
];
const SCENARIOS = "tests/simulation/scenarios_test.ts";
const SIMULATION = "tests/simulation/simulation_test.ts";
/** The seeded stories; the other tests of that file test the checkers. */
const STORIES = "the rules are kept";

/** The imports between the tree's files, without type-only imports. */
export class Imports {
  readonly #of = new Map<string, readonly string[]>();

  constructor(root: string, paths: readonly string[]) {
    for (const path of paths.filter((path) => path.endsWith(".ts"))) {
      this.#of.set(path, importsOf(path, Deno.readTextFileSync(`${root}/${path}`)));
    }
  }

  /** The stages for a change in that file, fastest first. */
  stagesFor(file: string): Stage[] {
    const tests = [...this.#of.keys()].filter((path) =>
      /^tests\/.*_test\.ts$/.test(path) && !LEFT_OUT.some((each) => each.test(path))
    ).sort();
    const reaching = tests.filter((test) => this.#reaches(test, file));
    const units = reaching.filter((test) => test !== SCENARIOS && test !== SIMULATION);
    const near = units.filter((test) => this.#of.get(test)?.includes(file));
    const stages: Stage[] = [
      { name: "its own tests", files: near, filter: null },
      { name: "scenarios", files: reaching.filter((test) => test === SCENARIOS), filter: null },
      { name: "other tests", files: units.filter((test) => !near.includes(test)), filter: null },
      {
        name: "simulation",
        files: reaching.filter((test) => test === SIMULATION),
        filter: STORIES,
      },
    ];
    return stages.filter(({ files }) => files.length > 0);
  }

  #reaches(test: string, file: string): boolean {
    const floor = file.split("/", 2).join("/") + "/";
    const seen = new Set<string>();
    const search = (path: string): boolean => {
      if (path === file) return true;
      if (seen.has(path) || !(path.startsWith("tests/") || path.startsWith(floor))) return false;
      seen.add(path);
      return (this.#of.get(path) ?? []).some(search);
    };
    return search(test);
  }
}

/** Files of the tree that a source imports at run time; type-only imports do not count. */
export function importsOf(path: string, source: string): string[] {
  const found = source.matchAll(/^(?:import|export)\s([^;"']*?)from\s+"(\.[^"]+)";/gm);
  return [...found].flatMap(([, names = "", target = ""]) =>
    /^type\s/.test(names) || /^\{(\s*type\s[^,}]*,?)+\s*\}/.test(names)
      ? []
      : new URL(target, `file:///${path}`).pathname.slice(1)
  );
}
