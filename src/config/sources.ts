// Reads what the configuration needs from files and programs: the secret, and the values of the `exo` CLI.
import { type Given, isOn, type Values } from "../options/parse.ts";
import { type ExternalInputs, nameOf } from "./config.ts";
import { messageOf } from "../core/message_of.ts";
import { type Account, DIRECTORY_VARIABLE, lends } from "./cloud.ts";
import { type ExoFindings, readExoAccount } from "./exo_config.ts";
import { AUTHORISES, doubtsOf } from "./file_doubts.ts";
import type { Host } from "../host/host.ts";
import { BUNDLE_MAX_BYTES, type ReadLimits } from "../host/text_file.ts";
import { isKeyFile } from "./key_file.ts";
import { findSharedSecret } from "./shared_secret.ts";

/** Longest time for an account's command to print the secret. */
const SECRET_COMMAND_MS = 10_000;

/**
 * Reads the secret file and the CLI's configuration, unless their values are given already. Resolves to what was found,
 * the problems, and the warnings.
 */
export async function findValues(
  { given }: Pick<Values, "given">,
  host: Pick<Host, "env" | "os" | "readTextFile" | "fileAccess" | "machine">,
): Promise<[inputs: ExternalInputs, problems: string[], warnings: string[]]> {
  const inputs: { -readonly [Name in keyof ExternalInputs]: ExternalInputs[Name] } = {};
  const problems: string[] = [], warnings: string[] = [];
  const shared = await findSharedSecret({ given }, host);
  if (shared.path) warnings.push(...await doubtsOf(shared.path, { secret: true }, host));
  if (shared.found) inputs.sharedSecret = shared.found;
  if (shared.problem) problems.push(shared.problem);
  const file = given.get("api-secret-file");
  const lent = lends({ given });
  if (file && !lent && goesBefore(file, given.get("xs"))) {
    await read("api-secret-file", file.text, {}, (text) => inputs.secretFile = text.trim());
    warnings.push(...await doubtsOf(file.text, { secret: true }, host));
  }
  const authorities = given.get("ca-file");
  if (authorities) {
    const limits = { maxBytes: BUNDLE_MAX_BYTES };
    await read("ca-file", authorities.text, limits, (text) => inputs.caFile = text);
    const use = { secret: false, use: AUTHORISES };
    warnings.push(...await doubtsOf(authorities.text, use, host));
  }
  if (usesLease({ given })) {
    await readLeaseFile("lease-password-file", true, (text) => inputs.leasePassword = text);
    await readLeaseFile("lease-cert-file", false, (text) => inputs.leaseCert = text);
    await readLeaseFile("lease-key-file", true, (text) => inputs.leaseKey = text);
  }
  const whole = isKeyFile(inputs.secretFile ?? "");
  const keyed = !lent && (whole || (given.has("xk") && (given.has("xs") || file)));
  // The endpoint that lists the zones does not say which zone is ours.
  const final = given.has("xe") && given.get("xe")?.source !== DIRECTORY_VARIABLE;
  const placed = given.has("zone") || final || given.get("api")?.text === "v1";
  if (keyed && placed) return [inputs, problems, warnings];
  const wanted = given.get("account")?.text;
  const found = await readExoAccount(host.env, { ...host, wanted });
  warnings.push(...found.warnings ?? []);
  if (found.account) {
    inputs.account = await withSecret(found, {
      lent,
      host,
      problems,
      warnings,
      looksOnly: looksOnly({ given }),
    });
  } else if (wanted && lent && !found.problem) {
    problems.push(`${nameOf("account")}: the exo CLI has no configuration file here`);
  }
  if (found.problem) (keyed ? warnings : problems).push(found.problem);
  return [inputs, problems, warnings];

  async function readLeaseFile(option: string, secret: boolean, use: (text: string) => void) {
    const path = given.get(option)?.text;
    if (path === undefined) return;
    await read(option, path, { maxBytes: BUNDLE_MAX_BYTES }, use);
    warnings.push(...await doubtsOf(path, { secret }, host));
  }

  async function read(
    option: string,
    path: string,
    limits: ReadLimits,
    use: (text: string) => void,
  ): Promise<void> {
    if (path === "") return void problems.push(`${nameOf(option)}: its path is empty`);
    try {
      use(await host.readTextFile(path, limits));
    } catch (error) {
      const reason = messageOf(error);
      problems.push(`${nameOf(option)}: cannot read ${path}: ${reason}`);
    }
  }
}

/** Only the watchdog, and a doctor or a drill for one, use the lease. */
function usesLease({ given }: Pick<Values, "given">): boolean {
  return given.has("lease") && !isOn(given.get("A")) && !isOn(given.get("D"));
}

/**
 * Whether this run only checks the configuration: it must not run anything, not even a command that prints a secret.
 */
function looksOnly({ given }: Pick<Values, "given">): boolean {
  const on = (option: string) => isOn(given.get(option));
  return on("print-config") || (on("n") && !on("doctor"));
}

/**
 * The account with its secret, which a command may have to print, if it is needed. Failures are added to the problems.
 */
async function withSecret(
  { account = {}, path = "" }: ExoFindings,
  { lent, looksOnly, host, problems, warnings }: {
    lent: boolean;
    looksOnly: boolean;
    host: Pick<Host, "machine">;
    problems: string[];
    warnings: string[];
  },
): Promise<Account> {
  const { secretCommand, ...rest } = account;
  const [program, ...args] = secretCommand ?? [];
  if (program === undefined || !lent) return rest;
  if (looksOnly) {
    warnings.push(
      `${path}: the account's secretCommand (${program}) prints the secret: not run now`,
    );
    return { ...rest, secret: "", unasked: true };
  }
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), SECRET_COMMAND_MS);
  try {
    const printed = await host.machine.run(program, args, limit.signal, {
      ownCommand: true,
    });
    return { ...rest, secret: printed.replace(/\n+$/, ""), commanded: true };
  } catch (error) {
    const late = limit.signal.aborted ? `nothing within ${SECRET_COMMAND_MS / 1000} s` : null;
    const reason = late ?? messageOf(error);
    problems.push(`${path}: the account's secretCommand (${program}) failed: ${reason}`);
    return rest;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A flag overrides a variable, our variables override others, and all override our file. At equal rank the secret
 * overrides its file.
 */
function goesBefore(file: Given, secret: Given | undefined): boolean {
  const ranks = [/^-/, /^IF_/, /^[A-Z_]+$/, /^/];
  const rank = ({ source }: Given) => ranks.findIndex((each) => each.test(source));
  return !secret || rank(file) < rank(secret);
}
