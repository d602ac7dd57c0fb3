// What is generated from the table of options, read by the programs that it is for.
import { assert, assertEquals } from "@std/assert";
import { completion } from "../../scripts/docs/completions.ts";
import { manPage } from "../../scripts/docs/man.ts";
import { flagOf, OPTIONS } from "../../src/options/all.ts";
import { inFolder, machineTest, mustRun, put } from "./requirements.ts";

const FLAGS = OPTIONS.map(flagOf);

Deno.test("the manual page and each completion have every option", () => {
  const page = manPage({ version: "1.2.3", date: "2026-01-31" });
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

machineTest(
  "the manual page is good roff",
  { tools: ["groff (groff)", "man (man-db)"] },
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/exoip.8`;
      await put(path, manPage({ version: "1.2.3", date: "2026-01-31" }));
      assertEquals(await mustRun(["groff", "-man", "-Tutf8", "-ww", "-z", path]), "");
      const text = await mustRun(["man", "-l", path], {
        env: { MANWIDTH: "200", MAN_KEEP_FORMATTING: "" },
      });
      for (const flag of FLAGS) assert(text.includes(`  ${flag}`), flag);
    }),
);

/** What each shell is asked, with `exoip` and its completion at hand: words on the line, what it must offer. */
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
      for (const [words, offers] of QUESTIONS) {
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
      // Its argument parser reads every line of the table; a mistake in one is an error.
      const parse = "autoload -Uz compinit; compinit -u -D; zmodload zsh/computil; " +
        "_arguments() { comparguments -i '' -s : \"$@\" 2>&1 | grep -v 'can only be called' }; " +
        `source ${folder}/_exoip`;
      assertEquals(await mustRun(["zsh", "-fc", `${parse}; true`], { env: { HOME: folder } }), "");
    }),
);
