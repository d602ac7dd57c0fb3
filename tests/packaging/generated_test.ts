// The texts that are generated from the options, read by the programs that they are for.
import { assert, assertEquals } from "@std/assert";
import { completion } from "../../scripts/docs/completions.ts";
import { manPages } from "../../scripts/docs/man.ts";
import { FILE_OPTIONS, keysOf } from "../../src/config/config_file.ts";
import { flagOf, OPTIONS } from "../../src/options/all.ts";
import { inFolder, machineTest, mustRun, put } from "./requirements.ts";

const FLAGS = OPTIONS.map(flagOf);

const PAGES = manPages({ version: "1.2.3", date: "2026-01-31" });

/** The page of that name and chapter. */
function pageOf(wanted: string): string {
  return PAGES.find(({ name, chapter }) => `${name}.${chapter}` === wanted)?.text ?? "";
}

Deno.test("the manual page and each completion have every option", () => {
  const page = pageOf("exoip.8");
  assert(page.startsWith('.TH EXOIP 8 "2026-01-31" "exoip 1.2.3"'));
  for (const option of OPTIONS) {
    const flag = flagOf(option).replaceAll("-", "\\-");
    assert(page.includes(`\n.TP\n\\fB${flag}\\fR`), flag);
    for (const variable of option.variables) assert(page.includes(variable), variable);
  }
  for (const shell of ["bash", "zsh"] as const) {
    for (const flag of FLAGS) {
      assert(new RegExp(`[ '"*]${flag}[ [")]`).test(completion(shell)), `${shell} ${flag}`);
    }
  }
  for (const flag of FLAGS) {
    const name = flag.replace(/^-+/, "");
    assert(new RegExp(` -[los] ${name} `).test(completion("fish")), `fish ${flag}`);
  }
});

Deno.test("the manual page of the configuration file has every key", () => {
  const page = pageOf("exoip.toml.5");
  for (const option of FILE_OPTIONS) {
    const [name = "", alias] = keysOf(option);
    assert(page.includes(`\n.TP\n\\fB${(alias ?? name).replaceAll("-", "\\-")}\\fR`), name);
    if (alias !== undefined) assert(page.includes(`\nSecond name: ${name}.\n`), alias);
  }
  assert(!page.includes("env\\-file\\fR\n"), "a file of variables is named elsewhere");
});

machineTest(
  "the manual pages are good roff, and show what their sources have",
  { tools: ["groff (groff)", "man (man-db)"] },
  () =>
    inFolder(async (folder) => {
      const shown: Record<string, string> = {};
      for (const { name, chapter, text } of PAGES) {
        const path = `${folder}/${name}.${chapter}`;
        await put(path, text);
        assertEquals(await mustRun(["groff", "-man", "-Tutf8", "-ww", "-z", path]), "", path);
        const env = { MANWIDTH: "200", MAN_KEEP_FORMATTING: "" };
        const { stdout, stderr } = await new Deno.Command("man", {
          args: ["--warnings", "-l", path],
          env,
        }).output();
        assertEquals(new TextDecoder().decode(stderr), "", path);
        shown[`${name}.${chapter}`] = new TextDecoder().decode(stdout);
      }
      for (const flag of FLAGS) assert(shown["exoip.8"]?.includes(`  ${flag}`), flag);
      for (const word of ["SIGUSR1, SIGUSR2", "EXIT STATUS", "two dashes: -xi 1.2.3.4"]) {
        assert(shown["exoip.8"]?.includes(word), word);
      }
      assert(shown["exoip.toml.5"]?.includes('interval = 0.2 # seconds, or "200ms"'));
      assert(
        /^ +hold-off\n +The time that a node waits/m.test(shown["exoip.7"] ?? ""),
        shown["exoip.7"],
      );
    }),
);

/** Questions to each shell, with `exoip` and its completion available: words on the line, and the required offers. */
const QUESTIONS: ReadonlyArray<readonly [words: string, offers: readonly string[]]> = [
  ["--ap", ["--api", "--api-environment", "--api-secret-file"]],
  ["--heartbeat-format ", ["extended", "original"]],
  ["--heartbeat-format o", ["original"]],
  ["-W --pid-file /etc/host", ["/etc/hostname", "/etc/hosts"]],
  ["-W --config /etc/host", ["/etc/hostname", "/etc/hosts"]],
  ["--log-level w", ["warning"]],
  ["-xi 1", []],
];

/** Prints what the shell offers, one word a line. */
const ASK: Readonly<Record<"bash" | "fish", string>> = {
  bash: `source "$1"
    read -ra words <<<"exoip $2"
    [[ $2 == *' ' ]] && words+=("")
    COMP_WORDS=("\${words[@]}") COMP_CWORD=$((\${#words[@]} - 1))
    _exoip
    printf '%s\\n' "\${COMPREPLY[@]}"`,
  fish: `source $argv[1]; complete -C "exoip $argv[2]" | string split -f 1 \\t; true`,
};

for (const shell of ["bash", "fish"] as const) {
  machineTest(`${shell} completes options, their words, and files`, {
    tools: [`${shell} (${shell})`],
  }, () =>
    inFolder(async (folder) => {
      await put(`${folder}/completion`, completion(shell));
      // fish has no optional values.
      const own = shell === "bash" ? [["-h he", ["health"]] as const] : [];
      for (const [words, offers] of [...QUESTIONS, ...own]) {
        const dashes = shell === "bash" ? ["-"] : [];
        const ask = [shell, "-c", ASK[shell], ...dashes, `${folder}/completion`, words];
        const said = await mustRun(ask, { env: { HOME: folder } });
        const found = said.split("\n").filter(Boolean).sort();
        for (const offer of offers) assert(found.includes(offer), `${words}: ${found}`);
        if (!words.includes("/")) assertEquals(found, [...offers].sort(), words);
      }
    }));
}

machineTest(
  "zsh takes the completion for well-formed",
  { tools: ["zsh (zsh)"] },
  () =>
    inFolder(async (folder) => {
      await put(`${folder}/_exoip`, completion("zsh"));
      await mustRun(["zsh", "-n", `${folder}/_exoip`]);
      // zsh's argument parser reads every line of the table, and reports a mistake as an error.
      const parse = "autoload -Uz compinit; compinit -u -D; zmodload zsh/computil; " +
        "_arguments() { comparguments -i '' -s : \"$@\" 2>&1 | grep -v 'can only be called' }; " +
        `source ${folder}/_exoip`;
      assertEquals(await mustRun(["zsh", "-fc", `${parse}; true`], { env: { HOME: folder } }), "");
    }),
);
