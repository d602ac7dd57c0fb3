// The manual pages, in roff: exoip(8), exoip.toml(5) and exoip(7). Options and keys come from their declarations, the
// rest from the pages in docs.
import { FILE_OPTIONS, keysOf } from "../../src/config/config_file.ts";
import { flagOf, type Option } from "../../src/options/all.ts";
import { OPTION_GROUPS } from "./groups.ts";
import { typeOf } from "./reference.ts";
import { item, prose, roff, roffOf, sectionOf, sectionsOf } from "./roff.ts";

/** The parts of a page that the code does not determine. */
export interface Edition {
  readonly version: string;
  /** As YYYY-MM-DD. */
  readonly date: string;
}

/** A manual page. */
export interface ManPage {
  /** The name for `man`. */
  readonly name: string;
  readonly chapter: 5 | 7 | 8;
  readonly text: string;
}

const DOCS = new URL("../../docs/", import.meta.url);

/** All pages. */
export function manPages(edition: Edition): ManPage[] {
  return [
    { name: "exoip", chapter: 8, text: commandPage(edition) },
    { name: "exoip.toml", chapter: 5, text: filePage(edition) },
    { name: "exoip", chapter: 7, text: overviewPage(edition) },
  ];
}

function commandPage(edition: Edition): string {
  const options = read("set-up/options.md");
  const [intro] = sectionsOf(options);
  return join([
    ...head("EXOIP", 8, edition),
    ".SH NAME",
    "exoip \\- keep an Exoscale Elastic IP on a live machine",
    ".SH SYNOPSIS",
    ...synopsis(["\\-W \\-xi", "ADDRESS"], ["\\-p", "PEER\\fR[,\\fIPEER\\fR...]"]),
    ...synopsis(["\\-A", ""], ["\\-xi", "ADDRESS"]),
    ...synopsis(["\\-D", ""], ["\\-xi", "ADDRESS"]),
    ...synopsis(["\\-\\-stop", ""], ["\\-\\-pid\\-file", "FILE"]),
    ".SH DESCRIPTION",
    ...roffOf(sectionOf(read("overview.md"), "What exoip does")),
    ".SH OPTIONS",
    ...(intro ? roffOf(intro) : []),
    ...OPTION_GROUPS.flatMap(({ title, options }) => [
      `.SS ${roff(title)}`,
      ...options.flatMap(optionEntry),
    ]),
    ".SH SIGNALS",
    ...roffOf(sectionOf(read("operation/maintenance.md"), "Signals")),
    ".SH EXIT STATUS",
    ...roffOf(sectionOf(options, "Exit codes")),
    ".SH FILES",
    ...item(
      "/etc/exoip/exoip.env",
      prose("Variables of `exoip.service`, read again at `systemctl reload`."),
    ),
    ...item("/etc/exoip/secret", prose("The API secret of `exoip.service`.")),
    ...seeAlso(["exoip", 7], ["exoip.toml", 5], ["systemctl", 1], ["interfaces", 5]),
  ]);
}

function filePage(edition: Edition): string {
  return join([
    ...head("EXOIP.TOML", 5, edition),
    ".SH NAME",
    "exoip.toml \\- configuration file of exoip",
    ".SH SYNOPSIS",
    ".B exoip \\-\\-config",
    ".I FILE",
    ".SH DESCRIPTION",
    ...roffOf(sectionOf(read("set-up/configuration.md"), "TOML")),
    ".SH KEYS",
    ...OPTION_GROUPS.flatMap(({ title, options }) => {
      const settable = options.filter((option) => FILE_OPTIONS.includes(option));
      return settable.length === 0 ? [] : [`.SS ${roff(title)}`, ...settable.flatMap(keyEntry)];
    }),
    ".SH WHAT IS IN FORCE",
    ...roffOf(sectionOf(read("set-up/configuration.md"), "What is in force")),
    ".SH FILES",
    ...prose("There is no default file: name one with `--config`."),
    ...seeAlso(["exoip", 7], ["exoip", 8]),
  ]);
}

function overviewPage(edition: Edition): string {
  return join([
    ...head("EXOIP", 7, edition),
    ".SH NAME",
    "exoip \\- Elastic IP failover: how it works, and its words",
    ...sectionsOf(read("overview.md")).filter(({ level }) => level > 1).flatMap((section) => [
      `.SH ${roff(section.title.toUpperCase())}`,
      ...roffOf(section),
    ]),
    ...seeAlso(["exoip.toml", 5], ["exoip", 8]),
  ]);
}

function read(page: string): string {
  return Deno.readTextFileSync(new URL(page, DOCS));
}

function head(title: string, chapter: number, { version, date }: Edition): string[] {
  const manuals: Readonly<Record<number, string>> = {
    5: "File Formats",
    7: "Overview",
    8: "System Administration",
  };
  return [`.TH ${title} ${chapter} "${date}" "exoip ${version}" "${manuals[chapter]}"`];
}

function synopsis(...parts: ReadonlyArray<readonly [bold: string, italic: string]>): string[] {
  const words = parts.map(([bold, italic]) => `\\fB${bold}\\fR${italic && ` \\fI${italic}\\fR`}`);
  return [".br", `\\fBexoip\\fR ${words.join(" ")} [\\fIoptions\\fR]`];
}

function optionEntry(option: Option): string[] {
  const { value, variables, fallback, help } = option;
  const flag = `\\fB${roff(flagOf(option))}\\fR${value && ` \\fI${roff(value)}\\fR`}`;
  const notes = [
    variables.length > 0 ? `Variable: ${variables.join(", ")}.` : "",
    fallback === "" ? "" : `Default: ${fallback}.`,
  ].filter(Boolean);
  return [".TP", flag, ...[`${help}.`, ...notes].map((line) => roff(line))];
}

function keyEntry(option: Option): string[] {
  const [name = "", alias] = keysOf(option);
  const notes = [
    alias === undefined ? "" : `Second name: ${name}.`,
    `Type: ${typeOf(option)}.`,
    option.fallback === "" ? "" : `Default: ${option.fallback}.`,
  ].filter(Boolean);
  return item(alias ?? name, [`${option.help}.`, ...notes].map((line) => roff(line)));
}

function seeAlso(...pages: ReadonlyArray<readonly [name: string, chapter: number]>): string[] {
  const lines = pages.map(([name, chapter]) => `.BR ${roff(name)} (${chapter})`);
  return [".SH SEE ALSO", lines.join(",\n")];
}

/** A request directly after a heading would only add an empty line. */
function join(lines: readonly string[]): string {
  const kept = lines.filter((line, at) => line !== ".PP" || !/^\.S[HS] /.test(lines[at - 1] ?? ""));
  return kept.join("\n") + "\n";
}

if (import.meta.main) {
  const [wanted = "exoip.8", version = "", date = ""] = Deno.args;
  const page = manPages({ version, date }).find(({ name, chapter }) =>
    `${name}.${chapter}` === wanted
  );
  if (!page) throw new Error(`no manual page ${wanted}: wanted exoip.8, exoip.toml.5 or exoip.7`);
  console.log(page.text.trimEnd());
}
