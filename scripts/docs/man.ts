// The manual page exoip(8), in roff, with the options from the one table.
import { flagOf, type Option, OPTIONS } from "../../src/options/all.ts";

/** Everything about the page that is not in the code. */
export interface Edition {
  readonly version: string;
  /** As YYYY-MM-DD. */
  readonly date: string;
}

/** The page. */
export function manPage({ version, date }: Edition): string {
  return [
    `.TH EXOIP 8 "${date}" "exoip ${version}" "System Administration"`,
    ".SH NAME",
    "exoip \\- keep an Exoscale Elastic IP on a live machine",
    ".SH SYNOPSIS",
    ...synopsis(["\\-W \\-xi", "ADDRESS"], ["\\-p", "PEER\\fR[,\\fIPEER\\fR...]"]),
    ...synopsis(["\\-A", ""], ["\\-xi", "ADDRESS"]),
    ...synopsis(["\\-D", ""], ["\\-xi", "ADDRESS"]),
    ...synopsis(["\\-\\-stop", ""], ["\\-\\-pid\\-file", "FILE"]),
    ".SH DESCRIPTION",
    ...prose(DESCRIPTION),
    ".SH OPTIONS",
    ...prose(
      "One or two dashes; a value follows, or stands behind an equals sign. A switch is turned off " +
        "with =false. A flag goes before its variables, the variables before the file of --config, " +
        "that before the configuration file of the exo command.",
    ),
    ...OPTIONS.flatMap(paragraph),
    ".SH CONFIGURATION FILE",
    ...prose(
      "A TOML file with options that have a variable, under the name of the flag without dashes, or under a second " +
        "name: " + secondNames() + ". Lists are arrays, or texts with commas.",
    ),
    ".SH SIGNALS",
    ...item("SIGUSR1, SIGUSR2", "The priority number becomes one less (better), or one more."),
    ...item(
      "SIGHUP",
      "Read the files of --env-file and --config and the secret files again, and look up the names of the " +
        "peers. What can change at once does, the log names what needs a restart, and a configuration with a " +
        "mistake changes nothing.",
    ),
    ...item(
      "SIGTERM, SIGINT",
      "Tell the peers, wait for a successor, detach, and exit. A second one skips the wait.",
    ),
    ".SH EXIT STATUS",
    ...item("0", "Done."),
    ...item("1", "The configuration is invalid, or the work failed."),
    ...item("2", "The command line cannot be parsed."),
    ".SH FILES",
    ...item("/etc/exoip/exoip.env", "Variables of exoip.service, read again at systemctl reload."),
    ...item("/etc/exoip/secret", "The API secret of exoip.service."),
    ".SH SEE ALSO",
    ".BR systemctl (1),",
    ".BR interfaces (5)",
    "",
  ].join("\n");
}

const DESCRIPTION =
  "Several machines share one Elastic IP. On each a watchdog (-W) sends a small " +
  "UDP heartbeat to its peers, decides from theirs who is best, and makes the cloud agree: the " +
  "Elastic IP is attached to the best live machine and taken from the dead. -A and -D attach or " +
  "detach it once; --stop ends the watchdog that has a PID file, and no other.";

function secondNames(): string {
  return OPTIONS.filter(({ alias }) => alias !== null).map(({ name, alias }) =>
    `${alias} (${name})`
  )
    .join(", ");
}

function synopsis(...parts: ReadonlyArray<readonly [bold: string, italic: string]>): string[] {
  const words = parts.map(([bold, italic]) => `\\fB${bold}\\fR${italic && ` \\fI${italic}\\fR`}`);
  return [".br", `\\fBexoip\\fR ${words.join(" ")} [\\fIoptions\\fR]`];
}

function paragraph(option: Option): string[] {
  const { value, variables, fallback, help } = option;
  const head = `\\fB${roff(flagOf(option))}\\fR${value && ` \\fI${roff(value)}\\fR`}`;
  const notes = [
    variables.length > 0 ? `Variable: ${variables.join(", ")}.` : "",
    fallback === "" ? "" : `Default: ${fallback}.`,
  ].filter(Boolean);
  return [".TP", head, ...prose([`${help}.`, ...notes].join("\n"))];
}

function item(head: string, text: string): string[] {
  return [".TP", `\\fB${roff(head)}\\fR`, ...prose(text)];
}

/** Text, one line for each sentence. */
function prose(text: string): string[] {
  return text.split(/\n|(?<=\.) (?=[A-Z])/).map((line) => roff(line));
}

/** A dash that can be copied, and no line that is taken for a request. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}

if (import.meta.main) {
  const [version = "", date = ""] = Deno.args;
  console.log(manPage({ version, date }).trimEnd());
}
