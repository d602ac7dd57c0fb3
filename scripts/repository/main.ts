// Makes signed package repositories of the packages that `deno task package` has built:
//
//   deno task repository --url URL [--key-file FILE] [--packages dist] [--output dist/repository]
//
//   apt/                        for apt (reprepro): one suite `stable`, for the architectures that have a package
//   rpm/                        for dnf, yum and zypper (createrepo_c): signed packages, signed metadata
//   exoip.asc                   the public key
//   exoip.sources, exoip.repo   what users put into /etc/apt/sources.list.d and /etc/yum.repos.d
//
// URL is the address at which users will find the output. FILE, or the variable REPOSITORY_SIGNING_KEY, holds one
// OpenPGP secret key without a passphrase, armoured: `gpg --armor --export-secret-keys`. No keyring of the user is read
// or changed.
import { messageOf } from "../../src/core/message_of.ts";
import { makeApt, sourcesFile } from "./apt.ts";
import { Key } from "./key.ts";
import { findPackages, type Packages } from "./packages.ts";
import { makeRpm, repoFile } from "./rpm.ts";

/** The variable that holds the secret key. */
const KEY_VARIABLE = "REPOSITORY_SIGNING_KEY";

/** What to make of what, and for where. */
export interface Order {
  readonly packages: string;
  readonly output: string;
  /** Address of the output, without a slash at its end. */
  readonly url: string;
  /** Armoured secret key. */
  readonly secretKey: string;
}

/** Makes the repositories, and puts them in place of earlier ones; returns the packages in them. */
export async function makeRepository(order: Order): Promise<Packages> {
  const { output, url } = order;
  const packages = await findPackages(order.packages);
  const part = `${output}.${Deno.pid}.part`;
  await using key = await Key.open(order.secretKey);
  try {
    await Deno.mkdir(part, { recursive: true });
    await Deno.writeTextFile(`${part}/exoip.asc`, key.publicText);
    if (packages.deb.length > 0) {
      await makeApt(packages.deb, `${part}/apt`, key);
      await Deno.writeTextFile(`${part}/exoip.sources`, sourcesFile(url, packages.deb));
    }
    if (packages.rpm.length > 0) {
      await makeRpm(packages.rpm, `${part}/rpm`, key);
      await Deno.writeTextFile(`${part}/exoip.repo`, repoFile(url));
    }
    await Deno.remove(output, { recursive: true }).catch(() => {});
    await Deno.rename(part, output);
  } finally {
    await Deno.remove(part, { recursive: true }).catch(() => {});
  }
  return packages;
}

const NAMES = ["url", "key-file", "packages", "output"];

/** The order that the command line gives. */
async function readOrder(args: readonly string[]): Promise<Order> {
  const given = new Map<string, string>();
  for (let at = 0; at < args.length; at += 2) {
    const word = args[at] ?? "", name = word.replace(/^--/, "");
    if (!word.startsWith("--") || !NAMES.includes(name)) {
      throw new Error(
        `unknown argument ${word}: wanted ${NAMES.map((each) => `--${each}`).join(", ")}`,
      );
    }
    given.set(name, args[at + 1] ?? "");
  }
  const url = given.get("url") ?? "", keyFile = given.get("key-file");
  if (!/^https?:\/\/[^\s/]+(\/[^\s/]+)*$/.test(url)) {
    throw new Error(`--url: found ${JSON.stringify(url)}, wanted one such as https://a.example/b`);
  }
  const secretKey = keyFile === undefined
    ? Deno.env.get(KEY_VARIABLE) ?? ""
    : await Deno.readTextFile(keyFile);
  if (secretKey.trim() === "") {
    throw new Error(`no key to sign with: give --key-file FILE, or ${KEY_VARIABLE} with its text`);
  }
  const packages = given.get("packages") ?? "dist";
  return { url, packages, output: given.get("output") ?? "dist/repository", secretKey };
}

if (import.meta.main) {
  try {
    const order = await readOrder(Deno.args);
    const { deb, rpm } = await makeRepository(order);
    for (const { name } of [...deb, ...rpm]) console.log(`${order.output}: ${name}`);
  } catch (error) {
    console.error(`repository: ${messageOf(error)}`);
    Deno.exit(1);
  }
}
