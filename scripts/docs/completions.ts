// Shell completions from the option declarations; scripts/package installs them where each shell looks.
import { flagOf, type Option, OPTIONS } from "../../src/options/all.ts";
import { GROUPS } from "../../src/options/option.ts";

/** Supported shells. */
export type Shell = "bash" | "zsh" | "fish";

/** The completion script for that shell. */
export function completion(shell: Shell): string {
  return { bash, zsh, fish }[shell]();
}

/** What may follow an option: nothing, one of some words, a file, or free text. */
function wanted({ kind, value, name }: Option): "nothing" | "file" | "text" | readonly string[] {
  if (name === "h") return [...Object.keys(GROUPS), "all"];
  if (kind === "switch") return "nothing";
  if (value === "FILE") return "file";
  return /^[a-z]\w*(\|\w+)+$/.test(value) ? value.split("|") : "text";
}

/** Both ways to write the flag, ours first. */
function spellings(option: Option): string[] {
  const flag = flagOf(option);
  return [flag, flag.startsWith("--") ? flag.slice(1) : `-${flag}`];
}

function bash(): string {
  const cases = OPTIONS.filter((option) => wanted(option) !== "nothing").map((option) => {
    const what = wanted(option);
    const answer = what === "file"
      ? 'COMPREPLY=($(compgen -f -- "$word"))'
      : typeof what === "string"
      ? "COMPREPLY=()"
      : `COMPREPLY=($(compgen -W "${what.join(" ")}" -- "$word"))`;
    return `    ${spellings(option).join(" | ")}) ${answer} ;;`;
  });
  return [
    "# bash completion for exoip, generated from its table of options",
    "_exoip() {",
    "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}",
    "  case $before in",
    ...cases,
    `    *) COMPREPLY=($(compgen -W "${OPTIONS.map(flagOf).join(" ")}" -- "$word")) ;;`,
    "  esac",
    "}",
    "complete -F _exoip exoip",
    "",
  ].join("\n");
}

function zsh(): string {
  const quoted = (text: string) => text.replace(/[[\]:\\]/g, "\\$&").replaceAll("'", "'\\''");
  const specs = OPTIONS.map((option) => {
    const what = wanted(option);
    const action = what === "file"
      ? "_files"
      : typeof what === "string"
      ? ""
      : `(${what.join(" ")})`;
    // Two colons mark an optional value.
    const colons = option.kind === "switch" ? "::" : ":";
    const value = what === "nothing" ? "" : `${colons}${quoted(option.value)}:${action}`;
    const repeated = option.kind === "list" || option.kind === "many" ? "*" : "";
    return `  '${repeated}${flagOf(option)}[${quoted(option.help)}]${value}'`;
  });
  return ["#compdef exoip", "# generated from exoip's table of options", "", "_arguments \\"]
    .concat(specs.join(" \\\n"), "").join("\n");
}

function fish(): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = OPTIONS.map((option) => {
    const what = wanted(option);
    const flag = flagOf(option);
    const name = flag.replace(/^-+/, "");
    const form = flag.startsWith("--") ? "-l" : name.length === 1 ? "-s" : "-o";
    // fish has no optional values.
    const value = what === "nothing" || option.kind === "switch"
      ? ""
      : what === "file"
      ? " -r -F"
      : ` -x${typeof what === "string" ? "" : ` -a ${quoted(what.join(" "))}`}`;
    return `complete -c exoip ${form} ${name}${value} -d ${quoted(option.help)}`;
  });
  return [
    "# fish completion for exoip, generated from its table of options",
    "complete -c exoip -f",
  ]
    .concat(lines, "").join("\n");
}

if (import.meta.main) console.log(completion((Deno.args[0] ?? "bash") as Shell).trimEnd());
